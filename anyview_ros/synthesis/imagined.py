"""Marking, in the picture itself, what no camera saw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError

_STRIPE_PX = 6
_GREY = 128


def stripe_imagined(
    image: NDArray[np.uint8], confidence: NDArray[np.float32], below: float
) -> NDArray[np.uint8]:
    """The picture with slanted grey stripes over the pixels whose confidence is below a threshold.

    Every other stripe of six pixels is drawn half grey, so that what was imagined can still be made out.

    Args:
        image: uint8 (h, w, 3), RGB.
        confidence: float32 (h, w) in [0, 1].
        below: 0 to 1; 0 marks nothing.

    Returns:
        uint8 (h, w, 3); ``image`` itself where there is nothing to mark.

    Raises:
        InvalidInputError: another shape of confidence, or a threshold out of range.
    """
    if confidence.shape != image.shape[:2]:
        raise InvalidInputError(
            f"confidence is {confidence.shape} for a picture of {image.shape[:2]}; give one per pixel"
        )
    if not 0 <= below <= 1:
        raise InvalidInputError(f"below is {below}; give a confidence from 0 to 1")
    imagined = confidence < below
    if not imagined.any():
        return image
    height, width = imagined.shape
    slanted = np.arange(height)[:, None] + np.arange(width)
    marked = imagined & (slanted // _STRIPE_PX % 2 == 0)
    striped = image.copy()
    striped[marked] = (image[marked].astype(np.uint16) + _GREY) // 2
    return striped
