"""A video whose every frame has a camera pose and a time stamp."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidClipError
from anyview_ros.geometry import PinholeCamera, check_rigid, check_stamps


@dataclass(frozen=True, eq=False)
class PosedClip:
    """What one pinhole camera saw, frame by frame.

    Attributes:
        frames: uint8 (T, H, W, 3), RGB.
        camera: intrinsics of every frame; its size is (H, W).
        camera_to_world: float64 (T, 4, 4), metres; OpenCV axes (x right, y down, z forward).
        stamps_ns: int64 (T,), strictly increasing nanoseconds.
        depth: float32 (T, H, W), metres along the optical axis, 0 where unknown; or None.

    Raises:
        InvalidClipError: shapes, types or stamps that do not fit each other.
        InvalidPoseError: a pose that is not a finite rigid transform.
    """

    frames: NDArray[np.uint8]
    camera: PinholeCamera
    camera_to_world: NDArray[np.float64]
    stamps_ns: NDArray[np.int64]
    depth: NDArray[np.float32] | None = field(default=None)

    def __post_init__(self) -> None:
        frames = np.asarray(self.frames)
        if frames.ndim != 4 or frames.shape[3] != 3 or frames.dtype != np.uint8 or len(frames) == 0:
            raise InvalidClipError(
                f"frames must be uint8 (T, H, W, 3) with T >= 1, got {frames.dtype} {frames.shape}; "
                "stack RGB images of one size"
            )
        count, height, width = frames.shape[:3]
        if (self.camera.width, self.camera.height) != (width, height):
            raise InvalidClipError(
                f"camera is {self.camera.width}x{self.camera.height} but frames are {width}x{height}; "
                "resize or crop camera and frames together"
            )
        poses = check_rigid(self.camera_to_world, name="camera_to_world")
        if poses.shape != (count, 4, 4):
            raise InvalidClipError(
                f"camera_to_world must be ({count}, 4, 4), one pose per frame, got {poses.shape}"
            )
        object.__setattr__(self, "frames", frames)
        object.__setattr__(self, "camera_to_world", poses)
        object.__setattr__(self, "stamps_ns", check_stamps(self.stamps_ns, count))
        object.__setattr__(self, "depth", _check_depth(self.depth, (count, height, width)))

    def __len__(self) -> int:
        return len(self.frames)


def _check_depth(
    depth: NDArray[np.float32] | None, shape: tuple[int, int, int]
) -> NDArray[np.float32] | None:
    if depth is None:
        return None
    checked = np.asarray(depth)
    if checked.shape != shape or not np.issubdtype(checked.dtype, np.floating):
        raise InvalidClipError(
            f"depth must be float32 {shape} in metres, got {checked.dtype} {checked.shape}; "
            "convert 16UC1 millimetres by dividing by 1000"
        )
    known = np.isfinite(checked) & (checked > 0)
    if known.all():
        return checked.astype(np.float32, copy=False)
    return np.where(known, checked, 0).astype(np.float32, copy=False)
