"""A rectified stereo pair with disparity, as one camera with depth and another that serves as truth."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import ReadError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.warp import forward_warp
from anyview_ros.offline.recording import RecordedCamera, RecordedFrame, Recording


@dataclass(frozen=True)
class StereoCalibration:
    """A rectified pair as Middlebury 2014 describes it (Scharstein et al., GCPR 2014).

    Attributes:
        focal_px, cx, cy: of the left camera, pixels.
        disparity_offset: cx of the right camera minus cx of the left, pixels.
        baseline_m: distance of the optical centres, metres.
    """

    focal_px: float
    cx: float
    cy: float
    disparity_offset: float
    baseline_m: float

    def depth(self, disparity: NDArray[np.floating]) -> NDArray[np.float32]:
        """Metres (H, W) of the left image, 0 where the disparity is unknown (not finite, or not in front)."""
        known = np.isfinite(disparity) & (disparity + self.disparity_offset > 0)
        separation = np.where(known, disparity, 1.0) + self.disparity_offset
        return np.where(known, self.focal_px * self.baseline_m / np.where(known, separation, 1.0), 0).astype(
            np.float32
        )


def stereo_recording(
    left: NDArray[np.uint8],
    right: NDArray[np.uint8],
    disparity: NDArray[np.floating],
    calibration: StereoCalibration,
    *,
    title: str,
    rate_hz: float = 5.0,
    attribution: str = "",
) -> Recording:
    """A still recording of the left camera with depth, whose truth is the right camera.

    The right camera's depth is the left's seen from there: known only where both cameras see the surface.

    Args:
        left, right: uint8 (H, W, 3), RGB, rectified.
        disparity: (H, W) pixels, of the left image: left[x] matches right[x - disparity]; not finite = unknown.
        calibration: of the pair.
        title: for people.
        rate_hz: at which the still is shown.
        attribution: source and licence.

    Raises:
        ReadError: sizes that differ.
    """
    if left.shape != right.shape or disparity.shape != left.shape[:2]:
        raise ReadError(
            f"stereo pair of {left.shape} and {right.shape} with disparity {disparity.shape}; all must agree"
        )
    height, width = left.shape[:2]
    c = calibration
    left_camera = PinholeCamera(c.focal_px, c.focal_px, c.cx, c.cy, width, height)
    right_camera = PinholeCamera(c.focal_px, c.focal_px, c.cx + c.disparity_offset, c.cy, width, height)
    right_to_world = np.eye(4)
    right_to_world[0, 3] = c.baseline_m
    depth = c.depth(disparity)
    seen_by_both = forward_warp(left, depth, left_camera, np.eye(4), right_camera, right_to_world).depth
    return Recording(
        title=title,
        source=RecordedCamera("left", left_camera, np.eye(4), _still(left, depth)),
        references=(RecordedCamera("right", right_camera, right_to_world, _still(right, seen_by_both)),),
        rate_hz=rate_hz,
        attribution=attribution,
    )


def read_middlebury(folder: str | Path) -> Recording:
    """Read a folder in the format of the Middlebury 2014 stereo data: im0.png, im1.png, disp0.pfm, calib.txt.

    Raises:
        ReadError: a file that is missing or unreadable; the message names it.
    """
    import cv2

    folder = Path(folder)
    images = {}
    for name, flag in (
        ("im0.png", cv2.IMREAD_COLOR),
        ("im1.png", cv2.IMREAD_COLOR),
        ("disp0.pfm", cv2.IMREAD_UNCHANGED),
    ):
        image = cv2.imread(str(folder / name), flag) if (folder / name).is_file() else None
        if image is None:
            raise ReadError(
                f"cannot read {folder / name}; a Middlebury folder has im0.png, im1.png, disp0.pfm, calib.txt"
            )
        images[name] = image
    return stereo_recording(
        np.ascontiguousarray(images["im0.png"][..., ::-1]),
        np.ascontiguousarray(images["im1.png"][..., ::-1]),
        images["disp0.pfm"].astype(np.float32),
        read_middlebury_calibration(folder / "calib.txt"),
        title=folder.name,
    )


def read_middlebury_calibration(path: str | Path) -> StereoCalibration:
    """Read ``calib.txt`` (lines such as ``cam0=[f 0 cx; 0 f cy; 0 0 1]``, ``doffs=``, ``baseline=`` in millimetres).

    Raises:
        ReadError: the file is missing or lacks a value.
    """
    try:
        entries = dict(re.findall(r"^(\w+)=(.+)$", Path(path).read_text(encoding="utf-8"), re.MULTILINE))
        matrix = [float(value) for value in re.findall(r"[-+.\deE]+", entries["cam0"])]
        return StereoCalibration(
            focal_px=matrix[0],
            cx=matrix[2],
            cy=matrix[5],
            disparity_offset=float(entries["doffs"]),
            baseline_m=float(entries["baseline"]) / 1000,
        )
    except OSError as error:
        raise ReadError(f"no calibration at {path}: {error.strerror}") from error
    except (KeyError, IndexError, ValueError) as error:
        raise ReadError(f"{path} lacks or garbles {error}; expected cam0=, doffs= and baseline=") from error


def _still(
    image: NDArray[np.uint8], depth: NDArray[np.float32] | None = None
) -> Callable[[], Iterator[RecordedFrame]]:
    return lambda: iter([RecordedFrame(0, image, depth)])
