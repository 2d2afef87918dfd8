"""What is wrong with a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.errors import ReadError
from anyview_ros.offline.lerobot.dataset import LeRobotDataset
from anyview_ros.offline.lerobot.parquet import read_schema, read_table
from anyview_ros.offline.video_frames import VideoFrames

if TYPE_CHECKING:
    from pyarrow import Table


@dataclass(frozen=True)
class Finding:
    """A rule that is broken, and where."""

    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.message}"


@dataclass(eq=False)
class CheckedDataset:
    """A dataset with the files that have been read of it, each once."""

    dataset: LeRobotDataset
    _tables: dict[Path, Table] = field(default_factory=dict)
    _videos: dict[Path, VideoFrames] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.dataset.path

    @property
    def info(self) -> Mapping[str, Any]:
        """Content of info.json."""
        return self.dataset.info

    @property
    def rate(self) -> Fraction:
        """Frames per second."""
        return self.dataset.rate

    def table(self, file: Path) -> Table:
        """Columns of a data file, but for pictures."""
        if file not in self._tables:
            images = {key for key, feature in self.dataset.features.items() if feature["dtype"] == "image"}
            self._tables[file] = read_table(
                file, columns=[name for name in read_schema(file).names if name not in images]
            )
        return self._tables[file]

    def video(self, file: Path) -> VideoFrames:
        """A video file."""
        return self._videos.setdefault(file, VideoFrames(file))

    def named(self, file: Path) -> str:
        """A file, for people."""
        return file.relative_to(self.path).as_posix()


Rule = Callable[[CheckedDataset], Iterator[str]]
"""Gives a sentence for each place where it is broken; a ReadError is one too."""


def broken(name: str, rule: Rule, dataset: CheckedDataset) -> list[Finding]:
    """What one rule finds."""
    found: list[Finding] = []
    try:
        found.extend(Finding(name, message) for message in rule(dataset))
    except ReadError as error:
        found.append(Finding(name, str(error)))
    return found
