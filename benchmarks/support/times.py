"""Rows of integers, kept in memory while a process is measured and written once when it ends."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def write_rows(path: Path, rows: Iterable[tuple[int, ...]]) -> None:
    """Write one row per line, cells separated by commas."""
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
