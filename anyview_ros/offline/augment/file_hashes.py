"""What lies in a folder, by content: so that finished work is known by what it is and not by what it is called."""

from __future__ import annotations

from pathlib import Path

from anyview_ros.files import sha256_of_file


def files_below(folder: Path) -> list[Path]:
    """All files in a folder and its folders, in the order of their paths."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def hashed_files(folder: Path) -> dict[str, tuple[int, str]]:
    """Size in bytes and sha256 of each file below a folder, by path within it."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_size, sha256_of_file(path))
        for path in files_below(folder)
    }
