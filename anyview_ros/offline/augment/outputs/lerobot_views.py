"""Synthesised views as videos of a LeRobot dataset."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.outputs.lerobot_part import PartVideo, PartView
from anyview_ros.offline.augment.outputs.marks import COMMENT, provenance_of
from anyview_ros.offline.augment.spool import SpooledView
from anyview_ros.offline.lerobot.layout import IMAGES, camera_feature
from anyview_ros.offline.lerobot.statistics import PictureStatistics, Statistics
from anyview_ros.offline.lerobot.video_encoding import Coding, EpisodeVideo, video_info
from anyview_ros.offline.lerobot.video_joining import cut_video
from anyview_ros.offline.video_frames import VideoFrames


def camera_key(name: str) -> str:
    """The key of a camera: ``observation.images.`` and its name."""
    return IMAGES + re.sub(r"[^\w.-]+", "_", name.strip("/").removeprefix(IMAGES))


def encode(
    pictures: Iterable[NDArray[np.uint8]],
    count: int,
    path: Path,
    *,
    rate: Fraction,
    coding: Coding,
    comment: str,
) -> Statistics:
    """Write ``count`` pictures as an episode's video; returns their statistics."""
    statistics = PictureStatistics(count)
    with EpisodeVideo(path, rate=rate, coding=coding, comment=comment) as video:
        for picture in pictures:
            video.add(picture)
            statistics.add(picture)
    return statistics.result()


def cut_or_encode(
    video: VideoFrames, wanted: range, target: Path, *, rate: Fraction, feature: Mapping[str, Any]
) -> bool:
    """Copy some frames of a video that follow each other into one of their own; whether no picture was encoded anew.

    Args:
        video: of the source.
        wanted: numbers of the frames.
        target: file to write.
        rate: frames per second.
        feature: of the source's info.json, which tells how its videos are stored.

    Raises:
        InvalidInputError: depth that cannot be cut without being encoded anew, which would lose it.
    """
    if cut_video(video.path, wanted.start, len(wanted), target, rate=rate):
        return True
    if video.is_grey:
        raise InvalidInputError(
            f"{video.path} is stored in grey, as depth is, and cannot be cut at frame {wanted.start} without "
            "being encoded anew in colours, which would lose it; store it without B-frames and with a key frame where "
            "each episode begins (ffmpeg: -bf 0 -g 1)"
        )
    coding = Coding.like(feature.get("info") or {})
    encode(video.images(wanted), len(wanted), target, rate=rate, coding=coding, comment="")
    return False


def chosen(frames: Iterable[NDArray[np.uint8]], numbers: Sequence[int]) -> Iterable[NDArray[np.uint8]]:
    """Frames by ascending numbers, of which some may repeat, out of a stream of all."""
    wanted = iter(numbers)
    due = next(wanted, None)
    for number, frame in enumerate(frames):
        while due == number:
            yield frame
            due = next(wanted, None)
        if due is None:
            return


def encode_view(
    view: SpooledView, key: str, folder: Path, *, numbers: Sequence[int], rate: Fraction, coding: Coding
) -> PartView:
    """Write a view's pictures into a part.

    Args:
        view: the view.
        key: of its feature.
        folder: of the part.
        numbers: which of its pictures, one per row.
        rate: frames per second.
        coding: how they are stored.
    """
    piece = f"views/{view.name}.mp4"
    frames = (frame.image for frame in view.frames())
    statistics = encode(
        chosen(frames, numbers), len(numbers), folder / piece, rate=rate, coding=coding, comment=COMMENT
    )
    info = {**video_info(folder / piece), "synthesised": True, "source": view.source}
    poses = "" if view.fixed else f"poses/{view.name}.npy"
    if poses:
        (folder / poses).parent.mkdir(exist_ok=True)
        np.save(folder / poses, view.camera_to_world[list(numbers)], allow_pickle=False)
    return PartView(
        name=view.name,
        key=key,
        source=view.source,
        feature=camera_feature(view.camera.width, view.camera.height, info),
        video=PartVideo(piece=piece),
        statistics=statistics,
        provenance=_provenance(view),
        poses=poses,
    )


def _provenance(view: SpooledView) -> dict[str, Any]:
    names = ("fx", "fy", "cx", "cy", "width", "height")
    told = {**provenance_of(view), "camera": {name: getattr(view.camera, name) for name in names}}
    return {**told, "camera_to_world": view.camera_to_world[0].tolist()} if view.fixed else told
