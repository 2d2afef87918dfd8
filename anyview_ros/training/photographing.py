"""What cameras, lamps and lenses do to the colours of a picture; computed rooms come with little of it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
_LAMPS = (4, 4)


def photographed(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Light a picture unevenly, change its contrast, fade, blur or sharpen it, and add noise; each now and then.

    Args:
        picture: (H, W, 3), RGB.
        rng: all is drawn from.
    """
    values = picture.astype(np.float32) / 255
    if rng.uniform() < 0.4:
        values = values * np.exp(0.3 * rng.uniform() * _lamps(values.shape[:2], rng))
    if rng.uniform() < 0.6:
        values = values ** np.exp(0.25 * rng.normal())
    if rng.uniform() < 0.6:
        mean = values.mean()
        values = (values - mean) * np.exp(0.25 * rng.normal()) + mean + 0.06 * rng.normal()
    if rng.uniform() < 0.25:
        values = values + rng.uniform() * (values.mean(2, keepdims=True) - values)
    if rng.uniform() < 0.5:
        blurred = cv2.blur(values, (3, 3), borderType=cv2.BORDER_REPLICATE)
        values = values + rng.uniform(-1.5, 1.0) * (blurred - values)
    if rng.uniform() < 0.5:
        values = values + 0.04 * rng.uniform() * rng.normal(size=values.shape)
    return np.asarray(np.rint(values.clip(0, 1) * 255), np.uint8)


def _lamps(size: tuple[int, int], rng: np.random.Generator) -> Float:
    """A smooth field (H, W, 3) of about unit size: brightness, and a little colour."""
    coarse = rng.normal(size=(*_LAMPS, 1)) + 0.4 * rng.normal(size=(*_LAMPS, 3))
    fine = cv2.resize(coarse.astype(np.float32), size[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(fine, np.float32)
