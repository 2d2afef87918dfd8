"""Tables of one kind written one after another into numbered parquet files, up to a size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.lerobot.layout import after

if TYPE_CHECKING:
    from pyarrow import Table


class TableFiles:
    """Writes each table as a row group; a context manager.

    Args:
        path_of: the path of a file by chunk and number.
        chunks_size: files in a chunk.
        largest_bytes: what a file's tables may take in memory, unless one of them does more; files are smaller.
    """

    def __init__(self, path_of: Callable[[int, int], Path], *, chunks_size: int, largest_bytes: int) -> None:
        self._path_of, self._chunks_size, self._largest = path_of, chunks_size, largest_bytes
        self._place: tuple[int, int] | None = None
        self._bytes = 0
        self._writer: Any = None
        self._schema: Any = None

    def place_for(self, size: int) -> tuple[int, int]:
        """Chunk and number of the file that the next table, of so many bytes, will be in."""
        if self._place is None:
            self._place = (0, 0)
        elif self._bytes and self._bytes + size > self._largest:
            self.close()
            self._place = after(*self._place, self._chunks_size)
        return self._place

    def add(self, table: Table) -> tuple[int, int]:
        """Write a table; returns chunk and number of its file.

        Columns take the order and the types of the first table's: recorders write vectors as lists of one length,
        others as lists of any.

        Raises:
            InvalidInputError: columns that are missing, or of types that cannot be brought to those of the first.
        """
        import pyarrow.parquet as pq

        table = self._alike(table)
        place = self.place_for(table.nbytes)
        if self._writer is None:
            path = self._path_of(*place)
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(path, table.schema, compression="snappy", use_dictionary=True)
        self._writer.write_table(table)
        self._bytes += table.nbytes
        return place

    def _alike(self, table: Table) -> Table:
        import pyarrow as pa

        if self._schema is None:
            self._schema = table.schema
        first = self._schema
        if set(table.column_names) != set(first.names):
            differing = ", ".join(sorted(set(table.column_names) ^ set(first.names)))
            raise InvalidInputError(f"tables of one dataset have the same columns; some lack {differing}")
        try:
            return table.select(first.names).cast(first)
        except pa.ArrowException as error:
            raise InvalidInputError(
                f"tables of one dataset have columns of the same types: {error}; write one of the datasets again"
            ) from error

    def close(self) -> None:
        """Finish the file that is being written."""
        if self._writer is not None:
            self._writer.close()
        self._writer, self._bytes = None, 0

    def __enter__(self) -> TableFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
