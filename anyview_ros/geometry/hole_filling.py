"""Filling what a warp leaves open, quickly, from the farther side of each hole."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]

_FARTHER_SIDE = 8  # weight of a pixel: its depth to this power
_NEAR_BY = np.ones((5, 5), np.uint8)
_MUCH_HEAVIER = np.float32(4)  # so many times the weight, and a level begins to give way
_NEXT_TO_DATA = 0.5  # confidence of a hole's outermost pixels, as part of that of the pixels beside them
_FADE_PX = 16.0  # distance from these over which it falls to 0


def fill_holes(image: UInt8, covered: Bool, depth: Float32 | None = None) -> UInt8:
    """Fill the pixels that are not covered from those around them.

    Averages of covered pixels are pulled up an image pyramid and pushed down into the holes (push-pull,
    Gortler et al., The Lumigraph, SIGGRAPH 1996). With depth, a pixel weighs as the eighth power of its
    depth: what a moved camera uncovers is the background.

    Args:
        image: uint8 (h, w, 3), RGB.
        covered: bool (h, w).
        depth: float32 (h, w), metres, where covered; or None to weigh all alike.

    Returns:
        uint8 (h, w, 3); covered pixels as they are. All black if nothing is covered.

    Raises:
        InvalidInputError: shapes that do not fit each other.
    """
    if image.shape != (*covered.shape, 3) or (depth is not None and depth.shape != covered.shape):
        raise InvalidInputError(
            f"image {image.shape}, covered {covered.shape} and "
            f"depth {None if depth is None else depth.shape} differ in size; give images of one size"
        )
    if covered.all() or not covered.any():
        return image.copy() if covered.any() else np.zeros_like(image)
    weight = covered.astype(np.float32)
    if depth is not None:
        typical = np.median(depth[covered])
        weight *= np.clip(depth / typical, 1e-3, 1e3) ** _FARTHER_SIDE
    weighted: Float32 = np.dstack([image * weight[..., None], weight])
    filled = image.copy()
    holes = ~covered
    filled[holes] = np.clip(np.rint(_around(weighted)[holes]), 0, 255).astype(np.uint8)
    return filled


def fill_confidence(covered: Bool, confidence: Float32) -> Float32:
    """How far filled pixels can be trusted: float32 (h, w).

    Args:
        covered: bool (h, w).
        confidence: float32 (h, w) in [0, 1], of the covered pixels.

    Returns:
        Where covered, the confidence given; in holes half of that of the nearest covered pixel, falling evenly with
        the distance to it to 0 at 17 pixels. All 0 if nothing is covered.

    Raises:
        InvalidInputError: shapes that do not fit each other.
    """
    if covered.shape != confidence.shape:
        raise InvalidInputError(
            f"covered {covered.shape} and confidence {confidence.shape} differ in size; give images of one size"
        )
    if not covered.any():
        return np.zeros(covered.shape, np.float32)
    distance, label = cv2.distanceTransformWithLabels(
        (~covered).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros(int(label.max()) + 1, np.float32)
    of_label[label[covered]] = confidence[covered]
    fading = np.clip(_NEXT_TO_DATA * (1 - (distance - 1) / _FADE_PX), 0, _NEXT_TO_DATA).astype(np.float32)
    return np.where(covered, confidence, of_label[label] * fading).astype(np.float32, copy=False)


def _around(weighted: Float32) -> Float32:
    """Colours (h, w, 3) of the coarser levels; ``weighted`` (h, w, 4) holds colours * weight, weight.

    Each level gives way to the coarser ones where it is open, or where much heavier pixels are near: beside a hole
    about as wide as the level's pixels, that is the near side of the hole.
    """
    height, width = weighted.shape[:2]
    smaller = ((width + 1) // 2, (height + 1) // 2)
    pulled = np.asarray(cv2.resize(weighted, smaller, interpolation=cv2.INTER_AREA), np.float32)
    weight = pulled[..., 3:]
    heaviest = cv2.dilate(weight, _NEAR_BY).reshape(weight.shape)
    share = np.minimum(weight * _MUCH_HEAVIER / np.where(heaviest > 0, heaviest, np.float32(1)), 1)
    colours = pulled[..., :3] / np.where(weight > 0, weight, np.float32(1))
    if pulled.shape[:2] != (1, 1):
        colours = _around(pulled) * (1 - share) + colours * share
    return np.asarray(cv2.resize(colours, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
