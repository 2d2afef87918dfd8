"""The bridge itself."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from .conversion import convert
from .encodings import DTYPES, Encoding, depth_of, encoding_of
from .errors import CvBridgeError

PASSTHROUGH = "passthrough"


class CvBridge:
    """Converts images between ROS messages and NumPy arrays as OpenCV uses them.

    Arrays are (height, width) for one channel, (height, width, channels) for more, in native byte order.
    """

    def imgmsg_to_cv2(self, img_msg: Image, desired_encoding: str = PASSTHROUGH) -> np.ndarray:
        """Return the image of a message, in desired_encoding or as it is.

        Raises CvBridgeError if the message's sizes contradict each other or the conversion is not possible.
        """
        encoding = encoding_of(img_msg.encoding)
        image = array_of(img_msg, encoding)
        return (
            image
            if desired_encoding == PASSTHROUGH
            else convert(image, encoding, encoding_of(desired_encoding))
        )

    def cv2_to_imgmsg(
        self, cvim: np.ndarray, encoding: str = PASSTHROUGH, header: Header | None = None
    ) -> Image:
        """Return a message of an image; with passthrough the encoding is a plain type such as 8UC3.

        The pixels are not converted: encoding says what they are. Raises CvBridgeError if they cannot be.
        """
        check_array(cvim)
        height, width = cvim.shape[:2]
        channels = cvim.shape[2] if cvim.ndim == 3 else 1
        plain = f"{depth_of(cvim.dtype)}C{channels}"
        if encoding != PASSTHROUGH:
            declared = encoding_of(encoding)
            if f"{declared.depth}C{declared.channels}" != plain:
                raise CvBridgeError(
                    f"encoding specified as {encoding}, but image has incompatible type {plain}"
                )
        message = Image(height=height, width=width, encoding=plain if encoding == PASSTHROUGH else encoding)
        if header is not None:
            message.header = header
        message.is_bigendian = is_big_endian(cvim.dtype)
        message.step = width * channels * cvim.dtype.itemsize
        message.data.frombytes(np.ascontiguousarray(cvim).reshape(-1).view(np.uint8))
        return message

    def compressed_imgmsg_to_cv2(
        self, cmprs_img_msg: CompressedImage, desired_encoding: str = PASSTHROUGH
    ) -> np.ndarray:
        """Return the decoded image of a message, in OpenCV's order of channels (BGR) or in desired_encoding.

        Raises CvBridgeError if the data cannot be decoded or the conversion is not possible.
        """
        import cv2  # only the compressed forms and colours need OpenCV

        data = np.frombuffer(cmprs_img_msg.data, np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
        if image is None:
            raise CvBridgeError(
                f"CompressedImage of format [{cmprs_img_msg.format}] of {data.size} bytes cannot be decoded: "
                "the data is damaged or not of a format that OpenCV reads."
            )
        if desired_encoding == PASSTHROUGH:
            return image
        color = {2: "mono", 3: "bgr", 4: "bgra"}[image.ndim if image.ndim == 2 else image.shape[2]]
        return convert(
            image, encoding_of(f"{color}{8 * image.dtype.itemsize}"), encoding_of(desired_encoding)
        )

    def cv2_to_compressed_imgmsg(self, cvim: np.ndarray, dst_format: str = "jpg") -> CompressedImage:
        """Return a message of an encoded image (jpg, png, ...); the array is in BGR order or of one channel.

        Raises CvBridgeError if OpenCV cannot write such an array in that format.
        """
        import cv2  # only the compressed forms and colours need OpenCV

        check_array(cvim)
        try:
            written, data = cv2.imencode(f".{dst_format}", cvim)
        except cv2.error as error:
            raise CvBridgeError(f"An image of {cvim.dtype}{cvim.shape} as [{dst_format}]: {error}") from error
        if not written:
            raise CvBridgeError(f"An image of {cvim.dtype}{cvim.shape} cannot be written as [{dst_format}].")
        message = CompressedImage(format=dst_format)
        message.data.frombytes(np.ascontiguousarray(data))
        return message

    def encoding_to_dtype_with_channels(self, encoding: str) -> tuple[str, int]:
        """Return the name of the NumPy type and the number of channels of an encoding."""
        parsed = encoding_of(encoding)
        return parsed.dtype.name, parsed.channels

    def dtype_with_channels_to_cvtype2(self, dtype: Any, n_channels: int) -> str:
        """Name the plain encoding of a NumPy type and a number of channels: 8UC3."""
        return f"{depth_of(np.dtype(dtype))}C{n_channels}"

    def encoding_to_cvtype2(self, encoding: str) -> int:
        """Return OpenCV's number for the type of an encoding, such as cv2.CV_8UC3."""
        parsed = encoding_of(encoding)
        return list(DTYPES).index(parsed.depth) + ((parsed.channels - 1) << 3)


def array_of(message: Image, encoding: Encoding) -> np.ndarray:
    """Copy the pixels out of a message: padding dropped, byte order the machine's."""
    dtype = encoding.dtype.newbyteorder(">" if message.is_bigendian else "<")
    row_bytes = message.width * encoding.channels * dtype.itemsize
    data = np.frombuffer(message.data, np.uint8)
    if message.step < row_bytes:
        raise CvBridgeError(
            f"Image is wrongly formed: step {message.step} < width {message.width} * "
            f"{encoding.channels} channels * {dtype.itemsize} bytes of [{encoding.name}]."
        )
    if data.size < message.step * message.height:
        raise CvBridgeError(
            f"Image is wrongly formed: {data.size} bytes < height {message.height} * step {message.step}."
        )
    rows = data[: message.step * message.height].reshape(message.height, message.step)[:, :row_bytes]
    shape = (message.height, message.width) + ((encoding.channels,) if encoding.channels > 1 else ())
    return np.ascontiguousarray(rows).view(dtype).reshape(shape).astype(encoding.dtype)


def check_array(image: Any) -> None:
    """Raise TypeError for what is not an image."""
    if not isinstance(image, np.ndarray) or image.ndim not in (2, 3):
        shape = getattr(image, "shape", None)
        raise TypeError(
            f"Your input type is not a numpy array of (height, width[, channels]): {type(image)}, {shape}"
        )


def is_big_endian(dtype: np.dtype) -> bool:
    """Say whether numbers are stored with their big end first."""
    return dtype.byteorder == ">" or (dtype.byteorder == "=" and sys.byteorder == "big")
