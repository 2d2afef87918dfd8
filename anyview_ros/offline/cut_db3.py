"""A sqlite3 file of a bag read message by message, as far as its pages are there: it was cut, or is damaged."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from anyview_ros.errors import ReadError
from anyview_ros.offline.bag_errors import broken_bag_errors, not_readable
from anyview_ros.offline.bag_items import BagConnection, BagMessage
from anyview_ros.offline.bag_profiles import read_profiles
from anyview_ros.offline.mcap_files import Span

_MOST_LOST_IN_A_ROW = 1000


class CutDatabase:
    """One file. It is looked through when it is opened.

    Attributes:
        connections: how topics were recorded.
        counts: number of messages of each that can be read.
        losses: what cannot be read, in sentences.
    """

    def __init__(self, path: Path) -> None:
        """Open a file and look through it.

        Raises:
            ReadError: its tables cannot be read.
        """
        import apsw

        self._path = path
        self._apsw_error = apsw.Error
        try:
            flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
            self._database = apsw.Connection(f"{path.resolve().as_uri()}?immutable=1", flags=flags)
            # Without it, a file that has fewer pages than it tells is refused as a whole.
            self._execute("PRAGMA writable_schema=ON")
            self._topics = self._read_topics()
        except broken_bag_errors() as error:
            raise not_readable(path, error) from error
        self.connections = list(self._topics.values())
        self._places = {number: place for place, number in enumerate(self._topics)}
        self._ids, self._stamps, self._owners = array("q"), array("q"), array("q")
        self._is_broken = False
        self._look_through()
        self.counts = [self._owners.count(place) for place in range(len(self.connections))]
        self._order = sorted(range(len(self._ids)), key=lambda index: (self._stamps[index], index))

    def _execute(self, statement: str, values: tuple[int, ...] = ()) -> list[tuple[Any, ...]]:
        return list(self._database.cursor().execute(statement, values))

    def _read_topics(self) -> dict[int, BagConnection]:
        columns = {row[1] for row in self._execute("PRAGMA table_info(topics)")}
        wanted = ["name", "type", "serialization_format"]
        wanted += [name for name in ("offered_qos_profiles", "type_description_hash") if name in columns]
        definitions = self._read_definitions()
        found = {}
        for number, *told in self._texts("topics", "id", wanted):
            values = dict(zip(wanted, told, strict=True))
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

    def _read_definitions(self) -> dict[str, tuple[str, str]]:
        if not self._execute("PRAGMA table_info(message_definitions)"):
            return {}
        wanted = ["topic_type", "encoding", "encoded_message_definition"]
        return {row[1]: (row[2], row[3]) for row in self._texts("message_definitions", "id", wanted)}

    def _texts(self, table: str, number: str, columns: list[str]) -> Iterator[list[Any]]:
        """Rows of a number and texts, whose damaged letters are replaced."""
        casts = ", ".join(f"CAST({column} AS BLOB)" for column in columns)
        rows = self._execute(f"SELECT {number}, {casts} FROM {table} ORDER BY {number}")  # noqa: S608 - fixed names
        for first, *texts in rows:
            if isinstance(first, int):
                yield [first, *(bytes(text or b"").decode(errors="replace") for text in texts)]

    def _look_through(self) -> None:
        """Note the messages whose pages are all there, from the first on."""
        last, lost_in_a_row = -1, 0
        while lost_in_a_row < _MOST_LOST_IN_A_ROW:
            try:
                for last, *row in self._rows_after(last):  # noqa: B020 - goes on after the last one
                    lost_in_a_row = 0
                    self._note(last, *row)
            except self._apsw_error:
                self._is_broken = True
                last += 1
                lost_in_a_row += 1
            else:
                break

    def _rows_after(self, last: int) -> Iterator[tuple[int, Any, Any, Any]]:
        """Number, topic, log time and data of messages."""
        statement = "SELECT id, topic_id, timestamp, data FROM messages NOT INDEXED WHERE id > ? ORDER BY id"
        yield from self._database.cursor().execute(statement, (last,))

    def _note(self, number: int, topic: Any, stamp_ns: Any, data: Any) -> None:
        if topic in self._places and isinstance(stamp_ns, int) and isinstance(data, bytes):
            self._ids.append(number)
            self._stamps.append(stamp_ns)
            self._owners.append(self._places[topic])
        else:
            self._is_broken = True

    @property
    def span_ns(self) -> tuple[int, int]:
        """Log times of the first and the last message; (0, 0) if there is none."""
        return (min(self._stamps), max(self._stamps)) if self._stamps else (0, 0)

    @property
    def losses(self) -> tuple[str, ...]:
        """What cannot be read, in sentences."""
        if not self._is_broken:
            return ()
        count = len(self._ids)
        return (
            f"{self._path.name} is cut or damaged: {count} messages of it can be read, the others are lost",
        )

    def messages(self, topics: Collection[str] | None, span_ns: Span | None) -> Iterator[BagMessage]:
        """Messages in the order of their log times, of all topics or of those named.

        Raises:
            ReadError: one that could be read before.
        """
        for index in self._order:
            connection = self.connections[self._owners[index]]
            log_ns = self._stamps[index]
            if (topics is not None and connection.topic not in topics) or (
                span_ns is not None and not span_ns[0] <= log_ns <= span_ns[1]
            ):
                continue
            try:
                ((data,),) = self._execute("SELECT data FROM messages WHERE id = ?", (self._ids[index],))
            except (self._apsw_error, ValueError) as error:
                raise ReadError(f"cannot read on in bag {self._path}: {error}") from error
            yield BagMessage(
                connection.topic, connection.type, log_ns, bytes(data), self._owners[index], log_ns
            )

    def close(self) -> None:
        """Close the file."""
        self._database.close()
