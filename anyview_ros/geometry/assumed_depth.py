"""Depth where none was measured: a constant, or a plane known to be there, such as the table."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry.camera import PinholeCamera
from anyview_ros.geometry.rigid import check_rigid


def constant_depth(camera: PinholeCamera, depth_m: float) -> NDArray[np.float32]:
    """A depth image (H, W) that is ``depth_m`` everywhere.

    Raises:
        InvalidInputError: a depth that is not positive and finite.
    """
    if not 0 < depth_m < np.inf:
        raise InvalidInputError(f"depth_m is {depth_m}; give a finite number of metres above 0")
    return np.full((camera.height, camera.width), depth_m, np.float32)


def plane_depth(
    camera: PinholeCamera, camera_to_world: ArrayLike, point: ArrayLike, normal: ArrayLike
) -> NDArray[np.float32]:
    """The depth image of a plane.

    Args:
        camera: intrinsics.
        camera_to_world: (4, 4), metres, OpenCV axes.
        point: (3,), a point of the plane, world.
        normal: (3,), world; of any length but zero, and either sign.

    Returns:
        float32 (H, W), metres along the optical axis; 0 where the pixel's ray does not meet the plane in
        front of the camera.

    Raises:
        InvalidInputError: a point or normal that is not three finite numbers, or a normal of length zero.
        InvalidPoseError: a pose that is not a finite rigid transform.
    """
    world_to_camera = np.linalg.inv(check_rigid(camera_to_world, name="camera_to_world"))
    n = world_to_camera[:3, :3] @ _direction("normal", normal)
    offset = n @ (world_to_camera[:3, :3] @ _vector("point", point) + world_to_camera[:3, 3])
    a, b = n[0] / camera.fx, n[1] / camera.fy
    x = a * (np.arange(camera.width) - camera.cx)
    y = b * (np.arange(camera.height) - camera.cy) + n[2]
    towards = x[None, :] + y[:, None]  # n . ray, for rays of depth 1
    meets = (towards * offset > 0) & (np.abs(towards) > 1e-9)
    depth: NDArray[np.float32] = np.zeros(towards.shape, np.float32)
    depth[meets] = offset / towards[meets]
    return depth


def _vector(name: str, value: ArrayLike) -> NDArray[np.float64]:
    vector = np.asarray(value, dtype=np.float64)
    if vector.shape != (3,) or not np.isfinite(vector).all():
        raise InvalidInputError(f"{name} must be three finite numbers, got {vector.tolist()}")
    return vector


def _direction(name: str, value: ArrayLike) -> NDArray[np.float64]:
    vector = _vector(name, value)
    length = np.linalg.norm(vector)
    if length < 1e-12:
        raise InvalidInputError(
            f"{name} is {vector.tolist()}, which has no direction; give another than zero"
        )
    return np.asarray(vector / length)
