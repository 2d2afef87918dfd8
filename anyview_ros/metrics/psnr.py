"""Peak signal-to-noise ratio."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from anyview_ros.metrics.images import Image, check_mask, check_pair


def psnr_db(a: Image, b: Image, mask: NDArray[np.bool_] | None = None) -> float:
    """The ratio of the largest value to the root mean square difference, decibels.

    Args:
        a, b: (H, W) or (H, W, C) of one type: uint8, or floating point in [0, 1].
        mask: bool (H, W); the mean is over these pixels (all their channels) alone. None for all.

    Returns:
        10 log10(1 / mean squared error) of values in [0, 1]; inf if the images are the same there, which JSON cannot
        say: see :func:`finite_or_none`.

    Raises:
        InvalidInputError: images or mask that do not fit each other, or a mask that selects nothing.
    """
    first, second = check_pair(a, b)
    squares = np.square(first - second)
    error = float(np.mean(squares if mask is None else squares[check_mask(mask, first.shape)]))
    return math.inf if error == 0 else -10 * math.log10(error)


def finite_or_none(value: float) -> float | None:
    """A score for JSON: the value, or None where it is infinite (the PSNR of identical images) or nan."""
    return value if math.isfinite(value) else None
