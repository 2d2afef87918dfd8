"""Disk full: told before work is begun, and in clear words if it comes about all the same."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anyview_ros.errors import WriteError

_FULL = {errno.ENOSPC, errno.EDQUOT}
_MARGIN = 1.02
_SPARE_BYTES = 16 << 20  # for records, pictures and the file system itself


def check_space(folder: Path, needed_bytes: int, what: str) -> None:
    """See that there is room.

    Args:
        folder: on the file system to be written; it exists.
        needed_bytes: upper guess of what will be written.
        what: what needs it, for the message.

    Raises:
        WriteError: there is not.
    """
    wanted = round(needed_bytes * _MARGIN) + _SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise WriteError(
            f"{what} needs up to {readable_bytes(wanted)} but {folder} has {readable_bytes(free)} free; make room, or "
            "name an output on another disk, and run again with --resume"
        )


@contextmanager
def disk_full_told(folder: Path, what: str) -> Iterator[None]:
    """Turn a full disk, however a library reports it, into one clear error.

    Raises:
        WriteError: the disk became full while ``what`` was written below ``folder``.
    """
    try:
        yield
    except Exception as error:
        if not _is_full(error, folder):
            raise
        raise WriteError(
            f"the disk of {folder} is full; {what} was not finished and its unfinished files are removed; make room "
            "and run again with --resume"
        ) from error


def _is_full(error: BaseException, folder: Path) -> bool:
    """By the error or one that caused it; or, since libraries hide it, because nothing is free."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in _FULL:
            return True
        cause = cause.__cause__ or cause.__context__
    return shutil.disk_usage(folder).free == 0


def readable_bytes(count: float) -> str:
    """A number of bytes for people: 12.3 MB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
