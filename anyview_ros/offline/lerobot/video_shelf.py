"""The video files of one key of a dataset: whole files taken over, and episodes' videos joined up to a size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from anyview_ros.errors import ReadError
from anyview_ros.offline.lerobot.layout import after
from anyview_ros.offline.lerobot.video_joining import VideoKind, join_videos


@dataclass(frozen=True)
class VideoPlace:
    """Where an episode's frames of a key are; the names are those of the columns of meta/episodes."""

    chunk_index: int
    file_index: int
    from_timestamp: float
    to_timestamp: float


@dataclass(frozen=True)
class Joining:
    """How videos are joined.

    Attributes:
        rate: frames per second.
        chunks_size: files in a chunk.
        largest_bytes: size that no joined file exceeds, unless one episode does.
    """

    rate: Fraction
    chunks_size: int
    largest_bytes: int


class VideoShelf:
    """Gives the videos of one key their files, in the order in which they come.

    Args:
        path_of: the path of a file by chunk and number.
        joining: how.
    """

    def __init__(self, path_of: Callable[[int, int], Path], joining: Joining) -> None:
        self._path_of, self._joining = path_of, joining
        self._next = (0, 0)
        self._pending: list[Path] = []
        self._place = (0, 0)
        self._kind: VideoKind | None = None
        self._frames = self._bytes = 0

    def add_whole(self) -> tuple[Path, tuple[int, int]]:
        """Where to put a file that is taken over as it is, and its chunk and number."""
        self.close()
        place = self._take()
        path = self._path_of(*place)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path, place

    def add_piece(self, video: Path, frames: int) -> VideoPlace:
        """Join an episode's video to those before it, or begin a file if it is of another kind or too large.

        Args:
            video: of one episode; it must stay until :meth:`close`. What its comment says, its file will say.
            frames: how many it has.
        """
        kind, size = VideoKind.of(video), video.stat().st_size
        if self._pending and (kind != self._kind or self._bytes + size > self._joining.largest_bytes):
            self.close()
        if not self._pending:
            self._place, self._kind = self._take(), kind
        begin = self._frames
        self._pending.append(video)
        self._frames += frames
        self._bytes += size
        rate = self._joining.rate
        return VideoPlace(*self._place, float(begin / rate), float(self._frames / rate))

    def close(self) -> None:
        """Write the file that is being joined.

        Raises:
            ReadError: videos that hold another number of frames than was said.
        """
        if self._pending:
            path = self._path_of(*self._place)
            written = join_videos(self._pending, path, rate=self._joining.rate)
            if written != self._frames:
                raise ReadError(
                    f"{path} got {written} frames but its episodes have {self._frames}; a part was cut off, run its "
                    "episode again"
                )
        self._pending, self._kind, self._frames, self._bytes = [], None, 0, 0

    def _take(self) -> tuple[int, int]:
        place = self._next
        self._next = after(*place, self._joining.chunks_size)
        return place
