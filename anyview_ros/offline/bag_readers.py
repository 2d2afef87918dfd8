"""Ways to read a bag: by its index, or, where that is missing, from its start."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from anyview_ros.errors import ReadError
from anyview_ros.offline.bag_errors import broken_bag_errors, not_readable
from anyview_ros.offline.bag_items import BagConnection, BagMessage, BagTopic
from anyview_ros.offline.bag_metadata import BagMetadata
from anyview_ros.offline.bag_profiles import profiles_of
from anyview_ros.offline.bag_types import types_of
from anyview_ros.offline.bag_unpacking import COMPRESSED, readable_files
from anyview_ros.offline.cut_db3 import CutDatabase
from anyview_ros.offline.cut_mcap import cut_mcap
from anyview_ros.offline.mcap_files import McapFiles, Span

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore


_PATTERNS = ("*.mcap", "*.db3", f"*.mcap{COMPRESSED}", f"*.db3{COMPRESSED}")


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
    told = BagMetadata.of(path)
    there = _files_of(path, told)
    readable = readable_files(there)  # held until they are open
    files = [file.path for file in readable]
    losses = (*_told_losses(path, told, there), *(loss for file in readable for loss in file.losses))
    untouched = path.is_dir() and told.present and not losses and files == there
    mcaps = [file for file in files if file.suffix == ".mcap"]
    databases = [file for file in files if file.suffix == ".db3"]
    if told.compression_mode == "message" or not (mcaps or databases):
        return IndexedReader([path], told, losses)
    by_index: Callable[[], BagReader]
    by_start: Callable[[], BagReader]
    if mcaps:
        by_index = partial(WholeMcapReader, mcaps, told, losses)
        by_start = partial(CutReader, mcaps, told, losses)
    else:
        by_index = partial(IndexedReader, [path] if untouched else databases, told, losses)
        by_start = partial(CutDatabaseReader, databases, told, losses)
    if not from_start:
        with suppress(ReadError):
            return by_index()
    return by_start()


def _files_of(path: Path, told: BagMetadata) -> list[Path]:
    """The files of a bag that are there."""
    if not path.is_dir():
        return [path]
    if told.files:
        return [path / name for name in told.files if (path / name).is_file()]
    return sorted(file for pattern in _PATTERNS for file in path.glob(pattern))


def _told_losses(path: Path, told: BagMetadata, files: Sequence[Path]) -> Iterator[str]:
    missing = sorted(set(told.files) - {file.name for file in files})
    if missing:
        yield f"{', '.join(missing)} of {path} {'is' if len(missing) == 1 else 'are'} missing, with all that was in it"
    if told.problem:
        yield f"{path}/metadata.yaml cannot be read ({told.problem}); the files beside it are taken for the bag"
    kinds = {file.name.removesuffix(COMPRESSED).rpartition(".")[2] for file in files}
    if len(kinds) > 1:
        yield f"{path} holds files of several formats; only its .mcap files are read"
    if path.is_dir() and not told.present and kinds == {"db3"}:
        yield f"{path} has no metadata.yaml: its recorder was killed"


def _lost_messages(told: BagMetadata, count: int) -> tuple[str, ...]:
    if told.message_count is None or count >= told.message_count:
        return ()
    return (
        f"{told.message_count - count} of {told.message_count} messages that metadata.yaml counts are lost",
    )


def _topics_of(connections: Sequence[BagConnection], counts: Sequence[int]) -> tuple[BagTopic, ...]:
    """Topics by name; one of several types goes by the type of most messages."""
    found: dict[str, Counter[str]] = {}
    for connection, count in zip(connections, counts, strict=True):
        found.setdefault(connection.topic, Counter())[connection.type] += count
    return tuple(
        BagTopic(name, kinds.most_common(1)[0][0], kinds.total()) for name, kinds in sorted(found.items())
    )


class WholeMcapReader:
    """Whole mcap files."""

    def __init__(self, paths: Sequence[Path], told: BagMetadata, losses: tuple[str, ...]) -> None:
        """Open the files of a bag.

        Raises:
            ReadError: a file whose index is missing or wrong.
        """
        self._files = McapFiles(paths)
        self.connections = tuple(
            connection
            if connection.type_hash
            else replace(connection, type_hash=told.type_hashes.get(connection.topic, ""))
            for connection in self._files.connections
        )
        self.topics = _topics_of(self.connections, self._files.counts)
        self.span_ns = self._files.span_ns
        self.custom_data, self.distribution = dict(told.custom_data), told.distribution
        self._types = types_of(self.connections)
        self.losses = (*losses, *_lost_messages(told, sum(self._files.counts)))

    def messages(self, topics: Collection[str] | None, span_ns: Span | None = None) -> Iterator[BagMessage]:
        """Messages in the order of their log times, which are within a span if one is given.

        Raises:
            ReadError: a chunk that is damaged.
        """
        return self._files.messages(topics, span_ns)

    def decode(self, message: BagMessage) -> Any:
        """The message with its fields as attributes.

        Raises:
            ReadError: bytes that are no message of its type.
        """
        return _decoded(self._types, message)

    def close(self) -> None:
        """Close the files."""
        self._files.close()


class IndexedReader:
    """A whole bag of any storage."""

    def __init__(self, paths: Sequence[Path], told: BagMetadata, losses: tuple[str, ...]) -> None:
        """Open a folder or single files.

        Raises:
            ReadError: a broken bag.
        """
        from rosbags.highlevel import AnyReader
        from rosbags.typesys import Stores, get_typestore

        try:
            self._reader = AnyReader(list(paths), default_typestore=get_typestore(Stores.ROS2_JAZZY))
            self._reader.open()
        except broken_bag_errors() as error:
            raise not_readable(paths[0], error) from error
        known = sorted(self._reader.topics.items())
        self.topics = tuple(BagTopic(name, info.msgtype or "", info.msgcount) for name, info in known)
        self.span_ns = self._reader.start_time, self._reader.end_time - 1  # which counts the nanosecond after
        self._places = {(id(c.owner), c.id): index for index, c in enumerate(self._reader.connections)}
        self.connections = tuple(_connection_of(c) for c in self._reader.connections)
        self.custom_data, self.distribution = dict(told.custom_data), told.distribution
        self.losses = (*losses, *_lost_messages(told, sum(topic.count for topic in self.topics)))

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
            raise _undecodable(message, error) from error

    def close(self) -> None:
        """Close the files."""
        self._reader.close()


class CutReader:
    """Mcap files without an index, or with a wrong one: all that lies whole in them."""

    def __init__(self, paths: Sequence[Path], told: BagMetadata, losses: tuple[str, ...]) -> None:
        """Open the files of a bag.

        Raises:
            ReadError: a file that is no mcap.
        """
        self._files = [cut_mcap(path) for path in paths]
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
        self.custom_data, self.distribution = dict(told.custom_data), told.distribution
        self.span_ns = (
            min((block.began_ns for block in blocks), default=0),
            max((block.ended_ns for block in blocks), default=0),
        )
        self._blocks = sorted(blocks, key=lambda block: block.began_ns)
        self._types = types_of(self.connections)
        broken = tuple(loss for file in self._files for loss in file.losses)
        self.losses = (*losses, *broken, *_lost_messages(told, counts.total()))

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
        return _decoded(self._types, message)

    def close(self) -> None:
        """Nothing is to be done: files are closed when nobody knows them any more."""


class CutDatabaseReader:
    """Sqlite3 files that are cut or damaged: all messages whose pages are there."""

    def __init__(self, paths: Sequence[Path], told: BagMetadata, losses: tuple[str, ...]) -> None:
        """Open the files of a bag.

        Raises:
            ReadError: a file whose tables cannot be read.
        """
        with ExitStack() as opened:
            self._files = [opened.enter_context(closing(CutDatabase(path))) for path in paths]
            self._opened = opened.pop_all()
        self.connections = tuple(each for file in self._files for each in file.connections)
        counts = [count for file in self._files for count in file.counts]
        self.topics = _topics_of(self.connections, counts)
        spans = [file.span_ns for file in self._files if any(file.counts)]
        self.span_ns = (
            min((began for began, _ in spans), default=0),
            max((end for _, end in spans), default=0),
        )
        self.custom_data, self.distribution = dict(told.custom_data), told.distribution
        self._types = types_of(self.connections)
        broken = tuple(loss for file in self._files for loss in file.losses)
        self.losses = (*losses, *broken, *_lost_messages(told, sum(counts)))

    def messages(self, topics: Collection[str] | None, span_ns: Span | None = None) -> Iterator[BagMessage]:
        """As of a whole bag."""
        before = accumulate((len(file.connections) for file in self._files), initial=0)
        streams = [
            _placed(file.messages(topics, span_ns), first)
            for file, first in zip(self._files, before, strict=False)
        ]
        return heapq.merge(*streams, key=lambda message: message.log_ns)

    def decode(self, message: BagMessage) -> Any:
        """The message with its fields as attributes.

        Raises:
            ReadError: bytes that are no message of its type.
        """
        return _decoded(self._types, message)

    def close(self) -> None:
        """Close the files."""
        self._opened.close()


def _placed(messages: Iterator[BagMessage], first: int) -> Iterator[BagMessage]:
    """Messages of a file whose connections stand among the bag's from ``first`` on."""
    for message in messages:
        yield replace(message, connection=first + message.connection)


def _decoded(types: Typestore, message: BagMessage) -> Any:
    try:
        return types.deserialize_cdr(message.cdr, message.type)
    except broken_bag_errors() as error:
        raise _undecodable(message, error) from error


def _undecodable(message: BagMessage, error: BaseException) -> ReadError:
    return ReadError(
        f"a message of {len(message.cdr)} bytes on {message.topic} is no {message.type}: {error}"
    )


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
