"""Rows of integers, kept in memory while a process is measured and written once when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rclpy
from rclpy.executors import ExternalShutdownException


class TimesFile:
    """A file that appears, empty, with the first row, and gets all rows at :meth:`write`.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: list[tuple[int, ...]] = []

    def add(self, *row: int) -> None:
        """Keep one row."""
        if not self._rows:
            self._path.touch()
        self._rows.append(row)

    def write(self) -> None:
        """Write one row per line, cells separated by commas."""
        text = "".join(",".join(map(str, row)) + "\n" for row in list(self._rows))
        self._path.write_text(text, encoding="utf-8")


@contextmanager
def written_at_the_end(times: TimesFile) -> Iterator[None]:
    """Do what a measured process does until it is interrupted, then write its times and shut ROS down."""
    try:
        yield
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        times.write()
        rclpy.try_shutdown()
