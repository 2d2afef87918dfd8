"""Video files, opened by PyAV under names that mean files."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from anyview_ros.errors import MissingDependencyError


def pyav() -> ModuleType:
    """The module ``av``.

    Raises:
        MissingDependencyError: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise MissingDependencyError(
            "videos are read and written with PyAV; run `pip install 'anyview_ros[video]'`"
        ) from error
    return av


def open_video(path: str | Path) -> Any:
    """Open a video file to be read: ``av.container.InputContainer``.

    Raises:
        MissingDependencyError: PyAV is not installed.
        av.error.FFmpegError: no such file, or no video.
    """
    return pyav().open(_as_file(path))


def create_video(path: str | Path) -> Any:
    """Open a video file to be written, its index at the front: ``av.container.OutputContainer``.

    Raises:
        MissingDependencyError: PyAV is not installed.
        av.error.FFmpegError: it cannot be made, or its suffix is of no known kind.
    """
    return pyav().open(_as_file(path), "w", options={"movflags": "faststart"})


def _as_file(path: str | Path) -> str:
    """A name that begins with a slash: in others FFmpeg takes what stands before a colon for a protocol."""
    return str(Path(path).absolute())
