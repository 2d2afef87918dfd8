"""Video files as calibrated, fixed cameras."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from anyview_ros.errors import ReadError
from anyview_ros.media import open_video, pyav
from anyview_ros.offline.calibration import read_camera_yaml
from anyview_ros.offline.recording import RecordedCamera, RecordedFrame, Recording


def read_video(path: str | Path) -> Iterator[RecordedFrame]:
    """Decode a video file frame by frame; nothing is kept.

    Raises:
        ReadError: the file is missing, no video, or breaks off in the middle.
        MissingDependencyError: PyAV is not installed.
    """
    av = pyav()

    try:
        with open_video(path) as container:
            if not container.streams.video:
                raise ReadError(f"{path} holds no video stream; give a file such as .mp4, .mkv or .avi")
            stream = container.streams.video[0]
            first: float | None = None
            for frame in container.decode(stream):
                time_s = float(frame.time or 0.0)
                first = time_s if first is None else first
                yield RecordedFrame(
                    stamp_ns=round((time_s - first) * 1e9),
                    image=np.ascontiguousarray(frame.to_ndarray(format="rgb24")),
                )
    except (av.error.FFmpegError, OSError) as error:
        raise ReadError(f"cannot read video {path}: {error}; check that the file is whole") from error


def video_rate_hz(path: str | Path) -> float:
    """The average frame rate that the file states.

    Raises:
        ReadError: the file is missing, no video, or states no rate.
        MissingDependencyError: PyAV is not installed.
    """
    av = pyav()

    try:
        with open_video(path) as container:
            rate = container.streams.video[0].average_rate if container.streams.video else None
    except (av.error.FFmpegError, OSError) as error:
        raise ReadError(f"cannot read video {path}: {error}; check that the file is whole") from error
    if not rate:
        raise ReadError(f"{path} states no frame rate; re-encode it, for instance with ffmpeg -r 30")
    return float(rate)


def calibrated_video(path: str | Path, calibration: str | Path | None = None) -> Recording:
    """A video from one fixed camera with a ROS calibration file.

    The camera stands at the world's origin and looks along its z axis: nothing is known of its surroundings.

    Args:
        path: the video file.
        calibration: ROS camera calibration YAML; None takes the file beside the video with suffix ``.yaml``.

    Raises:
        ReadError: no such file, or a calibration of another size than the video.
        MissingDependencyError: PyAV is not installed.
    """
    path = Path(path)
    calibration = path.with_suffix(".yaml") if calibration is None else Path(calibration)
    camera = read_camera_yaml(calibration)
    frame = next(read_video(path), None)
    if frame is None:
        raise ReadError(f"{path} holds no frames")
    height, width = frame.image.shape[:2]
    if camera.size != (width, height):
        raise ReadError(
            f"{calibration} is for {camera.size[0]}x{camera.size[1]} but {path} is {width}x{height}; "
            "calibrate at the video's size"
        )
    source = RecordedCamera("camera", camera, np.eye(4), lambda: read_video(path))
    return Recording(title=path.name, source=source, references=(), rate_hz=video_rate_hz(path))
