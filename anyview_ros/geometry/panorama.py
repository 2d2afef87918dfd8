"""Equirectangular panoramas: where their pixels look, and what cameras in their middle see.

A panorama is (H, 2H) pixels. Its axes are those of a camera that looks at its middle (OpenCV: x right, y down,
z forward). Longitude is 0 straight ahead and grows to the right, latitude is 0 at the horizon and grows upwards. Pixel
centres lie at integers: straight ahead is between columns H - 1 and H, and the panorama ends half a pixel beyond its
outermost columns, where it meets itself (the seam), and its outermost rows (the poles).
"""

from __future__ import annotations

import math
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry.camera import PinholeCamera
from anyview_ros.geometry.rays import ray_directions

Array = NDArray[np.float64]
Bool = NDArray[np.bool_]
Pixels = TypeVar("Pixels", bound=np.generic)

_ROTATION_TOLERANCE = 1e-6


def panorama_directions(height: int) -> Array:
    """The unit directions of all pixel centres of a panorama, float64 (H, 2H, 3) in its axes.

    Raises:
        InvalidInputError: a height below 1.
    """
    if height < 1:
        raise InvalidInputError(f"height is {height}; a panorama has at least one row")
    u, v = np.meshgrid(np.arange(2.0 * height), np.arange(float(height)))
    return panorama_directions_at(np.stack([u, v], axis=-1), height)


def panorama_directions_at(pixels: ArrayLike, height: int) -> Array:
    """The unit directions (..., 3) of pixels (u, v) (..., 2), which need not be whole, of a panorama (H, 2H)."""
    uv = np.asarray(pixels, np.float64)
    longitude = (uv[..., 0] + 0.5 - height) * (math.pi / height)
    latitude = math.pi / 2 - (uv[..., 1] + 0.5) * (math.pi / height)
    across = np.cos(latitude)
    return np.stack([across * np.sin(longitude), -np.sin(latitude), across * np.cos(longitude)], axis=-1)


def panorama_pixels(directions: ArrayLike, height: int) -> Array:
    """Where directions fall in a panorama of this height.

    Args:
        directions: (..., 3) in the panorama's axes, of any length but 0.
        height: rows of the panorama.

    Returns:
        float64 (..., 2): u in [-0.5, 2H - 0.5), which wraps around at the seam, and v in [-0.5, H - 0.5].

    Raises:
        InvalidInputError: directions of another shape, of length 0 or that are not finite.
    """
    xyz = np.asarray(directions, np.float64)
    if xyz.ndim == 0 or xyz.shape[-1] != 3:
        raise InvalidInputError(f"directions must be (..., 3), got {xyz.shape}")
    length = np.linalg.norm(xyz, axis=-1)
    if not np.all(np.isfinite(length) & (length > 0)):
        raise InvalidInputError(
            "a direction has length 0 or is not finite; give vectors that point somewhere"
        )
    longitude = np.arctan2(xyz[..., 0], xyz[..., 2])
    latitude = np.arctan2(-xyz[..., 1], np.hypot(xyz[..., 0], xyz[..., 2]))
    width = 2.0 * height
    u = np.mod(longitude / (2 * math.pi) * width + height, width)
    u = np.where(u >= width, 0.0, u) - 0.5  # rounding may give the width itself
    v = (0.5 - latitude / math.pi) * height - 0.5
    return np.stack([u, v], axis=-1)


def perspective_from_panorama(
    panorama: NDArray[Pixels], camera: PinholeCamera, rotation: ArrayLike, *, nearest: bool = False
) -> NDArray[Pixels]:
    """What a pinhole camera in the middle of a panorama sees of it.

    Samples bilinearly, across the seam and over the poles; a panorama much finer than the camera is averaged first.

    Args:
        panorama: (H, 2H) or (H, 2H, C), of numbers.
        camera: intrinsics.
        rotation: (3, 3), from the camera's axes to the panorama's.
        nearest: take the nearest pixel as it is, as distances and labels need it.

    Returns:
        (h, w) or (h, w, C), of the panorama's type; whole numbers are rounded.

    Raises:
        InvalidInputError: a panorama that is not twice as wide as high, or no rotation.
    """
    _check_panorama(panorama)
    directions = ray_directions(camera) @ _rotation(rotation).T
    values: NDArray[Any] = panorama[:, :, None] if panorama.ndim == 2 else panorama
    if not nearest:
        values = _shrunk_panorama(values.astype(np.float32, copy=False), camera)
    sampled = _sampled(
        _surrounded(values),
        panorama_pixels(directions, len(values)) + 1,
        nearest=nearest,
        kind=panorama.dtype,
    )
    return sampled[..., 0] if panorama.ndim == 2 else sampled


def panorama_from_perspective(
    image: NDArray[Pixels],
    camera: PinholeCamera,
    rotation: ArrayLike,
    height: int,
    *,
    nearest: bool = False,
) -> tuple[NDArray[Pixels], Bool]:
    """Lay a pinhole camera's image into a panorama around it.

    Samples bilinearly; an image much finer than the panorama is averaged first.

    Args:
        image: (h, w) or (h, w, C), of numbers.
        camera: intrinsics of the image.
        rotation: (3, 3), from the camera's axes to the panorama's.
        height: rows H of the panorama.
        nearest: take the nearest pixel as it is, as distances and labels need it.

    Returns:
        panorama: (H, 2H) or (H, 2H, C), of the image's type; 0 where the image shows nothing.
        mask: bool (H, 2H), the pixels whose centres are on the image.

    Raises:
        InvalidInputError: an image of another size than its camera's, or no rotation.
    """
    if image.ndim not in (2, 3) or image.shape[:2] != (camera.height, camera.width):
        raise InvalidInputError(
            f"image is {image.shape} but its camera has {camera.height} rows and {camera.width} columns; "
            "resize image and camera together"
        )
    values: NDArray[Any] = image[:, :, None] if image.ndim == 2 else image
    if not nearest:
        values, camera = _shrunk_image(values.astype(np.float32, copy=False), camera, height)
    pixels, _ = camera.project(panorama_directions(height) @ _rotation(rotation))
    mask = camera.contains(pixels)
    panorama = np.zeros((height, 2 * height, values.shape[-1]), image.dtype)
    inside = np.clip(pixels[mask], 0, (camera.width - 1, camera.height - 1))
    panorama[mask] = _sampled(values, inside, nearest=nearest, kind=image.dtype)
    return (panorama[..., 0] if image.ndim == 2 else panorama), mask


def _rotation(rotation: ArrayLike) -> Array:
    matrix = np.asarray(rotation, np.float64)
    if (
        matrix.shape != (3, 3)
        or not np.isfinite(matrix).all()
        or np.abs(matrix.T @ matrix - np.eye(3)).max() > _ROTATION_TOLERANCE
        or np.linalg.det(matrix) < 0
    ):
        raise InvalidInputError(
            f"rotation is {matrix.tolist()}, no rotation; give the (3, 3) from the camera's axes to the panorama's"
        )
    return matrix


def _check_panorama(panorama: NDArray[Pixels]) -> None:
    shape = panorama.shape
    if panorama.ndim not in (2, 3) or not shape[0] or shape[1] != 2 * shape[0]:
        raise InvalidInputError(
            f"the panorama is {shape}; an equirectangular panorama is twice as wide as high: (H, 2H) or (H, 2H, C)"
        )


def _surrounded(values: NDArray[Any]) -> NDArray[Any]:
    """One pixel more on each side: across the seam, and beyond a pole, which is half a turn further on."""
    half = values.shape[1] // 2
    over = [np.roll(values[:1], half, axis=1), values, np.roll(values[-1:], half, axis=1)]
    tall = np.concatenate(over)
    return np.concatenate([tall[:, -1:], tall, tall[:, :1]], axis=1)


def _sampled(
    values: NDArray[Any], pixels: Array, *, nearest: bool, kind: np.dtype[Pixels]
) -> NDArray[Pixels]:
    """Values (H, W, C) at pixels (..., 2) that lie on them."""
    if nearest:
        column, row = np.moveaxis(np.rint(pixels).astype(np.intp), -1, 0)
        taken: NDArray[Pixels] = values[row, column].astype(kind, copy=False)
        return taken
    corner = np.floor(pixels).astype(np.intp)
    corner = np.minimum(corner, np.maximum(np.array(values.shape[1::-1]) - 2, 0))
    fraction = (pixels - corner).astype(np.float32)[..., None]
    (column, row), across, down = np.moveaxis(corner, -1, 0), fraction[..., 0, :], fraction[..., 1, :]
    right, below = np.minimum(column + 1, values.shape[1] - 1), np.minimum(row + 1, values.shape[0] - 1)
    upper = values[row, column] * (1 - across) + values[row, right] * across
    lower = values[below, column] * (1 - across) + values[below, right] * across
    mixed = upper * (1 - down) + lower * down
    if np.issubdtype(kind, np.integer):
        mixed = np.rint(mixed)
    sampled: NDArray[Pixels] = mixed.astype(kind, copy=False)
    return sampled


def _shrunk_panorama(values: NDArray[np.float32], camera: PinholeCamera) -> NDArray[np.float32]:
    """The panorama made smaller by averages, if its pixels are less than half of the camera's."""
    per_radian = len(values) / math.pi
    factor = int(per_radian / max(camera.fx, camera.fy))
    if factor < 2:
        return values
    height = max(len(values) // factor, 1)
    return _resized(values, 2 * height, height)


def _shrunk_image(
    values: NDArray[np.float32], camera: PinholeCamera, height: int
) -> tuple[NDArray[np.float32], PinholeCamera]:
    """The image made smaller by averages, if its pixels are less than half of the panorama's."""
    per_radian = height / math.pi
    factor = int(min(camera.fx, camera.fy) / per_radian)
    if factor < 2:
        return values, camera
    width, rows = max(camera.width // factor, 1), max(camera.height // factor, 1)
    return _resized(values, width, rows), camera.resized(width, rows)


def _resized(values: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    smaller = cv2.resize(values, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(smaller, np.float32).reshape(height, width, values.shape[-1])
