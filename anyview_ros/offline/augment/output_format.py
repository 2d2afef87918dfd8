"""How an output format writes: one part per episode, then one assembly of all parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from anyview_ros.offline.augment.records import JobRecord
from anyview_ros.offline.augment.source_episode import SourceEpisode
from anyview_ros.offline.augment.spool import SpooledView


@dataclass(frozen=True)
class Part:
    """What one job wrote: its record, and the folder with its files."""

    record: JobRecord
    folder: Path


class OutputFormat(Protocol):
    """A format; made with the run's settings."""

    def check(self, episodes: Sequence[SourceEpisode]) -> None:
        """Refuse, before any work, episodes that this format cannot hold.

        Raises:
            InvalidInputError: an episode of a kind that cannot be written so; the message says what would do.
        """
        ...

    def bytes_needed(self, episode: SourceEpisode, frame_bytes: int, frames: int) -> int:
        """An upper guess of a part's size, ``frames`` added pictures of ``frame_bytes`` each included."""
        ...

    def write_part(self, episode: SourceEpisode, views: Sequence[SpooledView], folder: Path) -> None:
        """Write an episode with its views into an empty folder. The same in, the same bytes out.

        Raises:
            ReadError: the episode turns out to be broken.
        """
        ...

    def assemble(self, parts: Sequence[Part], output: Path) -> None:
        """Make the output of all parts, in the run's order, in an empty folder; parts may be moved out of.

        Raises:
            InvalidInputError: parts that do not fit each other.
        """
        ...
