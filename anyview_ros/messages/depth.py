"""Depth images: millimetres or metres on the wire, float32 metres with 0 for unknown in arrays."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.messages.fields import CompressedImageFields, ImageFields
from anyview_ros.messages.images import image_to_array

_ENCODINGS = ("16UC1", "mono16", "32FC1")
_LARGEST_MM = 65535
_CONFIG_HEADER = struct.Struct("<iff")  # of compressed_depth_image_transport: format, quantisation a and b


def depth_to_metres(image: ImageFields) -> NDArray[np.float32]:
    """Depth as float32 (H, W), metres, 0 where unknown.

    Args:
        image: 16UC1 (or mono16), millimetres; or 32FC1, metres (REP 118). NaN, infinite and negative depths
            are unknown.

    Raises:
        InvalidInputError: another encoding, or sizes that do not fit the data.
    """
    return depth_in_metres(depth_values(image))


def compressed_depth_to_metres(image: CompressedImageFields) -> NDArray[np.float32]:
    """Depth of a ``compressedDepth`` topic as float32 (H, W), metres, 0 where unknown.

    The payload is a PNG of 16 bits after 12 bytes of quantisation parameters: millimetres for 16UC1, and for
    32FC1 inverse depth, metres = a / (value - b) (compressed_depth_image_transport).

    Raises:
        InvalidInputError: another format, or data that cannot be decoded.
    """
    return depth_in_metres(compressed_depth_values(image))


def depth_values(image: ImageFields) -> NDArray[Any]:
    """Depth as its camera says it, (H, W), 0 where unknown: uint16 of 16UC1 or mono16, float32 of 32FC1.

    It may share the message's memory.

    Raises:
        InvalidInputError: as :func:`depth_to_metres`.
    """
    if image.encoding not in _ENCODINGS:
        raise InvalidInputError(
            f"depth encoding is '{image.encoding}'; publish 16UC1 (millimetres) or 32FC1 (metres)"
        )
    return _without_unknown(image_to_array(image))


def compressed_depth_values(image: CompressedImageFields) -> NDArray[Any]:
    """Depth of a ``compressedDepth`` topic as :func:`depth_values` gives it.

    Raises:
        InvalidInputError: as :func:`compressed_depth_to_metres`.
    """
    import cv2

    encoding, _, method = image.format.partition(";")
    encoding = encoding.strip()
    if encoding not in _ENCODINGS or "compresseddepth" not in method.lower() or "rvl" in method:
        raise InvalidInputError(
            f"compressed depth format is '{image.format}'; publish '16UC1; compressedDepth png' or "
            "'32FC1; compressedDepth png'"
        )
    payload = bytes(image.data)
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
    return _without_unknown(_from_inverse(raw, a, b)) if encoding == "32FC1" else np.asarray(raw)


def depth_in_metres(values: NDArray[Any]) -> NDArray[np.float32]:
    """Depth as :func:`depth_values` gives it in metres, float32, if it is in the unit that its type stands for."""
    if values.dtype == np.uint16:
        return values.astype(np.float32) * np.float32(1e-3)
    return values.astype(np.float32, copy=False)


def depth_in_millimetres(depth: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Depth (H, W), metres, as 16UC1 and 16 bit PNGs have it: whole millimetres, 0 where unknown or beyond 65.535 m."""
    rounded = np.round(np.where(np.isfinite(depth), depth, 0).astype(np.float64) * 1000)
    fits = (rounded >= 0) & (rounded <= _LARGEST_MM)
    return np.where(fits, rounded, 0).astype(np.uint16)


def _from_inverse(raw: NDArray[Any], a: float, b: float) -> NDArray[np.float32]:
    with np.errstate(divide="ignore", invalid="ignore"):
        metres = a / (raw.astype(np.float32) - np.float32(b))
    return np.where(raw == 0, np.float32(0), metres).astype(np.float32)


def _without_unknown(depth: NDArray[Any]) -> NDArray[Any]:
    """With 0 for depths that are not finite or negative; whole numbers are neither."""
    if depth.dtype == np.uint16:
        return depth
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))
