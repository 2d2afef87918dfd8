"""From one encoding to another."""

from __future__ import annotations

import numpy as np

from .encodings import Encoding
from .errors import CvBridgeError

COLORS = ("mono", "rgb", "bgr", "rgba", "bgra")

# OpenCV names a Bayer pattern by its second row, the ROS names it by its first.
OPENCV_BAYER = {"bayer_rggb": "BG", "bayer_bggr": "RG", "bayer_gbrg": "GR", "bayer_grbg": "GB"}
OPENCV_YUV = {"yuv422": "UYVY", "yuv422_yuy2": "YUY2"}


def convert(image: np.ndarray, source: Encoding, target: Encoding) -> np.ndarray:
    """Convert colours and depth. Raises CvBridgeError where that makes no sense.

    Between 8 and 16 bit, white stays white (values are scaled by 257); all other changes of depth keep the
    values and saturate. Plain numbers have no colours: they convert only to others with as many channels.
    """
    if source.name == target.name:
        return image.copy()
    if source.color is None and target.color is not None:
        raise CvBridgeError(
            f"[{source.name}] is not a color format, but [{target.name}] is. Relabel the message "
            "with its colours or ask for passthrough."
        )
    if target.color is None:
        if source.channels != target.channels:
            raise CvBridgeError(
                f"[{source.name}] and [{target.name}] do not have the same number of channels."
            )
        return change_depth(image, target)
    if source.color == target.color and source.color in COLORS:
        return change_depth(image, target)
    return change_depth(change_color(image, source, target), target)


def change_color(image: np.ndarray, source: Encoding, target: Encoding) -> np.ndarray:
    """Convert the colours and keep the depth."""
    import cv2  # passthrough does without OpenCV

    code = getattr(cv2, opencv_code(source, target))
    try:
        return cv2.cvtColor(np.ascontiguousarray(image), code)
    except cv2.error as error:
        raise CvBridgeError(f"Conversion from [{source.name}] to [{target.name}] failed: {error}") from error


def opencv_code(source: Encoding, target: Encoding) -> str:
    """Name OpenCV's conversion. Raises CvBridgeError if there is none."""
    name = {"mono": "GRAY"}.get(target.color, target.color.upper())
    if target.color in COLORS:
        if source.color in COLORS:
            return f"COLOR_{ {'mono': 'GRAY'}.get(source.color, source.color.upper()) }2{name}"
        if source.color in OPENCV_YUV:
            return f"COLOR_YUV2{name}_{OPENCV_YUV[source.color]}"
        if target.color in ("mono", "rgb", "bgr"):
            return f"COLOR_Bayer{OPENCV_BAYER[source.color]}2{name}"
    raise CvBridgeError(f"Unsupported conversion from [{source.name}] to [{target.name}].")


def change_depth(image: np.ndarray, target: Encoding) -> np.ndarray:
    """Change the type of the numbers as OpenCV does: rounded (halves to even) and saturated."""
    dtype = target.dtype
    if image.dtype == dtype:
        return image.copy()
    scale = {(1, 2): 65535.0 / 255.0, (2, 1): 255.0 / 65535.0}.get(
        (image.dtype.itemsize, dtype.itemsize), 1.0
    )
    if dtype.kind == "f":
        return image.astype(dtype)
    limits = np.iinfo(dtype)
    values = np.rint(image.astype(np.float64) * scale)
    return np.clip(np.nan_to_num(values), limits.min, limits.max).astype(dtype)
