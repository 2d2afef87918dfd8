"""Files of parts put into the output without being read: parts stay whole, so an assembly can be begun again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from anyview_ros.offline.augment.file_hashes import files_below


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file of ours a second place; folders are made. It is copied where the file system knows no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def link_or_copy_folder(source: Path, target: Path) -> None:
    """Give all files below a folder of ours a second place."""
    for file in files_below(source):
        link_or_copy(file, target / file.relative_to(source))


def copy_file(source: Path, target: Path) -> None:
    """Copy the bytes of a file that is not ours, and which no link must therefore lead to; folders are made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
