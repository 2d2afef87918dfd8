"""Rays through the pixels of a camera, and their Plücker coordinates."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.geometry.camera import PinholeCamera
from anyview_ros.geometry.rigid import check_rigid

Array = NDArray[np.float64]


def pixel_grid(camera: PinholeCamera) -> Array:
    """The centres (u, v) of all pixels, (H, W, 2)."""
    u, v = np.meshgrid(np.arange(camera.width, dtype=np.float64), np.arange(camera.height, dtype=np.float64))
    return np.stack([u, v], axis=-1)


def ray_directions(camera: PinholeCamera, *, unit: bool = False) -> Array:
    """The rays through all pixel centres in camera axes, (H, W, 3).

    Args:
        camera: intrinsics.
        unit: False for z = 1, so that a ray times a depth is a point; True for length 1.
    """
    directions = camera.unproject(pixel_grid(camera), 1.0)
    return directions / np.linalg.norm(directions, axis=-1, keepdims=True) if unit else directions


def plucker_rays(camera: PinholeCamera, camera_to_world: ArrayLike, *, moment_scale: float = 1.0) -> Array:
    """Plücker coordinates of the rays through all pixel centres.

    Args:
        camera: intrinsics.
        camera_to_world: (..., 4, 4), metres.
        moment_scale: factor of the moments, for networks that want them in another unit than metres.

    Returns:
        (..., H, W, 6): the unit direction d, then the moment o x d of any point o of the ray.
    """
    poses = check_rigid(camera_to_world, name="camera_to_world")
    rotation, origin = poses[..., :3, :3], moment_scale * poses[..., :3, 3, None]
    moment = np.cross(origin, rotation, axis=-2)  # o x (R d) = (o x R) d, column by column
    return _through_pixels(camera, np.concatenate([rotation, moment], axis=-2))


def _through_pixels(camera: PinholeCamera, linear: Array) -> Array:
    """Linear maps (..., K, 3) of the unit rays of all pixels: (..., H, W, K)."""
    rays = ray_directions(camera, unit=True).reshape(-1, 3)
    mapped: Array = rays @ np.swapaxes(linear, -1, -2)
    return mapped.reshape(*linear.shape[:-2], camera.height, camera.width, linear.shape[-2])
