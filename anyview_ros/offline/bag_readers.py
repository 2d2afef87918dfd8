"""Two ways to read a bag: by its index, or, where that is missing, from its start."""

from __future__ import annotations

import heapq
import math
import struct
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from anyview_ros.errors import ReadError
from anyview_ros.offline.bag_items import BagConnection, BagMessage, BagTopic
from anyview_ros.offline.bag_profiles import profiles_of
from anyview_ros.offline.cut_mcap import CutMcap

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

Span: TypeAlias = tuple[int, int]
"""First and last log time, nanoseconds; both belong to it."""

# What rosbags lets through where a broken file's bytes are not what it expects of them.
_UNFORESEEN = (ValueError, TypeError, LookupError, AssertionError, struct.error)


class BagReader(Protocol):
    """An open bag, as :class:`~anyview_ros.offline.bags.Bag` shows it."""

    losses: tuple[str, ...]
    topics: tuple[BagTopic, ...]
    connections: tuple[BagConnection, ...]
    span_ns: tuple[int, int]
    custom_data: dict[str, str]
    distribution: str

    def messages(self, topics: Collection[str] | None, span_ns: Span | None = None) -> Iterator[BagMessage]:
        """Messages in the order of their log times, which are within a span if one is given."""

    def decode(self, message: BagMessage) -> Any:
        """The message with its fields as attributes."""

    def close(self) -> None:
        """Close the files."""


def open_reader(path: Path, *, from_start: bool = False) -> BagReader:
    """Open a bag by its index if it has one that is right, else from its start.

    Args:
        path: a folder, or a single .mcap or .db3 file.
        from_start: whether to leave the index aside, for what is whole in a file with damage in the middle.

    Raises:
        ReadError: no bag, or a broken one of which nothing can be read.
    """
    metadata = path / "metadata.yaml" if path.is_dir() else None
    databases = sorted(path.glob("*.db3")) if metadata is not None and not metadata.exists() else []
    try:
        if from_start:
            raise ReadError(f"bag {path} cannot be read by its index")  # noqa: TRY301 - as if it were so
        return IndexedReader(
            databases or [path],
            (f"{path} has no metadata.yaml: its recorder was killed",) if databases else (),
        )
    except ReadError:
        files = sorted(path.glob("*.mcap")) if path.is_dir() else [path] * (path.suffix == ".mcap")
        if not files:
            raise
        return CutReader(files, None if metadata is None else _told_count(metadata))


class IndexedReader:
    """A whole bag."""

    def __init__(self, paths: Sequence[Path], losses: tuple[str, ...] = ()) -> None:
        """Open a folder or single files.

        Raises:
            ReadError: a broken bag.
        """
        from rosbags.highlevel import AnyReader
        from rosbags.typesys import Stores, get_typestore

        self.losses = losses
        try:
            self._reader = AnyReader(list(paths), default_typestore=get_typestore(Stores.ROS2_JAZZY))
            self._reader.open()
        except broken_bag_errors() as error:
            raise ReadError(f"cannot read bag {paths[0]}: {error}") from error
        known = sorted(self._reader.topics.items())
        self.topics = tuple(BagTopic(name, info.msgtype or "", info.msgcount) for name, info in known)
        self.span_ns = self._reader.start_time, self._reader.end_time
        self._places = {(id(c.owner), c.id): index for index, c in enumerate(self._reader.connections)}
        self.connections = tuple(_connection_of(c) for c in self._reader.connections)
        storages = [reader.storage.metadata for reader in self._reader.readers if hasattr(reader, "storage")]
        self.custom_data = {key: value for storage in storages for key, value in (storage.custom or {}).items()}
        self.distribution = next((storage.ros_distro for storage in storages if storage.ros_distro), "")

    def messages(self, topics: Collection[str] | None, span_ns: Span | None = None) -> Iterator[BagMessage]:
        """Messages in the order of their log times, which are within a span if one is given.

        Raises:
            ReadError: a chunk that is damaged.
        """
        wanted = [c for c in self._reader.connections if topics is None or c.topic in topics]
        if not wanted:
            return
        start, stop = (None, None) if span_ns is None else (span_ns[0], span_ns[1] + 1)
        try:
            for connection, log_ns, cdr in self._reader.messages(wanted, start, stop):
                place = self._places[id(connection.owner), connection.id]
                yield BagMessage(connection.topic, connection.msgtype, log_ns, bytes(cdr), place, log_ns)
        except broken_bag_errors() as error:
            raise ReadError(f"cannot read on in bag {self._reader.paths[0]}: {error}") from error

    def decode(self, message: BagMessage) -> Any:
        """The message with its fields as attributes.

        Raises:
            ReadError: bytes that are no message of its type.
        """
        try:
            return self._reader.deserialize(message.cdr, message.type)
        except broken_bag_errors() as error:
            raise ReadError(_undecodable(message, error)) from error

    def close(self) -> None:
        """Close the files."""
        self._reader.close()


class CutReader:
    """Mcap files without an index, or with a wrong one: all that lies whole in them."""

    def __init__(self, paths: Sequence[Path], told_count: int | None = None) -> None:
        """Open files.

        Args:
            paths: of the files of one bag.
            told_count: how many messages its metadata.yaml counts, if there is one.

        Raises:
            ReadError: a file that is no mcap.
        """
        with ExitStack() as opened:
            self._files = [opened.enter_context(closing(CutMcap(path))) for path in paths]
            self._opened = opened.pop_all()
        counts: Counter[tuple[str, str]] = sum((file.counts for file in self._files), Counter())
        blocks = [block for file in self._files for block in file.blocks]
        self.topics = tuple(BagTopic(name, kind, count) for (name, kind), count in sorted(counts.items()))
        connections = [connection for file in self._files for connection in file.connections]
        self.connections = tuple(connections)
        self._first = {}
        before = 0
        for file in self._files:
            self._first[file.path] = before
            before += len(file.connections)
        self.custom_data: dict[str, str] = {}
        self.distribution = ""
        self.span_ns = (
            min((block.began_ns for block in blocks), default=0),
            max((block.ended_ns for block in blocks), default=0),
        )
        self._blocks = sorted(blocks, key=lambda block: block.began_ns)
        self._types = _types_of(self._files)
        self.losses = tuple(loss for file in self._files for loss in file.losses)
        if told_count is not None and counts.total() < told_count:
            lost = told_count - counts.total()
            self.losses += (f"{lost} of {told_count} messages that metadata.yaml counts are lost",)

    def messages(self, topics: Collection[str] | None, span_ns: Span | None = None) -> Iterator[BagMessage]:
        """As of a whole bag; only blocks that overlap are held at once."""
        waiting: list[tuple[int, int, BagMessage]] = []
        count = 0
        first_ns, last_ns = span_ns if span_ns is not None else (-math.inf, math.inf)
        for block in self._blocks:
            if block.ended_ns < first_ns or block.began_ns > last_ns:
                continue
            while waiting and waiting[0][0] < block.began_ns:
                yield heapq.heappop(waiting)[2]
            before = self._first[block.file.path]
            for message in block.file.messages(block, topics):
                if first_ns <= message.log_ns <= last_ns:
                    placed = replace(message, connection=before + message.connection)
                    heapq.heappush(waiting, (message.log_ns, count, placed))
                    count += 1
        while waiting:
            yield heapq.heappop(waiting)[2]

    def decode(self, message: BagMessage) -> Any:
        """The message with its fields as attributes.

        Raises:
            ReadError: bytes that are no message of its type.
        """
        try:
            return self._types.deserialize_cdr(message.cdr, message.type)
        except broken_bag_errors() as error:
            raise ReadError(_undecodable(message, error)) from error

    def close(self) -> None:
        """Close the files."""
        self._opened.close()


def broken_bag_errors() -> tuple[type[BaseException], ...]:
    """What reading a broken bag raises, in rosbags and in what it is built on."""
    import apsw
    from mcap.exceptions import McapError
    from rosbags.highlevel import AnyReaderError
    from rosbags.rosbag2 import ReaderError
    from rosbags.serde import SerdeError
    from rosbags.typesys import TypesysError
    from zstandard import ZstdError

    libraries = (AnyReaderError, ReaderError, SerdeError, TypesysError, McapError, ZstdError, apsw.Error)
    return (*libraries, OSError, EOFError, RuntimeError, MemoryError, OverflowError, *_UNFORESEEN)


def _undecodable(message: BagMessage, error: BaseException) -> str:
    return f"a message of {len(message.cdr)} bytes on {message.topic} is no {message.type}: {error}"


def _connection_of(connection: Any) -> BagConnection:
    """A connection that rosbags has read."""
    formats = {"MSG": "ros2msg", "IDL": "ros2idl"}
    return BagConnection(
        connection.topic,
        connection.msgtype,
        connection.ext.serialization_format,
        formats.get(connection.msgdef.format.name, ""),
        connection.msgdef.data,
        connection.digest or "",
        profiles_of(connection.ext.offered_qos_profiles),
    )


def _types_of(files: Sequence[CutMcap]) -> Typestore:
    """The types of ROS 2, and those that files define beyond them."""
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    types = get_typestore(Stores.ROS2_JAZZY)
    for file in files:
        for name, (encoding, definition) in file.schemas.items():
            if encoding == "ros2msg" and name not in types.fielddefs:
                found = get_types_from_msg(definition.decode(), name)
                types.register({kind: what for kind, what in found.items() if kind not in types.fielddefs})
    return types


def _told_count(metadata: Path) -> int | None:
    """How many messages a bag's metadata.yaml counts; None if it is missing or does not say."""
    import yaml

    try:
        content = yaml.safe_load(metadata.read_text(encoding="utf-8"))
        return int(content["rosbag2_bagfile_information"]["message_count"])
    except (OSError, yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError):
        return None  # it is broken as the bag is
