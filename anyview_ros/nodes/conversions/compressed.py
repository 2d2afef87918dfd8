"""JPEG images as messages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.conversions.images import check_rgb, fill_bytes


def rgb_to_compressed(pixels: NDArray[np.uint8], header: Header, quality: int = 90) -> CompressedImage:
    """A JPEG message of uint8 (H, W, 3), RGB.

    Args:
        pixels: uint8 (H, W, 3), RGB.
        header: of the message.
        quality: 1 (small) to 100 (faithful).

    Raises:
        InvalidInputError: another type or shape, a quality out of range, or a size that JPEG does not have.
    """
    import cv2

    check_rgb(pixels)
    if not 1 <= quality <= 100:
        raise InvalidInputError(f"JPEG quality is {quality}; give 1 to 100")
    try:
        done, encoded = cv2.imencode(
            ".jpg",
            cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2BGR),
            [cv2.IMWRITE_JPEG_QUALITY, quality],
        )
    except cv2.error as err:
        raise InvalidInputError(f"an image of shape {pixels.shape} cannot be written as JPEG: {err}") from err
    if not done:
        raise InvalidInputError(
            f"an image of shape {pixels.shape} cannot be written as JPEG; keep to 65500 a side"
        )
    msg = CompressedImage()
    msg.header = header
    msg.format = "rgb8; jpeg compressed bgr8"
    fill_bytes(msg.data, encoded)
    return msg
