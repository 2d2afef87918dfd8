"""A folder that appears under its name only when it is whole."""

from __future__ import annotations

import glob
import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

UNFINISHED = ".partial"
"""What names of folders end in that are not whole."""


@contextmanager
def made_beside(output: Path) -> Iterator[Path]:
    """Make a folder beside ``output`` to write to, under a name that nobody else has; it is for the caller to rename.

    Where that fails it is removed; where the process is killed, by the next that makes the same output on this machine.
    """
    _remove_abandoned(output)
    folder = output.with_name(f"{output.name}.{os.getpid()}@{_machine()}.{uuid4().hex[:8]}{UNFINISHED}")
    folder.mkdir(parents=True)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _remove_abandoned(output: Path) -> None:
    """Remove what processes of this machine that are no more have left unfinished."""
    name = re.compile(rf"\.(\d+)@{re.escape(_machine())}\.[0-9a-f]{{8}}{re.escape(UNFINISHED)}")
    for folder in output.parent.glob(f"{glob.escape(output.name)}.*{UNFINISHED}"):
        told = name.fullmatch(folder.name.removeprefix(output.name))
        if told and not _lives(int(told[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _machine() -> str:
    return re.sub(r"[^\w-]", "_", socket.gethostname())


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # of another user, or no process at all
        return True
    return True
