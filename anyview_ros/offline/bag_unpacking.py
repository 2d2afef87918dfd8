"""Files of a bag that cannot be read where they lie, made readable in a temporary folder: the bag is never written to.

These are files that were compressed as a whole, and databases beside which lies a journal that was never merged, since
their recorder was killed.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

from anyview_ros.errors import ReadError

COMPRESSED = ".zstd"
_WAL = "-wal"
_MOST = 4  # unpacked files that are kept at a time
_BLOCK_BYTES = 2**20


@dataclass(frozen=True, eq=False)
class _Unpacked:
    folder: TemporaryDirectory[str]
    path: Path
    losses: tuple[str, ...]


_kept: OrderedDict[tuple[Path, int, int], _Unpacked] = OrderedDict()
_lock = Lock()


def readable_file(path: Path) -> tuple[Path, tuple[str, ...]]:
    """Where a file of a bag can be read, and what is lost of it, one sentence each.

    Raises:
        ReadError: it cannot be unpacked.
    """
    journal = path.with_name(path.name + _WAL)
    if path.suffix != COMPRESSED and not (journal.is_file() and journal.stat().st_size):
        return path, ()
    try:
        state = path.stat()
        key = (path.resolve(), state.st_size, state.st_mtime_ns)
        with _lock:
            if key not in _kept:
                _kept[key] = _decompressed(path) if path.suffix == COMPRESSED else _merged(path, journal)
                while len(_kept) > _MOST:
                    _kept.popitem(last=False)[1].folder.cleanup()
            _kept.move_to_end(key)
            return _kept[key].path, _kept[key].losses
    except (OSError, sqlite3.Error) as error:
        raise ReadError(f"cannot unpack {path}: {error}; is there room for temporary files?") from error


def _decompressed(path: Path) -> _Unpacked:
    import zstandard

    folder = TemporaryDirectory(prefix="anyview_bag_")
    target = Path(folder.name) / path.stem
    losses: tuple[str, ...] = ()
    with path.open("rb") as packed, target.open("wb") as unpacked:
        reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
        try:
            while block := reader.read(_BLOCK_BYTES):
                unpacked.write(block)
        except zstandard.ZstdError as error:
            losses = (f"{path.name} can be decompressed to its byte {unpacked.tell()} only: {error}",)
    return _Unpacked(folder, target, losses)


def _merged(path: Path, journal: Path) -> _Unpacked:
    folder = TemporaryDirectory(prefix="anyview_bag_")
    target = Path(folder.name) / path.name
    shutil.copyfile(path, target)
    shutil.copyfile(journal, target.with_name(journal.name))
    with sqlite3.connect(target) as database:
        database.execute("PRAGMA journal_mode=DELETE")
    database.close()
    return _Unpacked(folder, target, (f"{path.name} has a journal beside it: its recorder was killed",))
