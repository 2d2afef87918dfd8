"""Bags of a few tiny pictures that fit many tests, and views that are made of them without any method."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from bag_maker import START_NS, Entry, header, image, message, transform
from mcap.records import Channel, Message, Schema
from mcap.stream_reader import StreamReader
from mcap.writer import CompressionType
from mcap.writer import Writer as McapPackageWriter
from robot_bags import info

from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.offline.augment.bag_episode import BagEpisode, open_bag_episodes
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.spool import SpooledView, SpoolWriter, ViewFrame

WIDTH, HEIGHT = 16, 12
CAMERA = PinholeCamera.from_fov(WIDTH, HEIGHT, horizontal_fov_deg=60)
RATE_HZ = 10
STEP_NS = 10**9 // RATE_HZ
LATE_NS = 2_000_000
OPTICAL = "eye_optical_frame"
IMAGE, COMPRESSED, INFO, DEPTH = (
    "/eye/image_raw",
    "/eye/image_raw/compressed",
    "/eye/camera_info",
    "/eye/depth/image",
)


def pixels(index: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Picture number ``index``, (HEIGHT, WIDTH, 3)."""
    return np.random.default_rng(index).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def tiny_entries(
    count: int = 8, *, compressed: bool = False, depth: bool = True, stamped: bool = True
) -> Iterator[Entry]:
    """A camera on a slide: map → slide (moves) → eye_optical_frame; pictures at 10 Hz, in the order of log times."""
    mounted = look_at((0.0, -1.0, 0.5), (0.0, 0.0, 0.0))
    yield "/tf_static", transform("slide", OPTICAL, mounted, START_NS), START_NS
    for index in range(-1, count + 1):
        stamp_ns = START_NS + (index + 1) * STEP_NS
        pose = np.eye(4)
        pose[0, 3] = 0.1 * index
        yield "/tf", transform("map", "slide", pose, stamp_ns), stamp_ns
        if not 0 <= index < count:
            continue
        log_ns, told_ns = stamp_ns + LATE_NS, stamp_ns if stamped else 0
        if compressed:
            data = cv2.imencode(".png", cv2.cvtColor(pixels(index), cv2.COLOR_RGB2BGR))[1].ravel()
            told = header(told_ns, OPTICAL)
            yield (
                COMPRESSED,
                message("sensor_msgs/msg/CompressedImage", header=told, format="png", data=data),
                log_ns,
            )
        else:
            yield IMAGE, image(pixels(index), "rgb8", told_ns, OPTICAL), log_ns
        yield INFO, info(CAMERA, told_ns, OPTICAL), log_ns
        if depth:
            metres = np.full((HEIGHT, WIDTH), 1 + index, np.float32)
            yield DEPTH, image(metres, "32FC1", told_ns, OPTICAL), log_ns
        yield "/count", message("std_msgs/msg/UInt8", data=index), log_ns


def file_in(bag: Path) -> Path:
    """A bag's only file."""
    (file,) = (path for path in bag.iterdir() if path.name != "metadata.yaml")
    return file


def in_small_chunks(
    bag: Path, chunk_bytes: int = 4000, compression: CompressionType = CompressionType.NONE
) -> Path:
    """Rewrite a bag's mcap file in small chunks with checksums; returns the file."""
    file = file_in(bag)
    with file.open("rb") as stream:
        records = list(StreamReader(stream).records)
    with file.open("wb") as written:
        writer = McapPackageWriter(written, chunk_size=chunk_bytes, compression=compression)
        writer.start("ros2")
        schemas, channels = {}, {}
        for record in records:
            if isinstance(record, Schema) and record.id not in schemas:
                schemas[record.id] = writer.register_schema(record.name, record.encoding, record.data)
            elif isinstance(record, Channel) and record.id not in channels:
                channels[record.id] = writer.register_channel(
                    record.topic, "cdr", schemas[record.schema_id], record.metadata
                )
            elif isinstance(record, Message):
                sent_ns = (
                    record.log_time - 1000
                )  # as a recorder of ROS 2 writes them: sent before they were logged
                writer.add_message(
                    channels[record.channel_id], record.log_time, record.data, sent_ns, record.log_time % 1000
                )
        writer.finish()
    return file


def opened(path: Path, **options: str) -> BagEpisode:
    """A bag as an episode."""
    (episode,) = open_bag_episodes(path, AugmentSettings(views=("any",), source_options=options))
    return episode


def view_of(
    episode: BagEpisode, folder: Path, name: str = "side", *, camera: str = "eye", fixed: bool = False
) -> SpooledView:
    """A view of all frames: the source's pictures mirrored, 10 cm to the right."""
    film = episode.film(camera)
    poses = film.camera_to_world.copy()
    poses[:, :3, 3] += 0.1 * poses[:, :3, 0]
    if fixed:
        poses[:] = poses[0]
    with SpoolWriter(folder / name) as spool:
        for frame in film.frames(range(len(film))):
            spool.add(ViewFrame(frame.image[:, ::-1], frame.image[..., 0]))
    return SpooledView(
        name, camera, film.camera, poses, film.stamps_ns, fixed, {"method": "mirror"}, folder / name
    )
