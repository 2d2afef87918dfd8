"""Depth images: millimetres or metres on the wire, float32 metres with 0 for unknown in arrays."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.conversions.images import fill_image, image_to_array

_CONFIG_HEADER = struct.Struct("<iff")  # of compressed_depth_image_transport: format, quantisation a and b


def depth_to_metres(msg: Image) -> NDArray[np.float32]:
    """Depth as float32 (H, W), metres, 0 where unknown.

    Args:
        msg: 16UC1 (or mono16), millimetres; or 32FC1, metres (REP 118). NaN, infinite and negative depths
            are unknown.

    Raises:
        InvalidInputError: another encoding, or sizes that do not fit the data.
    """
    if msg.encoding not in ("16UC1", "mono16", "32FC1"):
        raise InvalidInputError(
            f"depth encoding is '{msg.encoding}'; publish 16UC1 (millimetres) or 32FC1 (metres)"
        )
    return _metres(image_to_array(msg))


def depth_to_image(depth_m: NDArray[np.float32], header: Header) -> Image:
    """A 32FC1 image message of depth (H, W) in metres, 0 where unknown.

    Raises:
        InvalidInputError: no floating point, or another shape.
    """
    if depth_m.ndim != 2 or not np.issubdtype(depth_m.dtype, np.floating):
        raise InvalidInputError(f"depth_m must be float32 (H, W), got {depth_m.dtype} {depth_m.shape}")
    return fill_image(depth_m.astype(np.float32, copy=False), header, "32FC1")


def compressed_depth_to_metres(msg: CompressedImage) -> NDArray[np.float32]:
    """Depth of a ``compressedDepth`` topic as float32 (H, W), metres, 0 where unknown.

    The payload is a PNG of 16 bits after 12 bytes of quantisation parameters: millimetres for 16UC1, and for
    32FC1 inverse depth, metres = a / (value - b) (compressed_depth_image_transport).

    Raises:
        InvalidInputError: another format, or data that cannot be decoded.
    """
    import cv2

    encoding, _, method = msg.format.partition(";")
    encoding = encoding.strip()
    if (
        encoding not in ("16UC1", "mono16", "32FC1")
        or "compresseddepth" not in method.lower()
        or "rvl" in method
    ):
        raise InvalidInputError(
            f"compressed depth format is '{msg.format}'; publish '16UC1; compressedDepth png' or "
            "'32FC1; compressedDepth png'"
        )
    payload = bytes(msg.data)
    if len(payload) <= _CONFIG_HEADER.size:
        raise InvalidInputError(
            f"compressed depth has {len(payload)} bytes, too few to hold an image; check the link"
        )
    _, a, b = _CONFIG_HEADER.unpack_from(payload)
    try:
        raw = cv2.imdecode(np.frombuffer(payload, np.uint8, offset=_CONFIG_HEADER.size), cv2.IMREAD_UNCHANGED)
    except cv2.error as err:
        raise InvalidInputError(f"compressed depth cannot be decoded ({err}); check the link") from err
    if raw is None or raw.dtype != np.uint16 or raw.ndim != 2:
        raise InvalidInputError(
            f"compressed depth of {len(payload)} bytes holds no PNG of 16 bit grey; "
            "it is corrupt or of another format"
        )
    return _metres(_from_inverse(raw, a, b) if encoding == "32FC1" else raw)


def _from_inverse(raw: NDArray[Any], a: float, b: float) -> NDArray[np.float32]:
    with np.errstate(divide="ignore", invalid="ignore"):
        metres = a / (raw.astype(np.float32) - np.float32(b))
    return np.where(raw == 0, np.float32(0), metres).astype(np.float32)


def _metres(depth: NDArray[Any]) -> NDArray[np.float32]:
    if depth.dtype == np.uint16:
        return depth.astype(np.float32) * np.float32(1e-3)
    known = np.isfinite(depth) & (depth > 0)
    return np.where(known, depth, np.float32(0)).astype(np.float32, copy=False)
