"""Files of a bag that cannot be read where they lie, made readable in a temporary folder: the bag is never written to.

These are files that were compressed as a whole, and databases beside which lies a journal that was never merged, since
their recorder was killed.
"""

from __future__ import annotations

import shutil
import sqlite3
import weakref
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock

from anyview_ros.errors import ReadError

COMPRESSED = ".zstd"
_WAL = "-wal"
_MOST = 4  # unpacked files that are kept at a time, unless one bag has more
_BLOCK_BYTES = 2**20

_Key = tuple[Path, int, int]


class _Folder:
    """A temporary folder, which is removed when nobody knows it any more."""

    def __init__(self) -> None:
        self.path = Path(mkdtemp(prefix="anyview_bag_"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


@dataclass(frozen=True, eq=False)
class ReadableFile:
    """A file of a bag that can be read; what was unpacked is there for as long as this is held.

    Attributes:
        path: where it can be read.
        losses: what is lost of it, one sentence each.
        folder: that it was unpacked into; None if it is read where it lies.
    """

    path: Path
    losses: tuple[str, ...] = ()
    folder: _Folder | None = None


_kept: dict[_Key, ReadableFile] = {}  # in the order in which they were asked for last
_lock = Lock()


def readable_files(paths: Sequence[Path]) -> list[ReadableFile]:
    """The files of one bag, made readable; hold them until they are open.

    Raises:
        ReadError: one cannot be unpacked.
    """
    with _lock:
        try:
            keys = {path: _key(path) for path in paths if _is_packed(path)}
        except OSError as error:
            raise ReadError(f"cannot read a bag's file: {error}") from error
        _make_room(keys.values())
        return [_unpacked(path, keys[path]) if path in keys else ReadableFile(path) for path in paths]


def _is_packed(path: Path) -> bool:
    journal = _journal_of(path)
    return path.suffix == COMPRESSED or (journal.is_file() and journal.stat().st_size > 0)


def _journal_of(path: Path) -> Path:
    return path.with_name(path.name + _WAL)


def _key(path: Path) -> _Key:
    """What changes when the file does."""
    state = path.stat()
    return path.resolve(), state.st_size, state.st_mtime_ns


def _make_room(wanted: Collection[_Key]) -> None:
    """Let go of files of other bags, those first that were asked for longest ago."""
    others = [key for key in _kept if key not in wanted]
    for key in others[: max(len(others) + len(wanted) - _MOST, 0)]:
        del _kept[key]


def _unpacked(path: Path, key: _Key) -> ReadableFile:
    file = _kept.pop(key, None)
    if file is None:
        try:
            file = _decompressed(path) if path.suffix == COMPRESSED else _merged(path)
        except (OSError, sqlite3.Error) as error:
            raise ReadError(f"cannot unpack {path}: {error}; is there room for temporary files?") from error
    _kept[key] = file
    return file


def _decompressed(path: Path) -> ReadableFile:
    import zstandard

    folder = _Folder()
    target = folder.path / path.stem
    losses: tuple[str, ...] = ()
    with path.open("rb") as packed, target.open("wb") as unpacked:
        reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
        try:
            while block := reader.read(_BLOCK_BYTES):
                unpacked.write(block)
        except zstandard.ZstdError as error:
            losses = (f"{path.name} can be decompressed to its byte {unpacked.tell()} only: {error}",)
    return ReadableFile(target, losses, folder)


def _merged(path: Path) -> ReadableFile:
    folder, journal = _Folder(), _journal_of(path)
    target = folder.path / path.name
    shutil.copyfile(path, target)
    shutil.copyfile(journal, folder.path / journal.name)
    with sqlite3.connect(target) as database:
        database.execute("PRAGMA journal_mode=DELETE")
    database.close()
    return ReadableFile(target, (f"{path.name} has a journal beside it: its recorder was killed",), folder)
