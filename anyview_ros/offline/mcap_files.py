"""Whole mcap files read by their index: chunk after chunk, few copies, with all that a message's record says."""

from __future__ import annotations

import heapq
import os
import struct
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from anyview_ros.errors import ReadError
from anyview_ros.offline.bag_errors import broken_bag_errors, not_readable
from anyview_ros.offline.bag_items import BagConnection, BagMessage
from anyview_ros.offline.bag_profiles import read_profiles

if TYPE_CHECKING:
    from mcap.records import ChunkIndex
    from mcap.summary import Summary

Span = tuple[int, int]

_CHUNK, _MESSAGE = 0x06, 0x05
_FRAME = struct.Struct("<BQ")
_CHUNK_HEAD = struct.Struct("<QQQI")
_MESSAGE_HEAD = struct.Struct("<HIQQ")
_LARGEST_CHUNK = 2**32


@dataclass(frozen=True, eq=False)
class _Channel:
    """A channel of a file: topic and type, and the place of its connection among the bag's."""

    topic: str
    type: str
    connection: int


class McapFiles:
    """The files of one bag.

    Attributes:
        connections: how topics were recorded.
        counts: number of messages of each connection.
        span_ns: log times of the first and the last message.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        """Open files.

        Raises:
            ReadError: a file that is no recording of ROS 2, or whose index is missing or wrong.
        """
        self.connections: list[BagConnection] = []
        self.counts: list[int] = []
        self._files: list[_File] = []
        try:
            for number, path in enumerate(paths):
                self._files.append(_File(number, path, self))
        except BaseException:
            self.close()
            raise
        spans = [file.span_ns for file in self._files if file.chunks]
        self.span_ns = (
            min((began for began, _ in spans), default=0),
            max((ended for _, ended in spans), default=0),
        )

    def place(self, connection: BagConnection, count: int) -> int:
        """The place of a connection, which several files may have, after adding messages to it."""
        if connection not in self.connections:
            self.connections.append(connection)
            self.counts.append(0)
        index = self.connections.index(connection)
        self.counts[index] += count
        return index

    def messages(self, topics: Collection[str] | None, span_ns: Span | None) -> Iterator[BagMessage]:
        """Messages in the order of their log times; only chunks that overlap are held at once.

        Raises:
            ReadError: a chunk that is damaged.
        """
        chunks = sorted(
            (
                (index.message_start_time, file.number, index.chunk_start_offset, file, index)
                for file in self._files
                for index in file.chunks_of(topics, span_ns)
            ),
            key=lambda item: item[:3],
        )
        waiting: list[tuple[int, int, BagMessage]] = []
        count = 0
        for place, (began_ns, _, _, file, index) in enumerate(chunks):
            while waiting and waiting[0][0] < began_ns:
                yield heapq.heappop(waiting)[2]
            found = file.read_chunk(index, topics, span_ns)
            alone = place + 1 == len(chunks) or index.message_end_time <= chunks[place + 1][0]
            if alone and not waiting:
                yield from sorted(found, key=lambda message: message.log_ns)
                continue
            for message in found:
                heapq.heappush(waiting, (message.log_ns, count, message))
                count += 1
        while waiting:
            yield heapq.heappop(waiting)[2]

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()


class _File:
    def __init__(self, number: int, path: Path, bag: McapFiles) -> None:
        self.number, self.path = number, path
        summary = _summary(path)
        self.chunks = summary.chunk_indexes
        statistics = summary.statistics
        assert statistics is not None  # noqa: S101 - for the type checker: _summary refuses files without
        self.span_ns = statistics.message_start_time, statistics.message_end_time
        self._channels: dict[int, _Channel] = {}
        for channel_id, channel in sorted(summary.channels.items()):
            schema = summary.schemas.get(channel.schema_id)
            try:
                connection = BagConnection(
                    channel.topic,
                    "" if schema is None else schema.name,
                    channel.message_encoding,
                    "" if schema is None else schema.encoding,
                    "" if schema is None else schema.data.decode(),
                    channel.metadata.get("topic_type_hash", ""),
                    read_profiles(channel.metadata.get("offered_qos_profiles", "")),
                )
            except UnicodeDecodeError as error:
                raise not_readable(path, error) from error
            place = bag.place(connection, statistics.channel_message_counts.get(channel_id, 0))
            self._channels[channel_id] = _Channel(channel.topic, connection.type, place)
        self._fd = os.open(path, os.O_RDONLY)

    def chunks_of(self, topics: Collection[str] | None, span_ns: Span | None) -> Iterator[ChunkIndex]:
        """The chunks that hold messages of some topics within a span."""
        wanted = {n for n, channel in self._channels.items() if topics is None or channel.topic in topics}
        for index in self.chunks:
            if span_ns is not None and (
                index.message_end_time < span_ns[0] or index.message_start_time > span_ns[1]
            ):
                continue
            told = index.message_index_offsets
            if topics is None or not told or not wanted.isdisjoint(told):
                yield index

    def read_chunk(
        self, index: ChunkIndex, topics: Collection[str] | None, span_ns: Span | None
    ) -> list[BagMessage]:
        """The messages of a chunk, as they lie."""
        try:
            data = self._records_of(index)
            return list(self._messages(data, topics, span_ns))
        except broken_bag_errors() as error:
            raise ReadError(f"cannot read on in bag {self.path}: {error}") from error

    def _records_of(self, index: ChunkIndex) -> memoryview:
        raw = memoryview(os.pread(self._fd, index.chunk_length, index.chunk_start_offset))
        if len(raw) < _FRAME.size + _CHUNK_HEAD.size + 4 or raw[0] != _CHUNK:
            raise ValueError(f"no chunk at byte {index.chunk_start_offset}, where the index tells one")
        _, _, size, checksum = _CHUNK_HEAD.unpack_from(raw, _FRAME.size)
        place = _FRAME.size + _CHUNK_HEAD.size
        (length,) = struct.unpack_from("<I", raw, place)
        compression = bytes(raw[place + 4 : place + 4 + length]).decode()
        (stored,) = struct.unpack_from("<Q", raw, place + 4 + length)
        start = place + 12 + length
        if start + stored > len(raw) or size > _LARGEST_CHUNK:
            raise ValueError(f"the chunk at byte {index.chunk_start_offset} does not hold what it tells")
        data = _unpacked(raw[start : start + stored], compression, size)
        if len(data) != size:
            raise ValueError(f"a chunk of {size} bytes has {len(data)}")
        if checksum and crc32(data) != checksum:
            raise ValueError("checksum of a chunk does not fit; the file is damaged")
        return data

    def _messages(
        self, data: memoryview, topics: Collection[str] | None, span_ns: Span | None
    ) -> Iterator[BagMessage]:
        place, end = 0, len(data)
        while place < end:
            kind, length = _FRAME.unpack_from(data, place)
            start = place + _FRAME.size
            place = start + length
            if place > end:
                raise ValueError("a record leaves its chunk")
            if kind != _MESSAGE:
                continue
            number, sequence, log_ns, published_ns = _MESSAGE_HEAD.unpack_from(data, start)
            channel = self._channels[number]
            if (topics is None or channel.topic in topics) and (
                span_ns is None or span_ns[0] <= log_ns <= span_ns[1]
            ):
                cdr = bytes(data[start + _MESSAGE_HEAD.size : place])
                yield BagMessage(
                    channel.topic, channel.type, log_ns, cdr, channel.connection, published_ns, sequence
                )

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _summary(path: Path) -> Summary:
    """The index at the end of a file.

    Raises:
        ReadError: there is none, or it does not tell of all chunks.
    """
    from mcap.reader import make_reader

    try:
        with path.open("rb") as file:
            reader = make_reader(file, validate_crcs=True)
            profile = reader.get_header().profile
            summary = reader.get_summary()
    except broken_bag_errors() as error:
        raise not_readable(path, error) from error
    if profile != "ros2":
        raise ReadError(f"{path} has the profile '{profile}'; only recordings of ROS 2 are read")
    if summary is None or summary.statistics is None:
        raise ReadError(f"{path} has no index")
    statistics = summary.statistics
    if statistics.chunk_count != len(summary.chunk_indexes) or (
        statistics.message_count and not statistics.chunk_count
    ):
        raise ReadError(
            f"the index of {path} tells of {len(summary.chunk_indexes)} chunks of {statistics.chunk_count}"
        )
    return summary


def _unpacked(data: memoryview, compression: str, size: int) -> memoryview:
    if compression == "":
        return data
    if compression == "zstd":
        import zstandard

        return memoryview(zstandard.ZstdDecompressor().decompress(data, max_output_size=size))
    if compression == "lz4":
        from lz4.frame import decompress  # type: ignore[import-untyped]

        return memoryview(decompress(data))
    raise ValueError(f"a chunk is compressed with {compression!r}, which is not known")
