"""Images as messages and as arrays.

The common encodings are read through NumPy alone; bayer and packed YUV patterns go through cv_bridge,
imported only when such an image arrives.
"""

from __future__ import annotations

import sys
from array import array as byte_array
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from anyview_ros.errors import InvalidInputError, MissingDependencyError

# encoding -> (type of one channel, channels)
_LAYOUTS: dict[str, tuple[str, int]] = {
    "rgb8": ("u1", 3),
    "bgr8": ("u1", 3),
    "rgba8": ("u1", 4),
    "bgra8": ("u1", 4),
    "mono8": ("u1", 1),
    "8UC1": ("u1", 1),
    "mono16": ("u2", 1),
    "16UC1": ("u2", 1),
    "32FC1": ("f4", 1),
}
_BRIDGED = ("bayer_", "yuv422", "uyvy", "yuyv")
_COLOUR_ORDER = {"rgb8": (0, 1, 2), "rgba8": (0, 1, 2), "bgr8": (2, 1, 0), "bgra8": (2, 1, 0)}


def image_to_array(msg: Image) -> NDArray[Any]:
    """The pixels of an image as they are encoded, without a copy where the message allows it.

    Args:
        msg: rgb8, bgr8, rgba8, bgra8, mono8, 8UC1, mono16, 16UC1 or 32FC1; padded rows and either byte order.

    Returns:
        (H, W, C), or (H, W) of one channel; uint8, uint16 or float32 in native byte order. It may share the
        message's memory.

    Raises:
        InvalidInputError: another encoding, an empty image, or sizes that do not fit the data.
    """
    layout = _LAYOUTS.get(msg.encoding)
    if layout is None:
        raise InvalidInputError(
            f"image encoding is '{msg.encoding}', which cannot be read as it is; "
            f"publish one of {', '.join(_LAYOUTS)}"
        )
    dtype, channels = np.dtype(layout[0]), layout[1]
    rows = _rows(msg, msg.width * channels * dtype.itemsize)
    pixels = rows.view(dtype).reshape(msg.height, msg.width, channels)
    if dtype.itemsize > 1 and bool(msg.is_bigendian) != (sys.byteorder == "big"):
        pixels = pixels.byteswap()
    return pixels[..., 0] if channels == 1 else pixels


def image_to_rgb(msg: Image) -> NDArray[np.uint8]:
    """The image as uint8 (H, W, 3), RGB, contiguous.

    Alpha is dropped, 16 bit grey is scaled to 8, bayer and packed YUV go through cv_bridge. An rgb8 image
    without padding shares the message's memory.

    Raises:
        InvalidInputError: an encoding that says no colours, or sizes that do not fit the data.
        MissingDependencyError: cv_bridge is needed and not installed.
    """
    if msg.encoding.startswith(_BRIDGED):
        return _through_bridge(msg)
    order = _COLOUR_ORDER.get(msg.encoding)
    if order is not None:
        pixels = image_to_array(msg)
        return np.ascontiguousarray(pixels if msg.encoding == "rgb8" else pixels[..., order])
    if msg.encoding in ("mono8", "8UC1"):
        return grey_to_rgb(image_to_array(msg))
    if msg.encoding == "mono16":
        return grey_to_rgb(((image_to_array(msg).astype(np.uint32) + 128) // 257).astype(np.uint8))
    readable = ", ".join((*_COLOUR_ORDER, "mono8", "mono16", "bayer_*", "yuv422*"))
    raise InvalidInputError(
        f"image encoding is '{msg.encoding}', which is no colour image; publish one of {readable}"
    )


def grey_to_rgb(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat a grey image (H, W) in three channels (H, W, 3)."""
    rgb = np.empty((*grey.shape, 3), np.uint8)
    rgb[...] = grey[..., None]
    return rgb


def rgb_to_image(pixels: NDArray[np.uint8], header: Header) -> Image:
    """An rgb8 image message of uint8 (H, W, 3).

    Raises:
        InvalidInputError: another type or shape.
    """
    check_rgb(pixels)
    return fill_image(pixels, header, "rgb8")


def mono_to_image(pixels: NDArray[np.uint8], header: Header) -> Image:
    """A mono8 image message of uint8 (H, W).

    Raises:
        InvalidInputError: another type or shape.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 2:
        raise InvalidInputError(f"pixels must be uint8 (H, W), got {pixels.dtype} {pixels.shape}")
    return fill_image(pixels, header, "mono8")


def check_rgb(pixels: NDArray[np.uint8]) -> None:
    """Refuse what is not uint8 (H, W, 3).

    Raises:
        InvalidInputError: another type or shape.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise InvalidInputError(f"pixels must be uint8 (H, W, 3), RGB, got {pixels.dtype} {pixels.shape}")


def fill_bytes(data: byte_array[int], pixels: NDArray[Any]) -> None:
    """Append an array's bytes to a message's byte field, in one copy.

    Assigning an array to the field checks each byte in Python and takes a thousand times as long.
    """
    data.frombytes(np.ascontiguousarray(pixels).reshape(-1).view(np.uint8).data)


def fill_image(pixels: NDArray[Any], header: Header, encoding: str) -> Image:
    """An image message whose data are the array's bytes; that they suit the encoding is the caller's duty."""
    msg = Image()
    msg.header = header
    msg.height, msg.width = pixels.shape[:2]
    msg.encoding = encoding
    msg.is_bigendian = int(sys.byteorder == "big")
    msg.step = pixels.itemsize * int(np.prod(pixels.shape[1:]))
    fill_bytes(msg.data, pixels)
    return msg


def _rows(msg: Image, row_bytes: int) -> NDArray[np.uint8]:
    """The image's rows without padding, uint8 (H, row_bytes)."""
    _check_layout(msg, row_bytes)
    data = np.frombuffer(msg.data, np.uint8)
    return data.reshape(msg.height, msg.step)[:, :row_bytes]


def _check_layout(msg: Image, row_bytes: int) -> None:
    what = f"{msg.width}x{msg.height} {msg.encoding} image"
    if msg.width == 0 or msg.height == 0:
        raise InvalidInputError(f"{what} is empty; check the camera driver")
    if msg.step < row_bytes:
        raise InvalidInputError(
            f"step of {what} is {msg.step} but one row takes {row_bytes} bytes; "
            "the driver fills the message wrongly"
        )
    if len(msg.data) != msg.step * msg.height:
        raise InvalidInputError(
            f"{what} has {len(msg.data)} bytes of data but height x step is {msg.height} x {msg.step} = "
            f"{msg.step * msg.height}; the driver fills the message wrongly"
        )


def _through_bridge(msg: Image) -> NDArray[np.uint8]:
    bytes_per_pixel = 2 if msg.encoding.endswith("16") or not msg.encoding.startswith("bayer_") else 1
    _check_layout(msg, msg.width * bytes_per_pixel)
    try:
        from cv_bridge import CvBridge, CvBridgeError
    except ImportError as err:
        raise MissingDependencyError(
            f"image encoding is '{msg.encoding}', which takes cv_bridge ({err}); install it "
            "(apt install ros-$ROS_DISTRO-cv-bridge) or publish rgb8"
        ) from err
    try:
        rgb = CvBridge().imgmsg_to_cv2(msg, desired_encoding="rgb8")
    except CvBridgeError as err:
        raise InvalidInputError(
            f"image encoding is '{msg.encoding}' and cv_bridge says: {err}; publish rgb8"
        ) from err
    return np.ascontiguousarray(rgb, dtype=np.uint8)
