"""Where the edges of depth lie, against those of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WIDTH = 320
_REACH = 16  # pixels of the reduced picture, in every direction
_JUMP = 0.06  # of the depth: a surface ends
_FEWEST = 200  # edge pixels in all pictures
_CLEAR = 4.0  # standard deviations by which the best offset stands out
_BETTER = 1.15  # by how much it must beat no offset


def edge_offset(
    pairs: Sequence[tuple[NDArray[np.uint8], NDArray[np.float32]]],
) -> tuple[float, float] | None:
    """By how many pixels (right, down) edges of depth lie off those of the pictures; None if it cannot be told.

    Jumps of depth are looked for in the gradient of brightness, at all offsets up to a twentieth of the width.

    Args:
        pairs: pictures uint8 (H, W, 3) and depth float32 (H, W) of one size, 0 where unknown.
    """
    import cv2

    total: NDArray[np.float64] = np.zeros((2 * _REACH + 1, 2 * _REACH + 1))
    count = 0
    scale = 1.0
    for rgb, depth in pairs:
        scale = max(rgb.shape[1] / _WIDTH, 1.0)
        size = (round(rgb.shape[1] / scale), round(rgb.shape[0] / scale))
        jumps = _jumps(cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST))
        strength = _strength(
            cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
        )
        inner = jumps[_REACH:-_REACH, _REACH:-_REACH]
        if inner.size == 0:
            return None
        count += int(inner.sum())
        total += cv2.matchTemplate(strength, inner, cv2.TM_CCORR)
    if count < _FEWEST:
        return None
    row, column = np.unravel_index(int(np.argmax(total)), total.shape)
    best, spread = float(total.max()), float(total.std())
    if best - float(np.median(total)) < _CLEAR * spread * 0.5 or spread == 0:
        return None
    still = float(total[_REACH - 1 : _REACH + 2, _REACH - 1 : _REACH + 2].max())
    if best < _BETTER * still:
        return 0.0, 0.0
    # The template was found (column, row) further on: the picture's edges lie there, depth's lie the other way.
    return (_REACH - float(column)) * scale, (_REACH - float(row)) * scale


def _jumps(depth: NDArray[Any]) -> NDArray[np.float32]:
    """1 on both sides of a border of pixels over which depth is known and jumps."""
    known = depth > 0
    jumps = np.zeros(depth.shape, np.float32)
    for axis in (0, 1):
        a, b = (depth[:-1], depth[1:]) if axis == 0 else (depth[:, :-1], depth[:, 1:])
        both = (known[:-1] & known[1:]) if axis == 0 else (known[:, :-1] & known[:, 1:])
        edge = both & (np.abs(a - b) > _JUMP * np.minimum(a, b))
        first, second = (jumps[:-1], jumps[1:]) if axis == 0 else (jumps[:, :-1], jumps[:, 1:])
        first[edge] = second[edge] = 1
    return jumps


def _strength(grey: NDArray[Any]) -> NDArray[np.float32]:
    """Gradient of brightness, limited so that a few strong edges do not decide."""
    import cv2

    values = grey.astype(np.float32)
    gradient = np.hypot(cv2.Sobel(values, cv2.CV_32F, 1, 0), cv2.Sobel(values, cv2.CV_32F, 0, 1))
    limit = max(float(np.percentile(gradient, 90)), 1.0)
    return np.asarray(np.minimum(gradient, limit), np.float32)
