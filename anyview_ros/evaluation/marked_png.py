"""PNG files that say of themselves that they were computed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError

_HEADER_END = 8 + 25  # the signature, and the chunk IHDR, which comes first and has 13 bytes of data


def write_marked_png(path: Path, pixels: NDArray[Any], text: Mapping[str, str]) -> None:
    """Write uint8 (h, w, 3) RGB, or grey (h, w) of 8 or 16 bit, with entries of text (chunks tEXt).

    Args:
        path: of the file.
        pixels: the picture.
        text: by keyword, as in the PNG specification: 1 to 79 characters of Latin-1.

    Raises:
        InvalidInputError: pixels or keywords that PNG does not have.
    """
    coloured = pixels.ndim == 3
    done, encoded = cv2.imencode(".png", np.ascontiguousarray(pixels[..., ::-1]) if coloured else pixels)
    if not done:
        raise InvalidInputError(f"pixels {pixels.dtype} {pixels.shape} cannot be written as PNG to {path}")
    content = encoded.tobytes()
    chunks = b"".join(_chunk(keyword, value) for keyword, value in text.items())
    path.write_bytes(content[:_HEADER_END] + chunks + content[_HEADER_END:])


def _chunk(keyword: str, value: str) -> bytes:
    name = keyword.encode("latin-1", "replace")
    if not 1 <= len(name) <= 79 or b"\0" in name:
        raise InvalidInputError(f"keyword {keyword!r} of a PNG must have 1 to 79 characters")
    body = b"tEXt" + name + b"\0" + value.replace("\0", "").encode("latin-1", "replace")
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
