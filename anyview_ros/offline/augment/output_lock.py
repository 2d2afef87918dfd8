"""One run at a time for one output."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from anyview_ros.errors import WriteError

_WITHOUT_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}


@contextmanager
def locked(file: Path) -> Iterator[bool]:
    """Hold a lock, which ends with the process that holds it, however that ends.

    Args:
        file: made if it is not there; its content tells who holds the lock, and means nothing else.

    Yields:
        Whether there is a lock: some network file systems have none.

    Raises:
        WriteError: another process holds it; the message names it.
    """
    opened, held = _lock(file)
    with opened:
        opened.seek(0)
        opened.truncate()
        opened.write(json.dumps({"process": os.getpid(), "host": socket.gethostname()}))
        opened.flush()
        yield held


def _lock(file: Path) -> tuple[IO[str], bool]:
    """The file, opened and locked if there are locks; again if the run that held it before has removed it."""
    while True:
        file.parent.mkdir(parents=True, exist_ok=True)
        opened = os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT, 0o666), "r+", encoding="utf-8")
        try:
            held = _take(opened, file)
            if os.fstat(opened.fileno()).st_ino == file.stat().st_ino:
                return opened, held
        except FileNotFoundError:
            pass
        except BaseException:
            opened.close()
            raise
        opened.close()


def _take(opened: IO[str], file: Path) -> bool:
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise WriteError(
            f"{file.parent} is being written by {_holder(opened)}; wait until it is done, or end it"
        ) from error
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            raise
        return False
    return True


def _holder(opened: IO[str]) -> str:
    try:
        content = json.loads(opened.read())
        return f"process {int(content['process'])} on {content['host']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
