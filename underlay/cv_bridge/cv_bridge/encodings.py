"""What the encodings of sensor_msgs mean: colour, depth and channels."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from .errors import CvBridgeError

DTYPES = {
    "8U": np.dtype(np.uint8),
    "8S": np.dtype(np.int8),
    "16U": np.dtype(np.uint16),
    "16S": np.dtype(np.int16),
    "32S": np.dtype(np.int32),
    "32F": np.dtype(np.float32),
    "64F": np.dtype(np.float64),
}
"""OpenCV's depths, in the order of its type numbers."""

CHANNELS_OF_COLOR = {"mono": 1, "rgb": 3, "bgr": 3, "rgba": 4, "bgra": 4, "bayer": 1, "yuv422": 2}
DEPTH_BITS = {8: "8U", 16: "16U"}


@dataclass(frozen=True)
class Encoding:
    """An encoding: color is None for plain numbers such as 32FC1."""

    name: str
    color: str | None
    depth: str
    channels: int

    @property
    def dtype(self) -> np.dtype:
        """The type of one number, in the machine's byte order."""
        return DTYPES[self.depth]


def encoding_of(name: str) -> Encoding:
    """Parse the name of an encoding.

    Raises CvBridgeError if it has no OpenCV type. color is one of mono, rgb, bgr, rgba, bgra, bayer_rggb (and
    its kin), yuv422 (bytes U Y V Y) and yuv422_yuy2 (bytes Y U Y V).
    """
    if name in ("yuv422", "yuv422_yuy2"):
        return Encoding(name, name, "8U", 2)
    colored = re.fullmatch(r"(mono|rgba|bgra|rgb|bgr|bayer)(_rggb|_bggr|_gbrg|_grbg)?(8|16)", name)
    if colored and (colored[1] == "bayer") == (colored[2] is not None):
        color = colored[1] + (colored[2] or "")
        return Encoding(name, color, DEPTH_BITS[int(colored[3])], CHANNELS_OF_COLOR[colored[1]])
    plain = re.fullmatch(r"(8U|8S|16U|16S|32S|32F|64F)(?:C([1-9][0-9]*))?", name)
    if plain:
        return Encoding(name, None, plain[1], int(plain[2] or 1))
    raise CvBridgeError(
        f"Unrecognized image encoding [{name}]: use one of sensor_msgs (rgb8, mono16, 32FC1, bayer_rggb8...)."
    )


def depth_of(dtype: np.dtype) -> str:
    """Name OpenCV's depth for a NumPy type. Raises CvBridgeError if it has none."""
    for depth, candidate in DTYPES.items():
        if candidate == dtype.newbyteorder("="):
            return depth
    known = ", ".join(candidate.name for candidate in DTYPES.values())
    raise CvBridgeError(f"An image of {dtype.name} has no OpenCV type: convert it to one of {known}.")
