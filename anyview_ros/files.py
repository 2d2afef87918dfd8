"""Files that appear under their names only when they are whole, and the sum by which their content is known."""

from __future__ import annotations

import hashlib
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
        OSError: it cannot be written there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        yield unfinished
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def sha256_of_file(path: Path) -> str:
    """The sha256 of a file's bytes, hex.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
