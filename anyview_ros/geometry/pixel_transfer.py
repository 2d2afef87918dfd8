"""Where the pixels of one pinhole camera fall in another, given their depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidPoseError
from anyview_ros.geometry.camera import PinholeCamera
from anyview_ros.geometry.rigid import check_rigid, relative

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PixelTransfer:
    """The map (x, y, 1/depth) -> (u, v, 1/depth) from a source camera to a target camera.

    With w the inverse depth of pixel (x, y): ``(u s, v s, s) = H (x, y, 1) + e w`` and the target's inverse
    depth is ``w / s`` (Hartley and Zisserman, Multiple View Geometry, 2nd ed., 13.2: the plane at infinity
    and the epipole).

    Attributes:
        homography: float64 (3, 3), K_target R K_source^-1: the map of points infinitely far away.
        epipole: float64 (3,), K_target t: the source's centre in the target.
    """

    homography: NDArray[np.float64]
    epipole: NDArray[np.float64]

    @classmethod
    def between(
        cls,
        source_camera: PinholeCamera,
        source_camera_to_world: ArrayLike,
        target_camera: PinholeCamera,
        target_camera_to_world: ArrayLike,
    ) -> PixelTransfer:
        """The transfer between two posed cameras (poses (4, 4), OpenCV axes); the same in every world frame.

        Raises:
            InvalidPoseError: a pose that is not one finite rigid transform.
        """
        source_to_target = relative(
            _one_pose("target_camera_to_world", target_camera_to_world),
            _one_pose("source_camera_to_world", source_camera_to_world),
        )
        back_projection = np.linalg.inv(source_camera.matrix)
        return cls(
            target_camera.matrix @ source_to_target[:3, :3] @ back_projection,
            target_camera.matrix @ source_to_target[:3, 3],
        )

    def apply(self, inverse_depth: Float32, first_row: int = 0) -> tuple[Float32, Float32, Float32, Float32]:
        """Transfer whole rows of a source image.

        Args:
            inverse_depth: float32 (H, W), 1/depth; 0 lies infinitely far away.
            first_row: the y of its first row.

        Returns:
            u, v: float32 (H, W), pixels of the target; nan where not in front of it.
            inverse_depth: float32 (H, W) in the target; 0 where not in front of it.
            inverse_scale: float32 (H, W), 1/s of the class's equation; nan where not in front of the target.
        """
        height, width = inverse_depth.shape
        x = np.arange(width, dtype=np.float64)[None, :]
        y = np.arange(first_row, first_row + height, dtype=np.float64)[:, None]
        rows = [
            (self.homography[i, 0] * x).astype(np.float32)
            + (self.homography[i, 1] * y + self.homography[i, 2]).astype(np.float32)
            + np.float32(self.epipole[i]) * inverse_depth
            for i in range(3)
        ]
        scale = rows[2]
        inverse_scale = np.divide(
            np.float32(1), scale, out=np.full_like(scale, np.nan), where=scale > np.float32(1e-6)
        )
        target_inverse_depth = np.nan_to_num(inverse_depth * inverse_scale, copy=False)
        return rows[0] * inverse_scale, rows[1] * inverse_scale, target_inverse_depth, inverse_scale


def _one_pose(name: str, value: ArrayLike) -> NDArray[np.float64]:
    pose = check_rigid(value, name=name)
    if pose.shape != (4, 4):
        raise InvalidPoseError(f"{name} must be one pose (4, 4), got {pose.shape}; index the trajectory")
    return pose
