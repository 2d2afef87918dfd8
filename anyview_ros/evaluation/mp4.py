"""Videos that say of themselves that they were computed, written frame by frame."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.media import create_video, pyav


class Mp4Writer:
    """Writes uint8 (h, w, 3) RGB frames of one size as H.264; odd sizes lose their last row or column.

    Use it as a context manager; ``count`` tells how many frames were written.

    Args:
        path: of the file.
        rate_hz: frames per second.

    Raises:
        MissingDependencyError: PyAV is not installed.
    """

    def __init__(self, path: Path, *, rate_hz: float) -> None:
        """Open the file."""
        self._av = pyav()
        self.count = 0
        self._shape: tuple[int, ...] = ()
        self._container = create_video(path)
        self._container.metadata["comment"] = (
            "Contains synthesised pictures (anyview_ros); they were computed, not filmed."
        )
        self._stream = self._container.add_stream("libx264", rate=Fraction(rate_hz).limit_denominator(1000))
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"crf": "20", "preset": "veryfast"}

    def add(self, frame: NDArray[np.uint8]) -> None:
        """Write one frame.

        Raises:
            InvalidInputError: a frame of another size than the first.
        """
        if self._shape and frame.shape != self._shape:
            raise InvalidInputError(
                f"frame {self.count} of a video is {frame.shape}, the first was {self._shape}"
            )
        even = np.ascontiguousarray(frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2])
        if not self._shape:
            self._shape = frame.shape
            self._stream.height, self._stream.width = even.shape[:2]
        self._container.mux(self._stream.encode(self._av.VideoFrame.from_ndarray(even, format="rgb24")))
        self.count += 1

    def close(self) -> None:
        """Finish the file."""
        if self.count:
            self._container.mux(self._stream.encode())
        self._container.close()

    def __enter__(self) -> Mp4Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if error is None:
            self.close()
        else:
            self._container.close()
