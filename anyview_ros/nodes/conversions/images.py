"""Raw images as messages and as arrays."""

from __future__ import annotations

import sys
from array import array as byte_array
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from anyview_ros import messages
from anyview_ros.errors import InvalidInputError, MissingDependencyError


def image_to_rgb(msg: Image) -> NDArray[np.uint8]:
    """As :func:`anyview_ros.messages.image_to_rgb`, with cv_bridge for bayer and packed YUV.

    Raises:
        InvalidInputError: an encoding that says no colours, or sizes that do not fit the data.
        MissingDependencyError: cv_bridge is needed and not installed.
    """
    return messages.image_to_rgb(msg, unpack=_through_bridge)


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


def _through_bridge(msg: Image) -> NDArray[np.uint8]:
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
