"""Videos of one episode, encoded so that they can be joined and so that the same pictures give the same bytes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.media import create_video, pyav
from anyview_ros.offline.lerobot.video_streams import open_stream

CODECS = ("h264", "av1", "hevc")
"""Codecs that are written, by the name that info.json has for them."""

STORED_AS = ("video.codec", "video.pix_fmt")
"""What info.json tells of how the pictures of a camera are stored, whatever they are."""

_ENCODERS = {"h264": "libx264", "av1": "libsvtav1", "hevc": "libx265"}
# Key frames every second frame, as LeRobot does, since training reads frames at random; no frames out of order, so that
# videos can be joined packet by packet; one thread, since the bytes depend on their number.
_OPTIONS: Mapping[str, dict[str, str]] = {
    "h264": {"crf": "20", "preset": "fast", "g": "2", "bf": "0", "threads": "1"},
    "av1": {"crf": "30", "preset": "8", "g": "2", "svtav1-params": "lp=1"},
    "hevc": {
        "crf": "22",
        "preset": "fast",
        "x265-params": "keyint=2:min-keyint=1:bframes=0:pools=none:frame-threads=1:log-level=error",
    },
}


@dataclass(frozen=True)
class Coding:
    """How pictures are to be stored.

    Attributes:
        codec: one of ``CODECS``.
        pixels: FFmpeg's name for how pixels are stored, if the encoder has that; "" for its usual way.
    """

    codec: str = "h264"
    pixels: str = ""

    @classmethod
    def like(cls, info: Mapping[str, Any]) -> Coding:
        """As the videos of a camera of which info.json tells this, as far as that is written; else H.264."""
        codec, pixels = (info.get(name) for name in STORED_AS)
        return cls(codec if codec in CODECS else "h264", pixels if isinstance(pixels, str) else "")


class EpisodeVideo:
    """Writes uint8 (H, W, 3) RGB pictures of one size as an mp4; a context manager.

    Args:
        path: of the file; its folder is made.
        rate: frames per second.
        coding: how pictures are stored; those of odd size always in H.264 at full chroma.
        comment: written into the file for whoever opens it.

    Raises:
        InvalidInputError: a codec that is not written.
        MissingDependencyError: PyAV is not installed.
    """

    def __init__(self, path: Path, *, rate: Fraction, coding: Coding, comment: str = "") -> None:
        av = pyav()
        if coding.codec not in CODECS:
            raise InvalidInputError(f"codec is {coding.codec!r}; choose one of {', '.join(CODECS)}")
        os.environ.setdefault("SVT_LOG", "1")  # the AV1 encoder prints its settings otherwise
        path.parent.mkdir(parents=True, exist_ok=True)
        self._av, self._coding, self._rate = av, coding, rate
        self.count = 0
        self._shape: tuple[int, ...] = ()
        self._container = create_video(path)
        if comment:
            self._container.metadata["comment"] = comment
        self._stream: Any = None

    def add(self, image: NDArray[np.uint8]) -> None:
        """Write the next picture.

        Raises:
            InvalidInputError: a picture of another size than the first.
        """
        if self._stream is None:
            self._open(image)
        if image.shape != self._shape:
            raise InvalidInputError(
                f"picture {self.count} of a video is {image.shape}, the first was {self._shape}"
            )
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame.pts, frame.time_base = self.count, 1 / self._rate
        self._container.mux(self._stream.encode(frame))
        self.count += 1

    def _open(self, image: NDArray[np.uint8]) -> None:
        self._shape = image.shape
        height, width = image.shape[:2]
        even = height % 2 == 0 and width % 2 == 0
        codec = self._coding.codec if even else "h264"  # AV1 has no colour at full size
        stream: Any = self._container.add_stream(
            _ENCODERS[codec], rate=self._rate, options=dict(_OPTIONS[codec])
        )
        stream.width, stream.height = width, height
        stream.pix_fmt = self._pixels(codec) if even else "yuv444p"
        stream.codec_context.time_base = 1 / self._rate
        self._stream = stream

    def _pixels(self, codec: str) -> str:
        known = {each.name for each in self._av.codec.Codec(_ENCODERS[codec], "w").video_formats or ()}
        return self._coding.pixels if self._coding.pixels in known else "yuv420p"

    def __enter__(self) -> EpisodeVideo:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._stream is not None:
            self._container.mux(self._stream.encode(None))
        self._container.close()


def video_info(path: Path) -> dict[str, Any]:
    """What info.json tells of a camera's videos, read from one of them.

    Raises:
        ReadError: a file that cannot be read.
    """
    with open_stream(path) as (_, stream):
        rate = Fraction(stream.base_rate or stream.average_rate or 1)
        return {
            "video.height": stream.height,
            "video.width": stream.width,
            "video.codec": stream.codec.canonical_name,
            "video.pix_fmt": stream.pix_fmt,
            "video.is_depth_map": False,
            "video.fps": int(rate) if rate.denominator == 1 else float(rate),
            "video.channels": 3,
            "has_audio": False,
        }
