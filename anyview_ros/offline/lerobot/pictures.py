"""Pictures that stand in the rows of a dataset, as encoded files: features of dtype ``image``."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import ReadError
from anyview_ros.messages.whole_pictures import decoded


def embedded_picture(value: Any, name: str) -> NDArray[np.uint8]:
    """Decode a picture, uint8 (H, W, 3) RGB.

    Args:
        value: of the row: {"bytes": …, "path": …}.
        name: of episode and key, for messages.

    Raises:
        ReadError: no bytes, or no picture.
    """
    bgr = _decoded(value, name, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def embedded_depth(value: Any, name: str) -> NDArray[Any]:
    """Decode a picture of one channel as it is stored, uint8 or uint16 (H, W).

    Raises:
        ReadError: no bytes, no picture, or one in colour.
    """
    depth = _decoded(value, name, cv2.IMREAD_UNCHANGED)
    if depth.ndim != 2:
        raise ReadError(f"{name}: depth is a picture {depth.shape}; it must have one channel")
    return depth


def _decoded(value: Any, name: str, flags: int) -> NDArray[Any]:
    content = value.get("bytes") if isinstance(value, dict) else None
    if not isinstance(content, bytes):
        raise ReadError(
            f"{name}: a row holds no picture's bytes; write the dataset with its pictures in the rows or in videos"
        )
    pixels = decoded(content, flags)
    if pixels is None:
        raise ReadError(f"{name}: the picture of a row is cut off or cannot be decoded; the file is damaged")
    return pixels
