"""A sqlite3 file of a bag read message by message, as far as its pages are there: it was cut, or is damaged."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.errors import ReadError
from anyview_ros.offline.bag_errors import broken_bag_errors, not_readable
from anyview_ros.offline.bag_items import BagConnection, BagMessage
from anyview_ros.offline.bag_profiles import read_profiles
from anyview_ros.offline.mcap_files import Span

if TYPE_CHECKING:
    import apsw

_MOST_LOST_IN_A_ROW = 1000


@dataclass(frozen=True, eq=False)
class _Contents:
    """What can be read of a file.

    Attributes:
        connections: how topics were recorded.
        ids, stamps, owners: number, log time and place among the connections of each message.
        order: of the messages, by log time.
        is_broken: whether there are others.
    """

    connections: tuple[BagConnection, ...]
    ids: array[int]
    stamps: array[int]
    owners: array[int]
    order: array[int]
    is_broken: bool


class CutDatabase:
    """One file. It is looked through when it is opened for the first time.

    Attributes:
        connections: how topics were recorded.
        counts: number of messages of each that can be read.
        losses: what cannot be read, in sentences.
    """

    def __init__(self, path: Path) -> None:
        """Open a file.

        Raises:
            ReadError: its tables cannot be read.
        """
        self._path = path
        try:
            state = path.stat()
            self._contents = _contents(path, state.st_size, state.st_mtime_ns)
            self._database = _opened(path)
        except broken_bag_errors() as error:
            raise not_readable(path, error) from error
        self.connections = self._contents.connections
        self.counts = [self._contents.owners.count(place) for place in range(len(self.connections))]

    @property
    def span_ns(self) -> tuple[int, int]:
        """Log times of the first and the last message; (0, 0) if there is none."""
        stamps = self._contents.stamps
        return (min(stamps), max(stamps)) if stamps else (0, 0)

    @property
    def losses(self) -> tuple[str, ...]:
        """What cannot be read, in sentences."""
        if not self._contents.is_broken:
            return ()
        count = len(self._contents.ids)
        return (
            f"{self._path.name} is cut or damaged: {count} messages of it can be read, the others are lost",
        )

    def messages(self, topics: Collection[str] | None, span_ns: Span | None) -> Iterator[BagMessage]:
        """Messages in the order of their log times, of all topics or of those named.

        Raises:
            ReadError: one that could be read before.
        """
        there = self._contents
        for index in there.order:
            connection = self.connections[there.owners[index]]
            log_ns = there.stamps[index]
            if (topics is not None and connection.topic not in topics) or (
                span_ns is not None and not span_ns[0] <= log_ns <= span_ns[1]
            ):
                continue
            try:
                statement = "SELECT data FROM messages WHERE id = ?"
                ((data,),) = self._database.cursor().execute(statement, (there.ids[index],))
            except broken_bag_errors() as error:
                raise ReadError(f"cannot read on in bag {self._path}: {error}") from error
            yield BagMessage(
                connection.topic, connection.type, log_ns, bytes(data), there.owners[index], log_ns
            )

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _opened(path: Path) -> apsw.Connection:
    import apsw

    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    database = apsw.Connection(f"{path.resolve().as_uri()}?immutable=1", flags=flags)
    # Without it, a file that has fewer pages than it tells is refused as a whole.
    database.execute("PRAGMA writable_schema=ON")
    return database


@lru_cache(maxsize=8)  # a bag is opened once for each part that is read of it
def _contents(path: Path, size: int, changed_ns: int) -> _Contents:
    """Look through a file; its size and time of change only tell whether it is the same still."""
    del size, changed_ns
    with closing(_opened(path)) as database:
        topics = _topics(database)
        places = {number: place for place, number in enumerate(topics)}
        ids, stamps, owners = array("q"), array("q"), array("q")
        is_broken = False
        for number, topic, stamp_ns, data in _rows(database):
            if topic in places and isinstance(stamp_ns, int) and isinstance(data, bytes):
                ids.append(number)
                stamps.append(stamp_ns)
                owners.append(places[topic])
            else:
                is_broken = True
    order = array("q", sorted(range(len(ids)), key=lambda index: (stamps[index], index)))
    return _Contents(tuple(topics.values()), ids, stamps, owners, order, is_broken)


def _rows(database: apsw.Connection) -> Iterator[tuple[Any, ...]]:
    """Number, topic, log time and data of messages; Nones once for each place where some cannot be read.

    Their data are read too, since it is the data that may be lacking.
    """
    import apsw

    statement = "SELECT id, topic_id, timestamp, data FROM messages NOT INDEXED WHERE id > ? ORDER BY id"
    last, lost_in_a_row = -1, 0
    while lost_in_a_row < _MOST_LOST_IN_A_ROW:
        try:
            for row in database.cursor().execute(statement, (last,)):
                last, lost_in_a_row = int(row[0]), 0
                yield row
        except apsw.Error:
            last, lost_in_a_row = last + 1, lost_in_a_row + 1
            yield (None, None, None, None)
        else:
            return


def _topics(database: apsw.Connection) -> dict[int, BagConnection]:
    columns = {row[1] for row in database.execute("PRAGMA table_info(topics)")}
    wanted = ["name", "type", "serialization_format"]
    wanted += [name for name in ("offered_qos_profiles", "type_description_hash") if name in columns]
    definitions: dict[str, tuple[str, str]] = {}
    if list(database.execute("PRAGMA table_info(message_definitions)")):
        told = ["topic_type", "encoding", "encoded_message_definition"]
        definitions = {row[1]: (row[2], row[3]) for row in _texts(database, "message_definitions", told)}
    found = {}
    for number, *texts in _texts(database, "topics", wanted):
        values = dict(zip(wanted, texts, strict=True))
        encoding, definition = definitions.get(values["type"], ("", ""))
        found[int(number)] = BagConnection(
            values["name"],
            values["type"],
            values["serialization_format"],
            encoding,
            definition,
            values.get("type_description_hash", ""),
            read_profiles(values.get("offered_qos_profiles", "")),
        )
    return found


def _texts(database: apsw.Connection, table: str, columns: Sequence[str]) -> Iterator[list[Any]]:
    """The number and some texts of a table's rows; letters of texts that are damaged are replaced."""
    casts = ", ".join(f"CAST({column} AS BLOB)" for column in columns)
    for number, *texts in database.execute(f"SELECT id, {casts} FROM {table} ORDER BY id"):  # noqa: S608 - fixed names
        if isinstance(number, int):
            yield [number, *(_text(text) for text in texts)]


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else ""
