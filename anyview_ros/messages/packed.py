"""Mosaics and packed YUV, of which several values make one pixel's colour."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.messages.fields import ImageFields
from anyview_ros.messages.layout import check_layout, pixels_of

_PREFIXES = ("bayer_", "yuv422", "uyvy", "yuyv")
# OpenCV names a pattern by its second row's second and third pixel, ROS by its first two.
_PATTERNS = {"rggb": "BG", "bggr": "RG", "gbrg": "GR", "grbg": "GB"}
# encoding -> (type of one value, values per pixel, OpenCV's conversion)
_LAYOUTS = {
    **{
        f"bayer_{pattern}{bits}": (f"u{bits // 8}", 1, f"COLOR_Bayer{name}2RGB")
        for pattern, name in _PATTERNS.items()
        for bits in (8, 16)
    },
    "yuv422": ("u1", 2, "COLOR_YUV2RGB_UYVY"),
    "uyvy": ("u1", 2, "COLOR_YUV2RGB_UYVY"),
    "yuv422_yuy2": ("u1", 2, "COLOR_YUV2RGB_YUY2"),
    "yuyv": ("u1", 2, "COLOR_YUV2RGB_YUY2"),
}


def is_packed(encoding: str) -> bool:
    """Whether an encoding is a mosaic or packed YUV."""
    return encoding.startswith(_PREFIXES)


def check_packed_layout(image: ImageFields) -> None:
    """Refuse a packed image whose sizes do not fit its data.

    Raises:
        InvalidInputError: as :func:`~anyview_ros.messages.layout.check_layout`.
    """
    wide = image.encoding.endswith("16") or not image.encoding.startswith("bayer_")
    check_layout(image, image.width * (2 if wide else 1))


def packed_to_rgb(image: ImageFields) -> NDArray[np.uint8]:
    """A mosaic or packed YUV as uint8 (H, W, 3), RGB, by OpenCV.

    Raises:
        InvalidInputError: another encoding, sizes that do not fit the data or are too small for the conversion.
    """
    import cv2

    layout = _LAYOUTS.get(image.encoding)
    if layout is None:
        raise InvalidInputError(
            f"image encoding is '{image.encoding}', which cannot be unpacked; publish rgb8, or one of "
            f"{', '.join(_LAYOUTS)}"
        )
    dtype, values, conversion = layout
    pixels = pixels_of(image, np.dtype(dtype), values)
    try:
        rgb = cv2.cvtColor(np.ascontiguousarray(pixels), getattr(cv2, conversion))
    except cv2.error as err:
        raise InvalidInputError(
            f"a {image.width}x{image.height} {image.encoding} image cannot be unpacked: {err}; publish rgb8"
        ) from err
    return eight_bits(rgb)


def eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Pixels of 8 or 16 bit in 8 bit, white staying white."""
    if pixels.dtype == np.uint16:
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return np.asarray(pixels, np.uint8)
