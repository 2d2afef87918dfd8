"""What an episode shows of cameras and poses."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anyview_ros.diagnosis import (
    CameraEvidence,
    DepthEvidence,
    Evidence,
    Origin,
    Picture,
    Stream,
)
from anyview_ros.errors import ReadError
from anyview_ros.messages import Calibration
from anyview_ros.offline.episodes import Episode, EpisodeFrame

_MOST_PICTURES = 24


def episode_evidence(path: str | Path, *, image: str = "", duration_s: float | None = None) -> Evidence:
    """Read an episode and gather what the checks need.

    Args:
        path: its folder.
        image: name of one camera; "" for all whose pictures were recorded.
        duration_s: read only the first seconds; None for all.

    Raises:
        ReadError: no episode, broken files, or no camera of that name.
    """
    episode = Episode.open(path)
    if image and image not in episode.cameras:
        raise ReadError(f"{path} has no camera {image!r}; it has {', '.join(episode.cameras)}")
    names = [image] if image else list(episode.recorded)
    if not names:
        raise ReadError(
            f"the pictures of all cameras of {path} are synthesised; look at what they were made from"
        )
    until_ns = None
    if duration_s is not None:
        first_ns = min((place.stamp_ns for name in names for place in episode.places(name)), default=0)
        until_ns = first_ns + round(duration_s * 1e9)
    cameras = [_camera(episode, name, until_ns) for name in names]
    stamps = np.concatenate([camera.images.stamps_ns for camera in cameras])
    span = (int(stamps.min()), int(stamps.max())) if len(stamps) else (0, 0)
    return Evidence(Origin.EPISODE, str(path), tuple(cameras), None, span_ns=span)


def _camera(episode: Episode, name: str, until_ns: int | None) -> CameraEvidence:
    stamps: list[int] = []
    sizes: dict[tuple[int, int], None] = {}
    calibrations: dict[Calibration, None] = {}
    kept: list[EpisodeFrame] = []
    stride = 1
    for index, frame in enumerate(episode.frames(name)):
        if until_ns is not None and frame.stamp_ns > until_ns:
            break
        stamps.append(frame.stamp_ns)
        height, width = frame.image.shape[:2]
        sizes[width, height] = None
        calibrations[_calibration(frame)] = None
        if index % stride == 0:
            kept.append(frame)
        if len(kept) > _MOST_PICTURES:
            kept, stride = kept[::2], 2 * stride
    times = np.array(stamps, np.int64)
    images = Stream(name, times, times, sizes=tuple(sizes), encodings=("rgb8",))
    depth = _depth(name, kept)
    pictures = tuple(_picture(frame) for frame in kept)
    return CameraEvidence(images, None, tuple(calibrations), depth, pictures, rectified=True)


def _picture(frame: EpisodeFrame) -> Picture:
    depth_ns = None if frame.depth is None else frame.stamp_ns
    return Picture(frame.stamp_ns, frame.image, frame.depth, depth_ns, frame.camera_to_world)


def _calibration(frame: EpisodeFrame) -> Calibration:
    """As written: an episode's pictures have no distortion by definition."""
    height, width = frame.image.shape[:2]
    return Calibration.of_matrix(frame.intrinsics, width, height)


def _depth(name: str, kept: list[EpisodeFrame]) -> DepthEvidence | None:
    depths = [(frame.stamp_ns, frame.depth) for frame in kept if frame.depth is not None]
    if not depths:
        return None
    times = np.array([stamp for stamp, _ in depths], np.int64)
    known = [depth[depth > 0] for _, depth in depths]
    medians = [float(np.median(values)) * 1000 for values in known if len(values)]
    sizes = {(depth.shape[1], depth.shape[0]): None for _, depth in depths}
    stream = Stream(f"{name} depth", times, times, sizes=tuple(sizes), encodings=("16UC1",))
    share = float(np.median([float((depth > 0).mean()) for _, depth in depths]))
    return DepthEvidence(stream, None, share, float(np.median(medians)) if medians else float("nan"))
