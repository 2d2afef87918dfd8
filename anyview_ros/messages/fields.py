"""The fields that readers need of messages, whichever library made these."""

from __future__ import annotations

from array import array
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

ByteField: TypeAlias = "bytes | array[int] | NDArray[np.uint8]"
"""Bytes as libraries give them: rclpy an array of bytes, rosbags a NumPy array."""


class StampFields(Protocol):
    """builtin_interfaces/Time or Duration."""

    sec: int
    nanosec: int


class ImageFields(Protocol):
    """sensor_msgs/Image, less its header."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    data: ByteField


class CompressedImageFields(Protocol):
    """sensor_msgs/CompressedImage, less its header."""

    format: str
    data: ByteField


class HeaderFields(Protocol):
    """std_msgs/Header."""

    frame_id: str


class RegionFields(Protocol):
    """sensor_msgs/RegionOfInterest."""

    x_offset: int
    y_offset: int
    height: int
    width: int


class CameraInfoFields(Protocol):
    """sensor_msgs/CameraInfo."""

    header: HeaderFields
    height: int
    width: int
    distortion_model: str
    d: NDArray[np.float64]
    k: NDArray[np.float64]
    r: NDArray[np.float64]
    p: NDArray[np.float64]
    binning_x: int
    binning_y: int
    roi: RegionFields
