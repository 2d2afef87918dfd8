"""Pictures out of the bytes of files that have their ends: decoders fill what is missing with grey, and say nothing.

Segments are followed one by one (ITU-T T.81, annex B; PNG, section 5), so that a thumbnail inside, its size and its end
are not taken for the picture's.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

_JPEG_START, _JPEG_END = b"\xff\xd8", 0xD9
# Neither a stuffed byte, a restart nor padding.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers of what states the size
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND"


def is_jpeg_or_png(data: bytes) -> bool:
    """Whether the bytes begin as a JPEG or PNG does."""
    return data.startswith((_JPEG_START, _PNG_START))


def is_whole(data: bytes) -> bool | None:
    """Whether the bytes of a JPEG or PNG reach to its end, whatever follows; None for other files."""
    if data.startswith(_JPEG_START):
        return any(marker == _JPEG_END for marker, _ in _jpeg_segments(data))
    if data.startswith(_PNG_START):
        return _png_ends(data)
    return None


def stated_size(data: bytes) -> tuple[int, int] | None:
    """Width and height as the head of a JPEG or PNG states them; None for other files and for less than a head."""
    if data.startswith(_PNG_START) and len(data) >= 24:
        width, height = struct.unpack_from(">II", data, 16)
        return width, height
    if data.startswith(_JPEG_START):
        for marker, place in _jpeg_segments(data):
            if marker in _FRAMES and len(data) >= place + 7:
                height, width = struct.unpack_from(">HH", data, place + 3)
                return width, height
    return None


def decoded(content: bytes, flags: int) -> NDArray[Any] | None:
    """The picture in the bytes of a file, as ``cv2.imdecode`` makes it; None if it is cut off or none at all."""
    import cv2

    if not content or is_whole(content) is False:
        return None
    try:
        pixels: NDArray[Any] | None = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error:
        return None
    return pixels


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """The marker of each segment, and where what follows it begins: a length of two bytes, and the content."""
    place = len(_JPEG_START)
    while found := _NEXT_MARKER.search(data, place):
        marker, place = data[found.end() - 1], found.end()
        yield marker, place
        if marker not in _ALONE:
            place += int.from_bytes(data[place : place + 2], "big")


def _png_ends(data: bytes) -> bool:
    place = len(_PNG_START)
    while place + 12 <= len(data):  # length, name, content and checksum of a chunk
        name = data[place + 4 : place + 8]
        place += 12 + int.from_bytes(data[place : place + 4], "big")
        if name == _PNG_END:
            return place <= len(data)
    return False
