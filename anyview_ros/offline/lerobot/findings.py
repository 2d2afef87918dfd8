"""What is wrong with a dataset."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import ReadError
from anyview_ros.offline.lerobot.dataset import DatasetEpisode, LeRobotDataset
from anyview_ros.offline.lerobot.layout import AUGMENTATION
from anyview_ros.offline.lerobot.parquet import read_schema, read_table
from anyview_ros.offline.video_frames import VideoFrames

if TYPE_CHECKING:
    from pyarrow import Table

Places = Mapping[int, NDArray[np.intp]]
"""Numbers of rows in a file, as they are stored, by index of the episode."""


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
    _places: dict[Path, Places] = field(default_factory=dict)
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

    def places(self, file: Path) -> Places:
        """Where the rows of each episode of a data file are."""
        if file not in self._places:
            episodes = self.table(file)["episode_index"].to_numpy()
            order = np.argsort(episodes, kind="stable")
            known, begins = np.unique(episodes[order], return_index=True)
            parts = np.split(order, begins[1:])
            self._places[file] = dict(zip(known.tolist(), parts, strict=False))  # no rows: one part, of none
        return self._places[file]

    @cached_property
    def data_files(self) -> Mapping[Path, list[DatasetEpisode]]:
        """Episodes by their data file."""
        users: dict[Path, list[DatasetEpisode]] = {}
        for episode in self.dataset.episodes:
            users.setdefault(self.dataset.data_file(episode), []).append(episode)
        return users

    @cached_property
    def augmentation(self) -> Mapping[str, Any] | None:
        """Content of meta/augmentation.json; None where there is none.

        Raises:
            ReadError: it cannot be read.
        """
        return self.json(AUGMENTATION) if (self.path / AUGMENTATION).is_file() else None

    def json(self, name: str) -> Mapping[str, Any]:
        """Content of a file such as meta/stats.json.

        Raises:
            ReadError: missing, cut off, or no JSON object.
        """
        try:
            content = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ReadError(f"cannot read {name}: {error}") from error
        if not isinstance(content, dict):
            raise ReadError(f"{name} must hold a JSON object, got {content!r}")
        return content

    def video(self, file: Path) -> VideoFrames:
        """A video file."""
        return self._videos.setdefault(file, VideoFrames(file))

    def named(self, file: Path) -> str:
        """A file, for people."""
        return file.relative_to(self.path).as_posix()


Rule = Callable[[CheckedDataset], Iterator[str]]
"""Gives a sentence for each place where it is broken; a ReadError is one too."""

_OF_ANOTHER_KIND = (
    ArithmeticError,
    AttributeError,
    LookupError,
    NotImplementedError,  # pyarrow's, of columns that it cannot convert
    TypeError,
    ValueError,
)


def broken(name: str, rule: Rule, dataset: CheckedDataset) -> list[Finding]:
    """What one rule finds."""
    found: list[Finding] = []
    try:
        found.extend(Finding(name, message) for message in rule(dataset))
    except ReadError as error:
        found.append(Finding(name, str(error)))
    except _OF_ANOTHER_KIND as error:
        found.append(
            Finding(
                name,
                f"cannot be checked to its end, since metadata or rows hold what the format does not know: {error!r}",
            )
        )
    return found
