"""Video files of a dataset, opened to be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from anyview_ros.errors import ReadError
from anyview_ros.media import open_video, pyav


@contextmanager
def open_stream(path: Path) -> Iterator[tuple[Any, Any]]:
    """Open a video file: ``av.container.InputContainer``, and its video stream.

    Raises:
        ReadError: no video, or one that is cut off, also where that is met while it is read.
        MissingDependencyError: PyAV is not installed.
    """
    av = pyav()

    try:
        with open_video(path) as container:
            if not container.streams.video:
                raise ReadError(f"{path} holds no video; check that the file is whole")
            yield container, container.streams.video[0]
    except (av.error.FFmpegError, OSError) as error:
        raise ReadError(f"cannot read video {path}: {error}; check that the file is whole") from error
