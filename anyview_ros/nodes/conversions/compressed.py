"""JPEG and PNG images as messages and as arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.conversions.images import check_rgb, fill_bytes

_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND"
_MAX_PADDING = 4096  # some cameras pad their JPEGs to whole blocks


def compressed_to_rgb(msg: CompressedImage) -> NDArray[np.uint8]:
    """The image as uint8 (H, W, 3), RGB.

    Args:
        msg: JPEG or PNG, grey or colour; an orientation written in the file is ignored, as CameraInfo does.

    Raises:
        InvalidInputError: another format, a bayer pattern, or data that are truncated or corrupt.
    """
    import cv2

    if msg.format.startswith("bayer"):
        raise InvalidInputError(f"compressed image format is '{msg.format}'; publish it debayered, or raw")
    data = np.frombuffer(msg.data, np.uint8)
    _check_whole(data.tobytes(), msg.format)
    try:
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as err:
        raise InvalidInputError(_corrupt(len(data), msg.format)) from err
    if bgr is None:
        raise InvalidInputError(_corrupt(len(data), msg.format))
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)


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


def _check_whole(data: bytes, said: str) -> None:
    """Refuse files without an end: decoders fill what is missing with grey and say nothing."""
    if data.startswith(_JPEG_START):
        whole = data.rfind(_JPEG_END, max(len(data) - _MAX_PADDING, 2)) >= 0
    elif data.startswith(_PNG_START):
        whole = data.rfind(_PNG_END, max(len(data) - _MAX_PADDING, 0)) >= 0
    else:
        raise InvalidInputError(
            f"compressed image of {len(data)} bytes, format '{said}', is neither JPEG nor PNG; "
            "publish one of these, or the raw image"
        )
    if not whole:
        raise InvalidInputError(_corrupt(len(data), said))


def _corrupt(count: int, said: str) -> str:
    return (
        f"compressed image of {count} bytes, format '{said}', is truncated or corrupt; "
        "the frame is lost, check the link"
    )
