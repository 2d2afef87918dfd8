"""Small bags of a moving camera with depth, CameraInfo and TF: whole ones, and ones with a fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from filmed import sway
from numpy.typing import NDArray
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import BODY_FROM_OPTICAL, RigidTransform, invert_rigid

STORE = get_typestore(Stores.ROS2_JAZZY)
START_NS = 1_700_000_000_000_000_000
DELAY_NS = 20_000_000
IMAGE, INFO = "/camera/image_raw", "/camera/camera_info"
DEPTH, DEPTH_INFO = "/camera/depth/image_raw", "/camera/depth/camera_info"
OPTICAL = "camera_optical_frame"

Entry = tuple[str, Any, int]
"""Topic, message and log time, nanoseconds."""
Edit = Callable[[str, Any, int], Entry | None]
"""What becomes of an entry; None leaves it out."""


def message(kind: str, **fields: Any) -> Any:
    """A message such as message("std_msgs/msg/Header", …)."""
    return STORE.types[kind](**fields)


def stamp(stamp_ns: int) -> Any:
    """A builtin_interfaces/Time."""
    return message("builtin_interfaces/msg/Time", sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)


def header(stamp_ns: int, frame: str) -> Any:
    """A std_msgs/Header."""
    return message("std_msgs/msg/Header", stamp=stamp(stamp_ns), frame_id=frame)


def image(pixels: NDArray[Any], encoding: str, stamp_ns: int, frame: str) -> Any:
    """A sensor_msgs/Image of (H, W) or (H, W, C)."""
    return message(
        "sensor_msgs/msg/Image",
        header=header(stamp_ns, frame),
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=pixels[0].nbytes,
        data=np.frombuffer(np.ascontiguousarray(pixels).tobytes(), np.uint8),
    )


def info(clip: PosedClip, stamp_ns: int, frame: str) -> Any:
    """A sensor_msgs/CameraInfo without distortion."""
    K = clip.camera.matrix
    return message(
        "sensor_msgs/msg/CameraInfo",
        header=header(stamp_ns, frame),
        height=clip.camera.height,
        width=clip.camera.width,
        distortion_model="plumb_bob",
        d=np.zeros(5),
        k=K.ravel(),
        r=np.eye(3).ravel(),
        p=np.hstack([K, np.zeros((3, 1))]).ravel(),
        binning_x=0,
        binning_y=0,
        roi=message(
            "sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
        ),
    )


def transform(parent: str, child: str, pose: NDArray[np.float64], stamp_ns: int) -> Any:
    """A tf2_msgs/TFMessage with one transform."""
    rigid = RigidTransform(pose)
    x, y, z = map(float, rigid.translation)
    qx, qy, qz, qw = map(float, rigid.quaternion)
    moved = message(
        "geometry_msgs/msg/Transform",
        translation=message("geometry_msgs/msg/Vector3", x=x, y=y, z=z),
        rotation=message("geometry_msgs/msg/Quaternion", x=qx, y=qy, z=qz, w=qw),
    )
    stamped = message(
        "geometry_msgs/msg/TransformStamped",
        header=header(stamp_ns, parent),
        child_frame_id=child,
        transform=moved,
    )
    return message("tf2_msgs/msg/TFMessage", transforms=[stamped])


def entries(
    clip: PosedClip,
    optical_in_body: NDArray[np.float64] = BODY_FROM_OPTICAL,
    poses: Callable[..., Any] = sway,
) -> Iterator[Entry]:
    """A healthy recording: the clip at its stamps, and map → base_link → camera_link → camera_optical_frame."""
    mounted = np.eye(4)
    mounted[:3, 3] = 0.2, 0.0, 0.5
    yield "/tf_static", transform("base_link", "camera_link", mounted, START_NS), START_NS
    yield "/tf_static", transform("camera_link", OPTICAL, optical_in_body, START_NS), START_NS
    times_s = np.arange(-0.6, clip.stamps_ns[-1] / 1e9 + 0.6, 0.02)
    camera_in_base = mounted @ BODY_FROM_OPTICAL
    for time_s, pose in zip(times_s, poses(times_s), strict=True):
        stamp_ns = START_NS + round(time_s * 1e9)
        yield "/tf", transform("map", "base_link", pose @ invert_rigid(camera_in_base), stamp_ns), stamp_ns
    for index, since_ns in enumerate(clip.stamps_ns):
        stamp_ns = START_NS + int(since_ns)
        log_ns = stamp_ns + DELAY_NS
        yield IMAGE, image(clip.frames[index], "rgb8", stamp_ns, OPTICAL), log_ns
        yield INFO, info(clip, stamp_ns, OPTICAL), log_ns
        if clip.depth is not None:
            millimetres = np.round(clip.depth[index] * 1000).astype(np.uint16)
            yield DEPTH, image(millimetres, "16UC1", stamp_ns, OPTICAL), log_ns
            yield DEPTH_INFO, info(clip, stamp_ns, OPTICAL), log_ns


def write_bag(
    path: Path, recording: Iterator[Entry], edit: Edit | None = None, *, sqlite: bool = False
) -> Path:
    """Write entries in the order of their log times; ``edit`` spoils them. Returns the path."""
    edited = [entry if edit is None else edit(*entry) for entry in recording]
    plugin = StoragePlugin.SQLITE3 if sqlite else StoragePlugin.MCAP
    with Writer(path, version=9, storage_plugin=plugin) as writer:
        connections: dict[str, Any] = {}
        for topic, content, log_ns in sorted(
            (e for e in edited if e is not None), key=lambda entry: entry[2]
        ):
            kind = content.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=STORE)
            writer.write(connections[topic], log_ns, STORE.serialize_cdr(content, kind))
    return path
