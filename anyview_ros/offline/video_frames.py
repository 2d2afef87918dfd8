"""Frames of a video file by their number, without decoding from its beginning."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import ReadError
from anyview_ros.media import open_video, pyav

if TYPE_CHECKING:
    from av import VideoFrame

_GREY = ("gray", "gray10le", "gray12le", "gray14le", "gray16be", "gray16le")


@dataclass(frozen=True)
class _Listing:
    """What a file's packets tell: stamps of all frames and of key frames, ticks; seconds of a tick; how pixels are."""

    stamps: list[int]
    keys: list[int]
    size: tuple[int, int]
    tick_s: float
    pixels: str


class VideoFrames:
    """A video file whose frames are read by number; one is held at a time.

    Its packets are listed when first needed, without decoding, which costs milliseconds per minute of film.

    Args:
        path: of the file.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def __len__(self) -> int:
        return len(self._listed.stamps)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self._listed.size

    @property
    def is_grey(self) -> bool:
        """Whether it is stored in grey, as depth is."""
        return self._listed.pixels in _GREY

    @property
    def times_s(self) -> NDArray[np.float64]:
        """When each frame is shown, (N,) seconds, in order."""
        return np.array(self._listed.stamps, np.float64) * self._listed.tick_s

    def images(self, wanted: range) -> Iterator[NDArray[np.uint8]]:
        """Frames of an ascending range of numbers, each uint8 (H, W, 3) RGB.

        Raises:
            ReadError: numbers beyond the end, or a file that cannot be decoded.
        """
        for frame in self._frames(wanted):
            yield np.ascontiguousarray(frame.to_ndarray(format="rgb24"))

    def grey(self, wanted: range) -> Iterator[NDArray[Any]]:
        """Frames of a film in grey, as stored: uint8 or uint16 (H, W), without any scaling.

        Raises:
            ReadError: as :meth:`images`, or a film in colour.
        """
        for frame in self._frames(wanted):
            if frame.format.name not in _GREY:
                raise ReadError(
                    f"{self.path} is stored as {frame.format.name}; depth must be stored as {', '.join(_GREY)}"
                )
            yield np.ascontiguousarray(frame.to_ndarray())

    def _frames(self, wanted: range) -> Iterator[VideoFrame]:
        if not wanted:
            return
        stamps, keys = self._listed.stamps, self._listed.keys
        if wanted.step < 1 or wanted.start < 0 or wanted[-1] >= len(stamps):
            raise ReadError(
                f"{self.path} has {len(stamps)} frames, but {wanted.start} to {wanted[-1]} are asked for; "
                "the file was cut off, or its list of frames is of another one"
            )
        numbers = {stamp: number for number, stamp in enumerate(stamps)}
        position = bisect_right(keys, stamps[wanted.start]) - 1
        while (
            True
        ):  # the frames that follow a key frame may lean on what is before it: then one key frame earlier
            begin = keys[position] if position > 0 else None
            found = self._decoded(begin, wanted, numbers)
            first = next(found, None)
            if first is not None and numbers[int(first.pts or 0)] == wanted.start:
                yield first
                yield from found
                return
            if begin is None:
                raise ReadError(
                    f"{self.path} has no frame {wanted.start} that can be decoded; the file is broken"
                )
            position -= 1

    def _decoded(self, begin: int | None, wanted: range, numbers: dict[int, int]) -> Iterator[VideoFrame]:
        """Frames of ``wanted`` that come out when decoding starts at a key frame (None: at the beginning)."""
        av = pyav()

        expected = iter(wanted)
        due = next(expected)
        try:
            with open_video(self.path) as container:
                stream = container.streams.video[0]
                if begin is not None:
                    container.seek(begin, stream=stream, backward=True)
                for frame in container.decode(stream):
                    number = -1 if frame.pts is None else numbers.get(int(frame.pts), -1)
                    if number > due:
                        break
                    if number == due:
                        yield frame
                        after = next(expected, None)
                        if after is None:
                            return
                        due = after
        except (av.error.FFmpegError, OSError) as error:
            raise ReadError(
                f"cannot read video {self.path}: {error}; check that the file is whole"
            ) from error
        if due != wanted.start:
            raise ReadError(f"frame {due} of {self.path} cannot be decoded; check that the file is whole")

    @cached_property
    def _listed(self) -> _Listing:
        av = pyav()
        stamps: list[int] = []
        keys: list[int] = []
        try:
            with open_video(self.path) as container:
                if not container.streams.video:
                    raise ReadError(f"{self.path} holds no video stream")
                stream = container.streams.video[0]
                size, unit = (stream.width, stream.height), float(stream.time_base or 0)
                pixels = stream.codec_context.pix_fmt or ""
                for packet in container.demux(stream):
                    if packet.pts is None or packet.is_discard:
                        continue
                    stamps.append(packet.pts)
                    if packet.is_keyframe:
                        keys.append(packet.pts)
        except (av.error.FFmpegError, OSError) as error:
            raise ReadError(
                f"cannot read video {self.path}: {error}; check that the file is whole"
            ) from error
        if not stamps or not keys:
            raise ReadError(f"{self.path} holds no frames; check that the file is whole")
        if len(set(stamps)) != len(stamps):
            raise ReadError(
                f"frames of {self.path} share time stamps; write the video again, for instance with ffmpeg"
            )
        return _Listing(sorted(stamps), sorted(keys), size, unit, pixels)
