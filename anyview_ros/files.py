"""Files that appear under their names only when they are whole, and the sum by which their content is known."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".part"
"""What names of files end in that are not whole."""


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Write a file under the name given, beside ``path``; it takes the place of ``path`` when the block ends.

    Folders above it are made. Where the block fails, what was written is removed and the former file stays; where the
    process is killed, what was written stays too, for the next to write over.

    Raises:
        OSError: it cannot be written there, or is a folder.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, f"{os.strerror(errno.EISDIR)}; name a file in it", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        yield unfinished
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def sort_safetensors_notes(path: Path) -> None:
    """Put the notes in the header of a safetensors file in order, so that equal content has equal bytes and sums.

    The package that writes such files leaves their order to chance.

    Raises:
        OSError: it cannot be read or written.
    """
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        notes = header.pop("__metadata__", {})
        ordered = {"__metadata__": dict(sorted(notes.items())), **header} if notes else header
        written = json.dumps(ordered, ensure_ascii=False, separators=(",", ":")).encode().ljust(length)
        if len(written) == length:  # else it was not that package that wrote it
            file.seek(8)
            file.write(written)


def sha256_of_file(path: Path) -> str:
    """The sha256 of a file's bytes, hex.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
