"""A folder that appears under its name only when it is whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def made_beside(output: Path) -> Iterator[Path]:
    """Make a folder beside ``output`` to write to, under a name that nobody else has; it is for the caller to rename.

    Where that fails it is removed.
    """
    folder = output.with_name(f"{output.name}.{uuid4().hex[:8]}.partial")
    folder.mkdir(parents=True)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
