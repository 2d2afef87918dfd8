"""Arrays as compressed bytes, taken apart again only into the shape that was announced."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.messages.whole_pictures import decoded, stated_size

_LEVEL = 1  # of PNG and zlib: views are noise at their finest, more effort gains little


def pack_picture(image: NDArray[np.uint8], quality: int | None = None) -> bytes:
    """A picture, uint8 (H, W, 3) RGB or (H, W), as PNG, or as JPEG of a quality from 1 to 100.

    Raises:
        InvalidInputError: another array, or one that its format cannot hold, such as a JPEG of more than 65500 columns.
    """
    import cv2

    if image.dtype != np.uint8 or image.ndim < 2 or image.shape[2:] not in ((), (3,)) or not image.size:
        raise InvalidInputError(
            f"a picture is {image.dtype} {image.shape}; give uint8 (H, W, 3) or (H, W) with a pixel at least"
        )
    pixels = np.ascontiguousarray(image[..., ::-1]) if image.ndim == 3 else image
    kind, how = (
        (".png", [cv2.IMWRITE_PNG_COMPRESSION, _LEVEL])
        if quality is None
        else (".jpg", [cv2.IMWRITE_JPEG_QUALITY, quality])
    )
    done, encoded = cv2.imencode(kind, pixels, how)
    if not done:
        raise InvalidInputError(
            f"a picture of {image.shape[1]}x{image.shape[0]} cannot be written as {kind}; make it smaller"
        )
    return encoded.tobytes()


def unpack_picture(data: bytes, width: int, height: int, *, colour: bool = True) -> NDArray[np.uint8]:
    """The picture of a PNG or JPEG that is as large as announced, which is seen to before it is decoded.

    Raises:
        InvalidInputError: another format, another size, or data that are corrupt.
    """
    import cv2

    found = stated_size(data)
    if found is None:
        raise InvalidInputError(f"a picture of {len(data)} bytes is cut off, or neither PNG nor JPEG")
    if found != (width, height):
        raise InvalidInputError(f"a picture is {found[0]}x{found[1]} but {width}x{height} was announced")
    mode = cv2.IMREAD_COLOR if colour else cv2.IMREAD_GRAYSCALE
    pixels = decoded(data, mode | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise InvalidInputError(f"a picture of {len(data)} bytes is cut off or corrupt")
    return np.asarray(np.ascontiguousarray(pixels[..., ::-1]) if colour else pixels, np.uint8)


def pack_floats(values: NDArray[np.float32]) -> bytes:
    """float32 values without loss."""
    return zlib.compress(np.ascontiguousarray(values, "<f4").tobytes(), _LEVEL)


def unpack_floats(data: bytes, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """float32 of a shape; no more than that is ever decompressed.

    Raises:
        InvalidInputError: more or fewer bytes than the shape needs, or data that are corrupt.
    """
    wanted = int(np.prod(shape)) * 4
    try:
        stream = zlib.decompressobj()
        raw = stream.decompress(data, wanted + 1)
    except zlib.error as error:
        raise InvalidInputError(f"{len(data)} bytes of numbers are corrupt: {error}") from error
    if len(raw) != wanted or not stream.eof:
        raise InvalidInputError(f"{len(data)} bytes of numbers do not hold the {wanted} that {shape} needs")
    return np.frombuffer(raw, "<f4").reshape(shape).astype(np.float32)
