"""How the bytes of an image lie: rows with padding, channels, byte order."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.messages.fields import ImageFields


def pixels_of(image: ImageFields, dtype: np.dtype[Any], channels: int) -> NDArray[Any]:
    """The pixels (H, W, channels), (H, W) of one channel, in native byte order.

    They share the message's memory where its byte order is the machine's.

    Raises:
        InvalidInputError: an empty image, or sizes that do not fit the data.
    """
    row_bytes = image.width * channels * dtype.itemsize
    check_layout(image, row_bytes)
    rows = np.frombuffer(image.data, np.uint8).reshape(image.height, image.step)[:, :row_bytes]
    pixels = rows.view(dtype).reshape(image.height, image.width, channels)
    if dtype.itemsize > 1 and bool(image.is_bigendian) != (sys.byteorder == "big"):
        pixels = pixels.byteswap()
    return pixels[..., 0] if channels == 1 else pixels


def check_layout(image: ImageFields, row_bytes: int) -> None:
    """Refuse an image whose sizes do not fit its data.

    Raises:
        InvalidInputError: an empty image, a step below ``row_bytes``, or another number of bytes than step x height.
    """
    what = f"{image.width}x{image.height} {image.encoding} image"
    if image.width == 0 or image.height == 0:
        raise InvalidInputError(f"{what} is empty; check the camera driver")
    if image.step < row_bytes:
        raise InvalidInputError(
            f"step of {what} is {image.step} but one row takes {row_bytes} bytes; "
            "the driver fills the message wrongly"
        )
    if len(image.data) != image.step * image.height:
        raise InvalidInputError(
            f"{what} has {len(image.data)} bytes of data but height x step is {image.height} x {image.step} = "
            f"{image.step * image.height}; the driver fills the message wrongly"
        )
