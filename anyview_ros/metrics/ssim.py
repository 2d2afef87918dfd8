"""Structural similarity."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.metrics.images import Image, check_mask, check_pair

_WINDOW = 7
_BORDER = _WINDOW // 2
_C1, _C2 = 0.01**2, 0.03**2


def ssim(a: Image, b: Image, mask: NDArray[np.bool_] | None = None) -> float:
    """Mean structural similarity (Wang et al., Image Quality Assessment, TIP 2004), in [-1, 1].

    The protocol is the default of scikit-image's ``structural_similarity``: windows of 7 x 7 pixels, all alike in
    weight, sample covariance, channels apart, and the mean over pixels whose window lies on the image.

    Args:
        a, b: (H, W) or (H, W, C) of one type: uint8, or floating point in [0, 1]; 7 x 7 pixels or more.
        mask: bool (H, W); the mean is over windows whose centre is in the mask (their other pixels may lie up to 3
            pixels outside it). None for all.

    Raises:
        InvalidInputError: images or mask that do not fit each other, a mask that selects nothing but border, or
            images smaller than a window.
    """
    similarity = ssim_map(a, b)
    if mask is None:
        return float(similarity.mean())
    selected = check_mask(mask, np.shape(a))
    chosen = selected[_BORDER:-_BORDER, _BORDER:-_BORDER]
    if not chosen.any():
        raise InvalidInputError(
            f"mask selects only pixels within {_BORDER} of the border, where no window fits; score them by psnr_db"
        )
    return float(similarity[chosen].mean())


def ssim_map(a: Image, b: Image) -> NDArray[np.float64]:
    """Structural similarity of each window, (H - 6, W - 6) or (H - 6, W - 6, C); see :func:`ssim`."""
    first, second = check_pair(a, b)
    if min(first.shape[:2]) < _WINDOW:
        raise InvalidInputError(f"images are {first.shape[:2]}; SSIM needs {_WINDOW} x {_WINDOW} or more")
    mean_a, mean_b = _window_mean(first), _window_mean(second)
    sample = _WINDOW**2 / (_WINDOW**2 - 1)
    variance_a = sample * (_window_mean(first * first) - mean_a * mean_a)
    variance_b = sample * (_window_mean(second * second) - mean_b * mean_b)
    covariance = sample * (_window_mean(first * second) - mean_a * mean_b)
    luminance = (2 * mean_a * mean_b + _C1) / (mean_a * mean_a + mean_b * mean_b + _C1)
    structure = (2 * covariance + _C2) / (variance_a + variance_b + _C2)
    inner = slice(_BORDER, -_BORDER)
    return np.asarray((luminance * structure)[inner, inner])


def _window_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    averaged = cv2.blur(values, (_WINDOW, _WINDOW))
    return np.asarray(averaged, np.float64).reshape(values.shape)
