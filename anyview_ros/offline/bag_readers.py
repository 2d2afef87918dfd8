"""Two ways to read a bag: by its index, or, where that is missing, from its start."""

from __future__ import annotations

import heapq
import struct
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from anyview_ros.errors import ReadError
from anyview_ros.offline.bag_items import BagMessage, BagTopic
from anyview_ros.offline.cut_mcap import CutMcap

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

# What rosbags lets through where a broken file's bytes are not what it expects of them.
_UNFORESEEN = (ValueError, TypeError, LookupError, AssertionError, struct.error)


class BagReader(Protocol):
    """An open bag, as :class:`~anyview_ros.offline.bags.Bag` shows it."""

    losses: tuple[str, ...]
    topics: tuple[BagTopic, ...]
    span_ns: tuple[int, int]

    def messages(self, topics: Collection[str] | None) -> Iterator[BagMessage]:
        """Messages in the order of their log times."""

    def decode(self, message: BagMessage) -> Any:
        """The message with its fields as attributes."""

    def close(self) -> None:
        """Close the files."""


def open_reader(path: Path) -> BagReader:
    """Open a bag by its index if it has one that is right, else from its start.

    Raises:
        ReadError: no bag, or a broken one of which nothing can be read.
    """
    metadata = path / "metadata.yaml" if path.is_dir() else None
    databases = sorted(path.glob("*.db3")) if metadata is not None and not metadata.exists() else []
    try:
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
        from rosbags.highlevel import AnyReader, AnyReaderError
        from rosbags.typesys import Stores, get_typestore

        self.losses = losses
        try:
            self._reader = AnyReader(list(paths), default_typestore=get_typestore(Stores.ROS2_JAZZY))
            self._reader.open()
        except (AnyReaderError, OSError, *_UNFORESEEN) as error:
            raise ReadError(f"cannot read bag {paths[0]}: {error}") from error
        known = sorted(self._reader.topics.items())
        self.topics = tuple(BagTopic(name, info.msgtype or "", info.msgcount) for name, info in known)
        self.span_ns = self._reader.start_time, self._reader.end_time

    def messages(self, topics: Collection[str] | None) -> Iterator[BagMessage]:
        """Messages in the order of their log times.

        Raises:
            ReadError: a chunk that is damaged.
        """
        from rosbags.rosbag2 import ReaderError

        wanted = [c for c in self._reader.connections if topics is None or c.topic in topics]
        if not wanted:
            return
        try:
            for connection, log_ns, cdr in self._reader.messages(connections=wanted):
                yield BagMessage(connection.topic, connection.msgtype, log_ns, bytes(cdr))
        except ReaderError as error:
            raise ReadError(f"cannot read on in bag {self._reader.paths[0]}: {error}") from error

    def decode(self, message: BagMessage) -> Any:
        """The message with its fields as attributes."""
        return self._reader.deserialize(message.cdr, message.type)

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

    def messages(self, topics: Collection[str] | None) -> Iterator[BagMessage]:
        """Messages in the order of their log times; only blocks that overlap are held at once."""
        waiting: list[tuple[int, int, BagMessage]] = []
        count = 0
        for block in self._blocks:
            while waiting and waiting[0][0] < block.began_ns:
                yield heapq.heappop(waiting)[2]
            for message in block.file.messages(block, topics):
                heapq.heappush(waiting, (message.log_ns, count, message))
                count += 1
        while waiting:
            yield heapq.heappop(waiting)[2]

    def decode(self, message: BagMessage) -> Any:
        """The message with its fields as attributes."""
        return self._types.deserialize_cdr(message.cdr, message.type)

    def close(self) -> None:
        """Close the files."""
        self._opened.close()


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
