"""What one job leaves for a LeRobot dataset: rows, statistics, its own videos, and files of the source taken over.

::

    part.json          all that follows, in plain values
    rows.parquet       one row per frame
    views/<view>.mp4   synthesised pictures
    poses/<view>.npy   float64 (N, 4, 4), camera_to_world of a view whose camera moves
    pieces/<key>.mp4   recorded pictures, of this episode alone
    files/…            files of the source, taken over whole; each in the part of its first user
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from anyview_ros.errors import ReadError
from anyview_ros.offline.lerobot.statistics import Statistics

PART = "part.json"
ROWS = "rows.parquet"
FILES = "files"


@dataclass(frozen=True)
class PartVideo:
    """An episode's frames of one key.

    Attributes:
        piece: file of the part that holds them and nothing else; or "".
        original: file of the source, relative to its folder, that holds them among others; or "".
        from_timestamp, to_timestamp: where they are in the original, seconds.
    """

    piece: str = ""
    original: str = ""
    from_timestamp: float = 0.0
    to_timestamp: float = 0.0


@dataclass(frozen=True)
class PartView:
    """A synthesised camera.

    Attributes:
        name: of the view.
        key: of the feature that it adds, or whose place it takes.
        source: name of the camera that it was made from.
        feature: what info.json tells of it.
        video: its pictures.
        statistics: of them.
        provenance: how it was made, with the camera, and its pose if it stands still.
        poses: file of the part with the poses of a camera that moves; or "".
    """

    name: str
    key: str
    source: str
    feature: Mapping[str, Any]
    video: PartVideo
    statistics: Statistics
    provenance: Mapping[str, Any]
    poses: str = ""


@dataclass(frozen=True)
class PartEpisode:
    """An episode as it was, or a copy of it in which a view takes the place of its source.

    Attributes:
        rows: file of the part.
        statistics: by key.
        videos: by key.
        view: name of the view that took a place; "" in the episode as it was.
        re_encoded: keys whose recorded pictures had to be encoded anew.
    """

    rows: str
    statistics: Mapping[str, Statistics]
    videos: Mapping[str, PartVideo]
    view: str = ""
    re_encoded: tuple[str, ...] = ()


@dataclass(frozen=True)
class DatasetPart:
    """A part.

    Attributes:
        rate: frames per second, numerator and denominator.
        features: of the source, or of what is made of it, without the views.
        told: further entries of info.json.
        tasks: texts that ``task_index`` of the rows means.
        length: number of frames.
        episodes: the episode as it was, then copies.
        views: of the episode; in copies, each takes a place.
        dataset: identity of the source dataset; "" if it was none.
        episodes_in_dataset: how many the source has.
        further: columns of meta/episodes that are this program's business no more than to keep.
        left_out: cameras that could not be written, with the reason.
    """

    rate: tuple[int, int]
    features: Mapping[str, Mapping[str, Any]]
    told: Mapping[str, Any]
    tasks: tuple[str, ...]
    length: int
    episodes: tuple[PartEpisode, ...]
    views: tuple[PartView, ...]
    dataset: str = ""
    episodes_in_dataset: int = 0
    further: Mapping[str, Any] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def frames_per_second(self) -> Fraction:
        """The rate, exactly."""
        return Fraction(*self.rate)


def write_part_file(folder: Path, part: DatasetPart) -> None:
    """Write ``part.json``."""
    text = json.dumps(asdict(part), indent=1, allow_nan=True)
    (folder / PART).write_text(text + "\n", encoding="utf-8")


def read_part_file(folder: Path) -> DatasetPart:
    """Read ``part.json``.

    Raises:
        ReadError: missing, or of another version.
    """
    file = folder / PART
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        views = tuple(
            PartView(**{**view, "video": PartVideo(**view["video"])}) for view in content.pop("views")
        )
        episodes = tuple(_episode(each) for each in content.pop("episodes"))
        rate, tasks = tuple(content.pop("rate")), tuple(content.pop("tasks"))
        return DatasetPart(**content, rate=(rate[0], rate[1]), tasks=tasks, episodes=episodes, views=views)
    except (OSError, ValueError, TypeError, KeyError, IndexError) as error:
        raise ReadError(f"{file} is no part of a LeRobot dataset: {error}; run its episode again") from error


def _episode(content: dict[str, Any]) -> PartEpisode:
    videos = {key: PartVideo(**video) for key, video in content.pop("videos").items()}
    return PartEpisode(**{**content, "re_encoded": tuple(content["re_encoded"])}, videos=videos)
