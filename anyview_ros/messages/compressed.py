"""JPEG and PNG images as arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.messages.fields import CompressedImageFields
from anyview_ros.messages.whole_pictures import decoded, is_jpeg_or_png


def compressed_to_rgb(image: CompressedImageFields) -> NDArray[np.uint8]:
    """The image as uint8 (H, W, 3), RGB.

    Args:
        image: JPEG or PNG, grey or colour; an orientation written in the file is ignored, as CameraInfo does.

    Raises:
        InvalidInputError: another format, a bayer pattern, or data that are truncated or corrupt.
    """
    import cv2

    if image.format.startswith("bayer"):
        raise InvalidInputError(f"compressed image format is '{image.format}'; publish it debayered, or raw")
    data = bytes(image.data)
    if not is_jpeg_or_png(data):
        raise InvalidInputError(
            f"compressed image of {len(data)} bytes, format '{image.format}', is neither JPEG nor PNG; "
            "publish one of these, or the raw image"
        )
    bgr = decoded(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if bgr is None:
        raise InvalidInputError(
            f"compressed image of {len(data)} bytes, format '{image.format}', is truncated or corrupt; "
            "the frame is lost, check the link"
        )
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)
