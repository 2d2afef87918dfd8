"""What every metric asks of the images it compares."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidInputError

Image = NDArray[np.uint8] | NDArray[np.floating]


def check_pair(a: Image, b: Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two images (H, W) or (H, W, C) as float64 with values in [0, 1].

    uint8 is divided by 255; floating point is taken to lie in [0, 1] already.

    Raises:
        InvalidInputError: images of different shape or type, of another type or rank, empty, or not finite.
    """
    first, second = np.asarray(a), np.asarray(b)
    if first.shape != second.shape or first.dtype != second.dtype:
        raise InvalidInputError(
            f"images differ: {first.dtype} {first.shape} and {second.dtype} {second.shape}; "
            "give two of one size and type"
        )
    if first.ndim not in {2, 3} or first.size == 0:
        raise InvalidInputError(f"images must be (H, W) or (H, W, C) and not empty, got {first.shape}")
    if first.dtype == np.uint8:
        return np.divide(first, 255.0, dtype=np.float64), np.divide(second, 255.0, dtype=np.float64)
    if not np.issubdtype(first.dtype, np.floating):
        raise InvalidInputError(f"images are {first.dtype}; give uint8, or floating point in [0, 1]")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise InvalidInputError("images hold nan or infinite values; mask or replace these first")
    return first.astype(np.float64), second.astype(np.float64)


def check_mask(mask: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return ``mask`` as bool (H, W).

    Raises:
        InvalidInputError: another shape or type, or a mask that selects nothing.
    """
    checked = np.asarray(mask)
    if checked.shape != shape[:2] or checked.dtype != np.bool_:
        raise InvalidInputError(f"mask must be bool {shape[:2]}, got {checked.dtype} {checked.shape}")
    if not checked.any():
        raise InvalidInputError("mask selects no pixel, so there is nothing to score; check coverage first")
    return checked
