"""Pixels and depth of ROS image messages, read without ROS.

Messages are anything with the fields of sensor_msgs: those that a bag's reader makes, or those of rclpy.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError

# encoding -> (type of one channel, channels, OpenCV's conversion to RGB or "")
_LAYOUTS: dict[str, tuple[str, int, str]] = {
    "rgb8": ("u1", 3, ""),
    "bgr8": ("u1", 3, "COLOR_BGR2RGB"),
    "8UC3": ("u1", 3, "COLOR_BGR2RGB"),
    "rgba8": ("u1", 4, "COLOR_RGBA2RGB"),
    "bgra8": ("u1", 4, "COLOR_BGRA2RGB"),
    "mono8": ("u1", 1, "COLOR_GRAY2RGB"),
    "8UC1": ("u1", 1, "COLOR_GRAY2RGB"),
    "mono16": ("u2", 1, "COLOR_GRAY2RGB"),
    # OpenCV names a pattern by its second row's second and third pixel, ROS by its first two.
    "bayer_rggb8": ("u1", 1, "COLOR_BayerBG2RGB"),
    "bayer_bggr8": ("u1", 1, "COLOR_BayerRG2RGB"),
    "bayer_gbrg8": ("u1", 1, "COLOR_BayerGR2RGB"),
    "bayer_grbg8": ("u1", 1, "COLOR_BayerGB2RGB"),
    "yuv422": ("u1", 2, "COLOR_YUV2RGB_UYVY"),
    "uyvy": ("u1", 2, "COLOR_YUV2RGB_UYVY"),
    "yuv422_yuy2": ("u1", 2, "COLOR_YUV2RGB_YUY2"),
    "yuyv": ("u1", 2, "COLOR_YUV2RGB_YUY2"),
}
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_MAX_PADDING = 4096
_DEPTHS = {"16UC1": "u2", "mono16": "u2", "32FC1": "f4"}
_DEPTH_HEADER_BYTES = 12  # of compressed_depth_image_transport: format, then two floats of quantisation


def decode_image(message: Any) -> NDArray[np.uint8]:
    """The picture of an Image or a CompressedImage (JPEG, PNG) as uint8 (H, W, 3), RGB.

    Raises:
        InvalidInputError: an encoding that is no picture, corrupt data, or sizes that do not fit the data.
    """
    if not hasattr(message, "encoding"):
        return _decode_compressed(message)
    import cv2

    layout = _LAYOUTS.get(message.encoding)
    if layout is None:
        raise InvalidInputError(
            f"image encoding is '{message.encoding}', which is no colour picture that can be read; "
            f"publish one of {', '.join(_LAYOUTS)}"
        )
    dtype, channels, conversion = layout
    pixels = _pixels(message, dtype, channels)
    if dtype == "u2":
        pixels = (pixels.astype(np.uint32) + 128) // 257
    pixels = np.ascontiguousarray(pixels, np.uint8)
    return pixels if not conversion else np.asarray(cv2.cvtColor(pixels, getattr(cv2, conversion)), np.uint8)


def _decode_compressed(message: Any) -> NDArray[np.uint8]:
    import cv2

    data = np.frombuffer(message.data, np.uint8)
    # Decoders fill what a truncated JPEG lacks with grey and say nothing; some cameras pad the end.
    cut = data[:2].tobytes() == _JPEG_START and _JPEG_END not in data[-_MAX_PADDING:].tobytes()
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    bgr = cv2.imdecode(data, flags) if len(data) and not cut else None
    if bgr is None:
        raise InvalidInputError(
            f"compressed image of {len(data)} bytes, format '{message.format}', is cut off or cannot be decoded; "
            "publish JPEG or PNG, and check the link"
        )
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def decode_depth(message: Any) -> NDArray[Any]:
    """The depth of a message as it is on the wire, (H, W), 0 where unknown.

    Args:
        message: an Image of 16UC1, mono16 (millimetres) or 32FC1 (metres), or a CompressedImage of a
            compressedDepth topic that holds 16UC1 as PNG.

    Returns:
        uint16 or float32 (H, W).

    Raises:
        InvalidInputError: another encoding, corrupt data, or sizes that do not fit the data.
    """
    if not hasattr(message, "encoding"):
        return _decode_compressed_depth(message)
    dtype = _DEPTHS.get(message.encoding)
    if dtype is None:
        raise InvalidInputError(
            f"depth encoding is '{message.encoding}'; publish 16UC1 (millimetres) or 32FC1 (metres)"
        )
    depth = _pixels(message, dtype, 1)
    if dtype == "u2":
        return depth
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))


def depth_in_metres(depth: NDArray[Any]) -> NDArray[np.float32]:
    """Depth as :func:`decode_depth` gives it in metres, float32, if it is in the unit that its type stands for."""
    scale = np.float32(1e-3 if depth.dtype == np.uint16 else 1.0)
    return depth.astype(np.float32) * scale


def _decode_compressed_depth(message: Any) -> NDArray[Any]:
    import cv2

    if not message.format.startswith(("16UC1", "mono16")):
        raise InvalidInputError(
            f"compressed depth has the format '{message.format}', which is not read here; publish 16UC1, or raw depth"
        )
    data = np.frombuffer(message.data, np.uint8)[_DEPTH_HEADER_BYTES:]
    depth = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if len(data) else None
    if depth is None or depth.dtype != np.uint16:
        raise InvalidInputError(
            f"compressed depth of {len(message.data)} bytes, format '{message.format}', holds no 16 bit PNG; "
            "check the link"
        )
    return np.asarray(depth)


def _pixels(message: Any, dtype: str, channels: int) -> NDArray[Any]:
    """(H, W) or (H, W, channels), in native byte order and without the padding of rows."""
    width, height, step = int(message.width), int(message.height), int(message.step)
    kind = np.dtype(dtype)
    row_bytes = width * channels * kind.itemsize
    data = np.frombuffer(message.data, np.uint8)
    if width == 0 or height == 0 or step < row_bytes or len(data) != step * height:
        raise InvalidInputError(
            f"{width}x{height} {message.encoding} image with step {step} has {len(data)} bytes, "
            f"but takes {max(step, row_bytes)} x {height}; the driver fills the message wrongly"
        )
    rows = np.ascontiguousarray(data.reshape(height, step)[:, :row_bytes])
    pixels = rows.view(kind).reshape(height, width, channels)
    if kind.itemsize > 1 and bool(message.is_bigendian) != (sys.byteorder == "big"):
        pixels = pixels.byteswap()
    return pixels[..., 0] if channels == 1 else pixels
