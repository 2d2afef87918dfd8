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

from anyview_ros.errors import InvalidInputError, ReadError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_END = len(_SIGNATURE) + 25  # the chunk IHDR comes first and has 13 bytes of data


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


def read_png_text(path: str | Path) -> dict[str, str]:
    """The entries of text (chunks tEXt) of a PNG file.

    Raises:
        ReadError: the file is missing, no PNG, or cut off.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ReadError(f"cannot read {path}: {error.strerror}") from error
    if not content.startswith(_SIGNATURE):
        raise ReadError(f"{path} is no PNG")
    found, place = {}, len(_SIGNATURE)
    while place + 12 <= len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        kind, data = content[place + 4 : place + 8], content[place + 8 : place + 8 + length]
        if kind == b"tEXt":
            keyword, _, value = data.partition(b"\0")
            found[keyword.decode("latin-1")] = value.decode("latin-1")
        if kind == b"IEND":
            return found
        place += 12 + length
    raise ReadError(f"{path} is cut off")


def _chunk(keyword: str, value: str) -> bytes:
    name = keyword.encode("latin-1", "replace")
    if not 1 <= len(name) <= 79 or b"\0" in name:
        raise InvalidInputError(f"keyword {keyword!r} of a PNG must have 1 to 79 characters")
    body = b"tEXt" + name + b"\0" + value.replace("\0", "").encode("latin-1", "replace")
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
