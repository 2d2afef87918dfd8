"""Raw images as arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.messages.fields import ImageFields
from anyview_ros.messages.layout import pixels_of
from anyview_ros.messages.packed import check_packed_layout, eight_bits, is_packed, packed_to_rgb

# encoding -> (type of one channel, channels)
_LAYOUTS: dict[str, tuple[np.dtype[Any], int]] = {
    "rgb8": (np.dtype("u1"), 3),
    "bgr8": (np.dtype("u1"), 3),
    "rgba8": (np.dtype("u1"), 4),
    "bgra8": (np.dtype("u1"), 4),
    "mono8": (np.dtype("u1"), 1),
    "8UC1": (np.dtype("u1"), 1),
    "mono16": (np.dtype("u2"), 1),
    "16UC1": (np.dtype("u2"), 1),
    "32FC1": (np.dtype("f4"), 1),
}
# encoding -> OpenCV's conversion to RGB; "" where nothing is to be done
_CONVERSIONS = {
    "rgb8": "",
    "rgba8": "COLOR_RGBA2RGB",
    "bgr8": "COLOR_BGR2RGB",
    "bgra8": "COLOR_BGRA2RGB",
    "mono8": "COLOR_GRAY2RGB",
    "8UC1": "COLOR_GRAY2RGB",
    "mono16": "COLOR_GRAY2RGB",
}


def image_to_array(image: ImageFields) -> NDArray[Any]:
    """The pixels of an image as they are encoded, without a copy where the message allows it.

    Args:
        image: rgb8, bgr8, rgba8, bgra8, mono8, 8UC1, mono16, 16UC1 or 32FC1; padded rows and either byte order.

    Returns:
        (H, W, C), or (H, W) of one channel; uint8, uint16 or float32 in native byte order. It may share the
        message's memory.

    Raises:
        InvalidInputError: another encoding, an empty image, or sizes that do not fit the data.
    """
    layout = _LAYOUTS.get(image.encoding)
    if layout is None:
        raise InvalidInputError(
            f"image encoding is '{image.encoding}', which cannot be read as it is; "
            f"publish one of {', '.join(_LAYOUTS)}"
        )
    return pixels_of(image, *layout)


def image_to_rgb(
    image: ImageFields, *, unpack: Callable[[Any], NDArray[np.uint8]] = packed_to_rgb
) -> NDArray[np.uint8]:
    """The image as uint8 (H, W, 3), RGB, contiguous.

    Alpha is dropped, 16 bit grey is scaled to 8. An rgb8 image without padding shares the message's memory.

    Args:
        image: as for :func:`image_to_array`, save depth; or a mosaic (``bayer_…``) or packed YUV.
        unpack: makes uint8 (H, W, 3) of the latter two.

    Raises:
        InvalidInputError: an encoding that says no colours, or sizes that do not fit the data.
    """
    if is_packed(image.encoding):
        check_packed_layout(image)
        return unpack(image)
    conversion = _CONVERSIONS.get(image.encoding)
    if conversion is None:
        readable = ", ".join((*list(_CONVERSIONS)[:5], "mono16", "bayer_*", "yuv422*"))
        raise InvalidInputError(
            f"image encoding is '{image.encoding}', which is no colour image; publish one of {readable}"
        )
    pixels = eight_bits(image_to_array(image))
    if not conversion:
        return np.ascontiguousarray(pixels)
    import cv2

    return np.asarray(cv2.cvtColor(pixels, getattr(cv2, conversion)), np.uint8)
