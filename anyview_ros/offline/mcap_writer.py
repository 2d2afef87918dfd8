"""Writing mcap files (https://mcap.dev/spec) for ROS 2, with few copies: messages are written as they are handed in.

The same calls give the same bytes. Chunks are not compressed: pictures hardly shrink, and compressing them takes three
times as long as writing them.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO
from zlib import crc32

from anyview_ros import __version__

Buffer = bytes | bytearray | memoryview

_MAGIC = b"\x89MCAP0\r\n"
_HEADER, _FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _MESSAGE_INDEX, _CHUNK_INDEX = range(1, 9)
_STATISTICS, _METADATA, _METADATA_INDEX, _SUMMARY_OFFSET, _DATA_END = 0x0B, 0x0C, 0x0D, 0x0E, 0x0F
_FRAME = struct.Struct("<BQ")
_MESSAGE_HEAD = struct.Struct("<BQHIQQ")
_CHUNK_BYTES = 2**20


class McapWriter:
    """Writes one file; a context manager, which leaves a file without an end if it is left by an error.

    Args:
        path: of the file, which must not exist.
    """

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("xb")
        self._written = 0
        self._schemas: list[bytes] = []
        self._channels: list[bytes] = []
        self._counts: list[int] = []
        self._began_ns, self._ended_ns = 2**63 - 1, 0
        self._chunk = _Chunk()
        self._chunk_indices: list[bytes] = []
        self._put(_MAGIC, _record(_HEADER, _text("ros2") + _text(f"anyview_ros {__version__}")))

    def add_schema(self, name: str, encoding: str, definition: str) -> int:
        """Add a type; returns its number."""
        number = len(self._schemas) + 1
        body = struct.pack("<H", number) + _text(name) + _text(encoding) + _text(definition)
        self._schemas.append(_record(_SCHEMA, body))
        self._chunk.add(self._schemas[-1])
        return number

    def add_channel(self, schema: int, topic: str, encoding: str, metadata: Mapping[str, str]) -> int:
        """Add a topic whose messages are of the type with number ``schema``; returns its number."""
        number = len(self._channels)
        body = struct.pack("<HH", number, schema) + _text(topic) + _text(encoding) + _texts(metadata)
        self._channels.append(_record(_CHANNEL, body))
        self._counts.append(0)
        self._chunk.add(self._channels[-1])
        return number

    def write(
        self, channel: int, log_ns: int, *data: Buffer, published_ns: int | None = None, sequence: int = 0
    ) -> None:
        """Write a message whose bytes are those of ``data``, one after the other."""
        sent_ns = log_ns if published_ns is None else published_ns
        length = sum(len(part) for part in data)
        head = _MESSAGE_HEAD.pack(_MESSAGE, 22 + length, channel, sequence, log_ns, sent_ns)
        self._counts[channel] += 1
        self._began_ns, self._ended_ns = min(self._began_ns, log_ns), max(self._ended_ns, log_ns)
        self._chunk.add_message(channel, log_ns, head, data)
        if self._chunk.size > _CHUNK_BYTES:
            self._end_chunk()

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of messages of each channel."""
        return tuple(self._counts)

    @property
    def span_ns(self) -> tuple[int, int]:
        """Log times of the first and the last message; (0, 0) if there is none."""
        return (self._began_ns, self._ended_ns) if sum(self._counts) else (0, 0)

    def finish(self, metadata: Mapping[str, Mapping[str, str]]) -> None:
        """Write ``metadata``, by name, and the index, and close the file."""
        self._end_chunk()
        indices = []
        for name, content in metadata.items():
            record = _record(_METADATA, _text(name) + _texts(content))
            indices.append(
                _record(_METADATA_INDEX, struct.pack("<QQ", self._written, len(record)) + _text(name))
            )
            self._put(record)
        self._put(_record(_DATA_END, struct.pack("<I", 0)))
        self._put_summary(indices)
        self._file.close()

    def _put_summary(self, metadata_indices: list[bytes]) -> None:
        groups = {
            _SCHEMA: self._schemas,
            _CHANNEL: self._channels,
            _CHUNK_INDEX: self._chunk_indices,
            _METADATA_INDEX: metadata_indices,
            _STATISTICS: [self._statistics(len(metadata_indices))],
        }
        start = place = self._written
        sections: list[bytes] = []
        offsets: list[bytes] = []
        for kind, records in groups.items():
            section = b"".join(records)
            if section:
                sections.append(section)
                offsets.append(_record(_SUMMARY_OFFSET, struct.pack("<BQQ", kind, place, len(section))))
                place += len(section)
        summary = b"".join(sections)
        footer = _FRAME.pack(_FOOTER, 20) + struct.pack("<QQ", start, place)
        checked = summary + b"".join(offsets) + footer
        self._put(checked, struct.pack("<I", crc32(checked)), _MAGIC)

    def _statistics(self, metadata: int) -> bytes:
        head = struct.pack(
            "<QHIIIIQQ",
            sum(self._counts),
            len(self._schemas),
            len(self._channels),
            0,
            metadata,
            len(self._chunk_indices),
            *self.span_ns,
        )
        counts = b"".join(struct.pack("<HQ", channel, count) for channel, count in enumerate(self._counts))
        return _record(_STATISTICS, head + struct.pack("<I", len(counts)) + counts)

    def _end_chunk(self) -> None:
        chunk, self._chunk = self._chunk, _Chunk()
        if not chunk.parts:
            return
        span = struct.pack("<QQ", *chunk.span_ns)
        start = self._written
        head = (
            span + struct.pack("<QI", chunk.size, chunk.checksum) + _text("") + struct.pack("<Q", chunk.size)
        )
        self._put(_FRAME.pack(_CHUNK, len(head) + chunk.size), head, *chunk.parts)
        length = self._written - start
        offsets = b""
        for channel, entries in chunk.messages.items():
            offsets += struct.pack("<HQ", channel, self._written)
            body = b"".join(struct.pack("<QQ", log_ns, offset) for log_ns, offset in entries)
            self._put(_record(_MESSAGE_INDEX, struct.pack("<HI", channel, len(body)) + body))
        index = span + struct.pack("<QQI", start, length, len(offsets)) + offsets
        index += struct.pack("<Q", self._written - start - length) + _text("")
        index += struct.pack("<QQ", chunk.size, chunk.size)
        self._chunk_indices.append(_record(_CHUNK_INDEX, index))

    def _put(self, *parts: Buffer) -> None:
        self._file.writelines(parts)
        self._written += sum(len(part) for part in parts)

    def __enter__(self) -> McapWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


class _Chunk:
    """Records that wait to be written together."""

    def __init__(self) -> None:
        self.parts: list[Buffer] = []
        self.size = 0
        self.checksum = 0
        self.messages: dict[int, list[tuple[int, int]]] = {}

    @property
    def span_ns(self) -> tuple[int, int]:
        stamps = [log_ns for entries in self.messages.values() for log_ns, _ in entries]
        return (min(stamps), max(stamps)) if stamps else (0, 0)

    def add_message(self, channel: int, log_ns: int, head: bytes, data: Sequence[Buffer]) -> None:
        self.messages.setdefault(channel, []).append((log_ns, self.size))
        self.add(head)
        for part in data:
            self.add(part)

    def add(self, part: Buffer) -> None:
        self.parts.append(part)
        self.size += len(part)
        self.checksum = crc32(part, self.checksum)


def _record(kind: int, body: bytes) -> bytes:
    return _FRAME.pack(kind, len(body)) + body


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<I", len(data)) + data


def _texts(texts: Mapping[str, str]) -> bytes:
    body = b"".join(_text(key) + _text(value) for key, value in texts.items())
    return struct.pack("<I", len(body)) + body
