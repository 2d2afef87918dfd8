"""Seeing one camera's image from another by depth: forward, backward, and what both truly see."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry.camera import PinholeCamera
from anyview_ros.geometry.facet_drawing import draw_facets
from anyview_ros.geometry.facets import DepthFacets
from anyview_ros.geometry.pixel_transfer import PixelTransfer

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

_LONGEST_SIDE = 32767  # of an image that cv2.remap can sample


@dataclass(frozen=True, eq=False)
class WarpedImage:
    """An image seen from a target camera (h, w).

    Attributes:
        image: uint8 (h, w, 3), RGB; black where nothing is seen.
        depth: float32 (h, w), metres along the target's optical axis; 0 where nothing is seen.
        coverage: bool (h, w), where the source's surface is seen.
        stretch: float32 (h, w), the larger side of a source pixel as it is seen, in target pixels: 1 is the
            source's own resolution, 2 is magnified twice; 0 where nothing is seen.
    """

    image: UInt8
    depth: Float32
    coverage: Bool
    stretch: Float32


def forward_warp(
    image: UInt8,
    depth: Float32 | DepthFacets,
    source_camera: PinholeCamera,
    source_camera_to_world: ArrayLike,
    target_camera: PinholeCamera,
    target_camera_to_world: ArrayLike,
) -> WarpedImage:
    """See a source image from a target camera by the source's depth, nearest surface first.

    Each source pixel is drawn as a planar facet (see :mod:`anyview_ros.geometry.facet_drawing`): magnified surfaces
    have no cracks, depth edges are not bridged, and colours are sampled bilinearly from the source, shrunk
    by area averages first where it is seen from twice as far or more.

    Args:
        image: uint8 (H, W, 3), RGB.
        depth: float32 (H, W), metres; 0, nan or inf where unknown. Or the facets made of it, to use them
            again.
        source_camera, target_camera: intrinsics.
        source_camera_to_world, target_camera_to_world: poses (4, 4), metres, OpenCV axes, in one world.

    Raises:
        InvalidInputError: image or depth of another shape or type than the camera's.
        InvalidPoseError: a pose that is not one finite rigid transform.
    """
    _check_image("image", image, source_camera)
    facets = depth if isinstance(depth, DepthFacets) else DepthFacets.from_depth(_depth(depth, source_camera))
    transfer = PixelTransfer.between(
        source_camera, source_camera_to_world, target_camera, target_camera_to_world
    )
    drawn = draw_facets(facets, transfer, target_camera.width, target_camera.height)
    factor = _minification(drawn.stretch[drawn.covered])
    if factor > 1:
        size = (max(source_camera.width // factor, 1), max(source_camera.height // factor, 1))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    scale_x, scale_y = image.shape[1] / source_camera.width, image.shape[0] / source_camera.height
    warped = _sample(
        image,
        (drawn.source_x + np.float32(0.5)) * np.float32(scale_x) - np.float32(0.5),
        (drawn.source_y + np.float32(0.5)) * np.float32(scale_y) - np.float32(0.5),
    )
    warped[~drawn.covered] = 0
    return WarpedImage(warped, drawn.depth, drawn.covered, drawn.stretch)


def inverse_warp(
    source_image: UInt8,
    target_depth: Float32,
    source_camera: PinholeCamera,
    source_camera_to_world: ArrayLike,
    target_camera: PinholeCamera,
    target_camera_to_world: ArrayLike,
) -> tuple[UInt8, Bool]:
    """Sample a source image where the target's pixels fall in it by the target's depth.

    Occlusion in the source is not considered; see :func:`co_visible`.

    Args:
        source_image: uint8 (H, W, 3), RGB.
        target_depth: float32 (h, w), metres; 0, nan or inf where unknown.
        source_camera, target_camera: intrinsics.
        source_camera_to_world, target_camera_to_world: poses (4, 4), metres, OpenCV axes, in one world.

    Returns:
        image: uint8 (h, w, 3), bilinear; black where not valid.
        valid: bool (h, w): the depth is known, and the point is in front of the source and on its image.

    Raises:
        InvalidInputError: image or depth of another shape or type than the camera's.
        InvalidPoseError: a pose that is not one finite rigid transform.
    """
    _check_image("source_image", source_image, source_camera)
    x, y, _, valid = _seen_from(
        _depth(target_depth, target_camera),
        target_camera,
        target_camera_to_world,
        source_camera,
        source_camera_to_world,
    )
    warped = _sample(source_image, x, y)
    warped[~valid] = 0
    return warped, valid


def co_visible(
    target_depth: Float32,
    target_camera: PinholeCamera,
    target_camera_to_world: ArrayLike,
    source_depth: Float32,
    source_camera: PinholeCamera,
    source_camera_to_world: ArrayLike,
    *,
    tolerance: float = 0.02,
) -> Bool:
    """Tell which target pixels the source sees too, by the target's true depth.

    A pixel counts if its point is on the source's image and the source's depth there agrees with the point's,
    so that nothing stands in between. State the result's mean (the coverage) beside every score taken on it.

    Args:
        target_depth: float32 (h, w), metres: the truth; 0, nan or inf where unknown.
        target_camera, source_camera: intrinsics.
        target_camera_to_world, source_camera_to_world: poses (4, 4), metres, OpenCV axes, in one world.
        source_depth: float32 (H, W), metres: the truth; 0, nan or inf where unknown.
        tolerance: the difference of depth allowed, as a part of the depth.

    Returns:
        bool (h, w); False where either depth is unknown.

    Raises:
        InvalidInputError: depth of another shape than the camera's, or a tolerance that is not positive.
        InvalidPoseError: a pose that is not one finite rigid transform.
    """
    if not 0 < tolerance < 1:
        raise InvalidInputError(
            f"tolerance is {tolerance}; give a part of the depth between 0 and 1, such as 0.02"
        )
    there = _depth(source_depth, source_camera)
    x, y, inverse, valid = _seen_from(
        _depth(target_depth, target_camera),
        target_camera,
        target_camera_to_world,
        source_camera,
        source_camera_to_world,
    )
    known = (there > 0) & np.isfinite(there)
    source_inverse = np.divide(np.float32(1), there, out=np.zeros_like(there), where=known)
    agrees = np.zeros(valid.shape, np.bool_)
    for interpolation in (cv2.INTER_NEAREST, cv2.INTER_LINEAR):
        sampled = _sample_floats(source_inverse, x, y, interpolation)
        agrees |= np.abs(sampled - inverse) <= tolerance * inverse
    nearest_known = _sample_floats(source_inverse, x, y, cv2.INTER_NEAREST) > 0
    return valid & agrees & nearest_known


def _minification(stretch: Float32) -> int:
    """By how much the source should be shrunk first, lest fine texture shimmer: a power of two, from the median."""
    if stretch.size == 0:
        return 1
    return int(2 ** max(math.floor(-math.log2(float(np.median(stretch)))), 0))


def _seen_from(
    depth: Float32,
    camera: PinholeCamera,
    camera_to_world: ArrayLike,
    other: PinholeCamera,
    other_to_world: ArrayLike,
) -> tuple[Float32, Float32, Float32, Bool]:
    """Pixels and inverse depth in another camera, and where these are in front of it and on its image."""
    known = (depth > 0) & np.isfinite(depth)
    inverse = np.divide(np.float32(1), depth, out=np.zeros_like(depth), where=known)
    transfer = PixelTransfer.between(camera, camera_to_world, other, other_to_world)
    x, y, other_inverse, _ = transfer.apply(inverse)
    slack = np.float32(1e-3)  # of a pixel: float32 rounding must not lose the border
    valid = known & (other_inverse > 0) & (x >= -slack) & (x <= other.width - 1 + slack)
    valid &= (y >= -slack) & (y <= other.height - 1 + slack)
    return np.where(valid, x, np.float32(-1)), np.where(valid, y, np.float32(-1)), other_inverse, valid


def _sample(image: UInt8, x: Float32, y: Float32) -> UInt8:
    sampled = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.uint8)


def _sample_floats(values: Float32, x: Float32, y: Float32, interpolation: int) -> Float32:
    sampled = cv2.remap(values, x, y, interpolation, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.float32)


def _check_image(name: str, image: UInt8, camera: PinholeCamera) -> None:
    if image.shape != (camera.height, camera.width, 3) or image.dtype != np.uint8:
        raise InvalidInputError(
            f"{name} must be uint8 ({camera.height}, {camera.width}, 3), as its camera says, "
            f"got {image.dtype} {image.shape}; resize image and camera together"
        )
    if max(camera.width, camera.height) > _LONGEST_SIDE:
        raise InvalidInputError(
            f"{name} is {camera.width}x{camera.height}; sides are limited to {_LONGEST_SIDE} pixels"
        )


def _depth(depth: Float32, camera: PinholeCamera) -> Float32:
    checked = np.asarray(depth)
    if checked.shape != (camera.height, camera.width) or not np.issubdtype(checked.dtype, np.floating):
        raise InvalidInputError(
            f"depth must be float32 ({camera.height}, {camera.width}) in metres, as its camera says, "
            f"got {checked.dtype} {checked.shape}; convert 16UC1 millimetres by dividing by 1000"
        )
    return checked.astype(np.float32, copy=False)
