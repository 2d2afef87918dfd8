"""An mcap file read from its start, without the index at its end: it was cut, or its recorder was killed."""

from __future__ import annotations

import os
import struct
import weakref
import zlib
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.errors import ReadError
from anyview_ros.offline.bag_errors import broken_bag_errors, not_readable
from anyview_ros.offline.bag_items import BagConnection, BagMessage
from anyview_ros.offline.bag_profiles import read_profiles

if TYPE_CHECKING:
    from mcap.data_stream import ReadDataStream
    from mcap.records import Channel, McapRecord, Message, Schema

_MAGIC = b"\x89MCAP0\r\n"
_FRAME = struct.Struct("<BQ")  # of each record: what it is, and the length of what follows
_FOOTER_BYTES = 20
_CRC_BYTES = 4  # of the summary, at the end of the footer
_PLAIN_CHUNK = struct.Struct("<QQQIIQ")  # what stands before a chunk's records if they are not compressed


@dataclass(frozen=True)
class Block:
    """A chunk, or a message that stands alone, that can be read whole.

    Attributes:
        file: that holds it.
        offset: of its record, bytes.
        began_ns, ended_ns: log times of its first and last message.
    """

    file: CutMcap
    offset: int
    began_ns: int
    ended_ns: int


class CutMcap:
    """One file. It is looked through when it is opened, to learn what it holds. Several threads may read it at once.

    Attributes:
        path: of the file.
        blocks: what holds messages.
        counts: number of messages by (topic, type).
        schemas: by name of the type, how it is defined (such as "ros2msg") and the definition.
        connections: how topics were recorded.
    """

    def __init__(self, path: Path) -> None:
        """Open a file and look through it.

        Raises:
            ReadError: a file that cannot be opened or is no recording of ROS 2.
        """
        self.path = path
        self.blocks: list[Block] = []
        self.counts: Counter[tuple[str, str]] = Counter()
        self.schemas: dict[str, tuple[str, bytes]] = {}
        self.connections: list[BagConnection] = []
        self._connections: dict[int, int] = {}  # by channel, its index among the connections
        self._schemas: dict[int, Schema] = {}
        self._channels: dict[int, Channel] = {}
        self._damaged_chunks = 0
        self._nameless = 0  # messages of channels that nothing tells of
        self._rest_bytes = 0
        self._ended = False
        try:
            self._fd = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise ReadError(f"cannot read {path}: {error.strerror}") from error
        weakref.finalize(self, os.close, self._fd)  # it may be in use until nobody knows it any more
        try:
            self._look_through()
        except broken_bag_errors() as error:
            raise not_readable(path, error) from error

    def _look_through(self) -> None:
        from mcap.opcode import Opcode
        from mcap.records import Header

        size = self.path.stat().st_size
        if self._bytes(0, len(_MAGIC)) != _MAGIC[:size]:
            raise ReadError(f"{self.path} is no mcap file")
        self._learn_from_summary(size)
        read_to = min(size, len(_MAGIC))
        while (frame := self._frame(read_to)) is not None:
            kind, length = frame
            if read_to + _FRAME.size + length > size:
                inside = self._inside(read_to) if kind == Opcode.CHUNK else None
                if inside is None:
                    break
                read_to = inside
                continue
            if kind == Opcode.HEADER and (profile := Header.read(self._body(read_to)).profile) != "ros2":
                raise ReadError(f"{self.path} has the profile '{profile}'; only recordings of ROS 2 are read")
            if kind == Opcode.DATA_END:
                self._ended = True
                return
            if kind in (Opcode.SCHEMA, Opcode.CHANNEL, Opcode.MESSAGE, Opcode.CHUNK):
                self._learn(read_to)
            read_to += _FRAME.size + length
        self._rest_bytes = size - read_to

    def _learn_from_summary(self, size: int) -> None:
        """Note the channels that are told once more at the end, if that is whole: the chunk that told them first may be
        damaged."""
        from mcap.opcode import Opcode
        from mcap.records import Footer

        footer = size - len(_MAGIC) - _FRAME.size - _FOOTER_BYTES
        if footer < len(_MAGIC) or self._frame(footer) != (Opcode.FOOTER, _FOOTER_BYTES):
            return
        told = Footer.read(self._body(footer))
        read_to = min(told.summary_start or footer, footer)
        checked = self._bytes(read_to, footer + _FRAME.size + _FOOTER_BYTES - _CRC_BYTES - read_to)
        if not told.summary_crc or zlib.crc32(checked) != told.summary_crc:
            return
        while read_to < footer and (frame := self._frame(read_to)) is not None:
            kind, length = frame
            if kind in (Opcode.SCHEMA, Opcode.CHANNEL):
                self._learn(read_to)
            read_to += _FRAME.size + length

    def _frame(self, offset: int) -> tuple[int, int] | None:
        """What the record at an offset is, and its length; None if there is none."""
        frame = self._bytes(offset, _FRAME.size)
        if len(frame) < _FRAME.size:
            return None
        kind, length = _FRAME.unpack(frame)
        return None if kind == 0 else (kind, length)

    def _inside(self, offset: int) -> int | None:
        """Where the records of a cut chunk begin; None if they are compressed, so that none can be read."""
        start = offset + _FRAME.size
        head = self._bytes(start, _PLAIN_CHUNK.size)
        if (
            len(head) < _PLAIN_CHUNK.size or _PLAIN_CHUNK.unpack(head)[4] > 0
        ):  # length of the compression's name
            return None
        return start + _PLAIN_CHUNK.size

    def _bytes(self, offset: int, count: int) -> bytes:
        return os.pread(self._fd, count, offset)

    def _body(self, offset: int) -> ReadDataStream:
        """What follows the frame of the record at an offset."""
        from mcap.data_stream import ReadDataStream

        _, length = _FRAME.unpack(self._bytes(offset, _FRAME.size))
        return ReadDataStream(BytesIO(self._bytes(offset + _FRAME.size, length)))

    def _learn(self, offset: int) -> None:
        """Note what the records at an offset say; those of a damaged chunk say nothing."""
        from mcap.records import Channel, Message, Schema

        log_ns = []
        for record in self._records(offset):
            if isinstance(record, Schema):
                self._schemas[record.id] = record
                self.schemas[record.name] = (record.encoding, record.data)
            elif isinstance(record, Channel):
                self._channels[record.id] = record
                self._note_connection(record)
            elif isinstance(record, Message):
                if (origin := self._origin(record)) is None:
                    self._nameless += 1
                    continue
                self._note_connection(self._channels[record.channel_id])
                self.counts[origin] += 1
                log_ns.append(record.log_time)
        if log_ns:
            self.blocks.append(Block(self, offset, min(log_ns), max(log_ns)))

    def _note_connection(self, channel: Channel) -> None:
        """Note how a channel's topic was recorded; a channel may be told several times."""
        schema = self._schemas.get(channel.schema_id)
        if schema is not None and channel.id not in self._connections:
            self._connections[channel.id] = len(self.connections)
            self.connections.append(
                BagConnection(
                    channel.topic,
                    schema.name,
                    channel.message_encoding,
                    schema.encoding,
                    schema.data.decode(errors="replace"),
                    channel.metadata.get("topic_type_hash", ""),
                    _profiles(channel),
                )
            )

    def _records(self, offset: int) -> list[McapRecord]:
        """The record at an offset, or those of the chunk there; none if it is damaged, which is counted."""
        from mcap.opcode import Opcode
        from mcap.records import Channel, Chunk, Message, Schema
        from mcap.stream_reader import breakup_chunk

        kind, length = _FRAME.unpack(self._bytes(offset, _FRAME.size))
        stream = self._body(offset)
        try:
            if kind == Opcode.SCHEMA:
                return [Schema.read(stream)]
            if kind == Opcode.CHANNEL:
                return [Channel.read(stream)]
            if kind == Opcode.MESSAGE:
                return [Message.read(stream, length)]
            return breakup_chunk(Chunk.read(stream), validate_crc=True)
        except broken_bag_errors():
            self._damaged_chunks += 1
            return []

    def _origin(self, message: Message) -> tuple[str, str] | None:
        """Topic and type of a message; None where the record that says them is lost."""
        channel = self._channels.get(message.channel_id)
        schema = self._schemas.get(channel.schema_id) if channel is not None else None
        return None if channel is None or schema is None else (channel.topic, schema.name)

    def messages(self, block: Block, topics: Collection[str] | None) -> Iterator[BagMessage]:
        """The messages of one of the blocks, of all topics or of those named, as they lie."""
        from mcap.records import Message

        for record in self._records(block.offset):
            if not isinstance(record, Message):
                continue
            origin = self._origin(record)
            if origin is not None and (topics is None or origin[0] in topics):
                yield BagMessage(
                    *origin,
                    record.log_time,
                    record.data,
                    self._connections[record.channel_id],
                    record.publish_time,
                    record.sequence,
                )

    @property
    def losses(self) -> tuple[str, ...]:
        """What cannot be read, in sentences; none if all of the file's messages are there."""
        return tuple(self._tell_losses())

    def _tell_losses(self) -> Iterator[str]:
        name = self.path.name
        if self._damaged_chunks:
            yield f"damaged chunks in {name}: {self._damaged_chunks}; their messages are lost"
        if self._nameless:
            yield f"{self._nameless} messages of {name} are lost: what names their topics is damaged"
        if self._ended:
            return
        where = "before its first message"
        if self.blocks:
            began_ns = min(block.began_ns for block in self.blocks)
            span_ns = max(block.ended_ns for block in self.blocks) - began_ns
            where = f"after {self.counts.total()} messages, {span_ns / 1e9:.1f} s from the first"
        yield (
            f"{name} breaks off {where}: it was cut, or its recorder killed; its last {self._rest_bytes} bytes "
            "are incomplete, and what came later is lost"
        )


def cut_mcap(path: Path) -> CutMcap:
    """A file, opened; one that was looked through before, and has not changed, is not looked through again.

    Raises:
        ReadError: as :class:`CutMcap`.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise ReadError(f"cannot read {path}: {error.strerror}") from error
    return _looked_through(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=8)
def _looked_through(path: Path, size: int, changed_ns: int) -> CutMcap:
    del size, changed_ns  # they only tell whether it is the same file still
    return CutMcap(path)


def _profiles(channel: Channel) -> tuple[dict[str, Any], ...]:
    """How a channel's topic was offered; nothing where that is damaged: its messages are worth more."""
    try:
        return read_profiles(channel.metadata.get("offered_qos_profiles", ""))
    except ReadError:
        return ()
