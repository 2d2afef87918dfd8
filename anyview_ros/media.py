"""Video files, opened by PyAV under names that mean files."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def open_video(path: str | Path) -> Any:
    """Open a video file to be read: ``av.container.InputContainer``.

    Raises:
        av.error.FFmpegError: no such file, or no video.
    """
    import av

    return av.open(_as_file(path))


def create_video(path: str | Path) -> Any:
    """Open a video file to be written, its index at the front: ``av.container.OutputContainer``.

    Raises:
        av.error.FFmpegError: it cannot be made, or its suffix is of no known kind.
    """
    import av

    return av.open(_as_file(path), "w", options={"movflags": "faststart"})


def _as_file(path: str | Path) -> str:
    """A name that begins with a slash: in others FFmpeg takes what stands before a colon for a protocol."""
    return str(Path(path).absolute())
