"""What is seen, put into what is drawn so that no border shows."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_REACH = (0.02, 0.06, 0.15)
"""Spreads of the correction around what is seen, as parts of the panorama's height."""


def blended(drawn: Float32, seen: Float32, mask: NDArray[np.bool_]) -> Float32:
    """The seen pixels exactly, and beside them the drawn ones moved by how far these were off there.

    Args:
        drawn, seen: float32 (H, 2H, C).
        mask: bool (H, 2H), where something is seen.

    Returns:
        float32 (H, 2H, C). The correction fades with the distance from what is seen; far away what is drawn stays.
    """
    if not mask.any():
        return drawn.copy()
    off = np.where(mask[..., None], seen - drawn, np.float32(0))
    corrected = drawn.copy()
    weight = mask.astype(np.float32)
    total, share, fade = np.zeros_like(off), np.zeros_like(weight), np.zeros_like(weight)
    for reach in _REACH:
        spread = max(reach * len(mask), 0.5)
        near = _blurred(weight, spread)
        total += _blurred(off, spread).reshape(off.shape)
        share += near
        # Half of a Gaussian's mass lies beyond a straight border: twice its share is 1 there and fades outwards.
        fade = np.maximum(fade, np.clip(2 * near, 0, 1))
    corrected += (fade / np.maximum(share, np.float32(1e-6)))[..., None] * total
    return np.where(mask[..., None], seen, corrected).astype(np.float32)


def _blurred(values: Float32, spread: float) -> Float32:
    """A Gaussian blur that goes on across the seam."""
    pad = min(int(np.ceil(3 * spread)), values.shape[1])
    wide = np.concatenate([values[:, -pad:], values, values[:, :pad]], axis=1)
    blurred = cv2.GaussianBlur(wide, (0, 0), spread, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.float32)[:, pad : pad + values.shape[1]]
