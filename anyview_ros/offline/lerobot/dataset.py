"""A LeRobot v3.0 dataset, opened: its episodes, their rows and the frames of their videos."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import ReadError
from anyview_ros.offline.lerobot.layout import ALWAYS, INFO, TASKS, VERSION, is_camera, is_shape, placed
from anyview_ros.offline.lerobot.parquet import read_table, read_tasks
from anyview_ros.offline.video_frames import VideoFrames

if TYPE_CHECKING:
    from pyarrow import Table

_LARGEST_DENOMINATOR = 1001


@dataclass(frozen=True, eq=False)
class DatasetEpisode:
    """One row of meta/episodes.

    Attributes:
        index: ``episode_index``.
        length: number of frames.
        tasks: texts.
        row: all columns, statistics included.
    """

    index: int
    length: int
    tasks: tuple[str, ...]
    row: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class VideoSegment:
    """An episode's part of a video file.

    Attributes:
        video: the file.
        first: number of the episode's first frame in it.
        count: number of frames.
    """

    video: VideoFrames
    first: int
    count: int

    def images(self, wanted: range) -> Iterator[NDArray[np.uint8]]:
        """Frames by their number within the episode, uint8 (H, W, 3) RGB.

        Raises:
            ReadError: frames that cannot be decoded.
        """
        return self.video.images(self._shifted(wanted))

    def grey(self, wanted: range) -> Iterator[NDArray[Any]]:
        """Frames of a film in grey, as stored.

        Raises:
            ReadError: frames that cannot be decoded, or in colour.
        """
        return self.video.grey(self._shifted(wanted))

    def _shifted(self, wanted: range) -> range:
        return range(wanted.start + self.first, wanted.stop + self.first, wanted.step)


@dataclass(frozen=True, eq=False)
class LeRobotDataset:
    """A dataset, opened.

    Attributes:
        path: its folder.
        info: content of info.json.
        rate: frames per second.
        features: by key, as info.json tells of them.
        tasks: texts by ``task_index``.
        episodes: in order.
    """

    path: Path
    info: Mapping[str, Any]
    rate: Fraction
    features: Mapping[str, Mapping[str, Any]]
    tasks: tuple[str, ...]
    episodes: tuple[DatasetEpisode, ...]
    _videos: dict[Path, VideoFrames] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def open(cls, path: str | Path) -> LeRobotDataset:
        """Read what is told of a dataset; rows and videos are read when asked for.

        Raises:
            ReadError: no dataset, one of another version, or one whose metadata do not fit each other.
        """
        path = Path(path)
        info = _read_info(path)
        features = info["features"]
        tasks = tuple(read_tasks(path / TASKS))
        episodes = tuple(_read_episodes(path))
        if not episodes:
            raise ReadError(f"{path} holds no episodes")
        return cls(path, info, _rate(path, info), features, tasks, episodes)

    @property
    def camera_keys(self) -> tuple[str, ...]:
        """Keys of features that are pictures."""
        return tuple(key for key, feature in self.features.items() if is_camera(feature))

    @property
    def video_keys(self) -> tuple[str, ...]:
        """Keys of features whose pictures are in videos."""
        return tuple(key for key, feature in self.features.items() if feature["dtype"] == "video")

    def data_file(self, episode: DatasetEpisode) -> Path:
        """The file with an episode's rows.

        Raises:
            ReadError: meta/episodes does not tell it.
        """
        return placed(
            self.path,
            self.info["data_path"],
            chunk_index=self._whole(episode, "data/chunk_index"),
            file_index=self._whole(episode, "data/file_index"),
        )

    def video_file(self, episode: DatasetEpisode, key: str) -> Path:
        """The file with an episode's frames of a video key.

        Raises:
            ReadError: meta/episodes does not tell it.
        """
        return placed(
            self.path,
            self.info["video_path"],
            video_key=key,
            chunk_index=self._whole(episode, f"videos/{key}/chunk_index"),
            file_index=self._whole(episode, f"videos/{key}/file_index"),
        )

    def rows(self, episode: DatasetEpisode, columns: Sequence[str] | None = None) -> Table:
        """An episode's rows, in order.

        Args:
            episode: of the dataset.
            columns: to read, besides ``frame_index``; None for all.

        Raises:
            ReadError: a broken file, or a number of rows that is not the episode's length.
        """
        file = self.data_file(episode)
        wanted = None if columns is None else list(dict.fromkeys(("frame_index", *columns)))
        table = read_table(file, columns=wanted, filters=[("episode_index", "=", episode.index)])
        if len(table) != episode.length:
            raise ReadError(
                f"{file} has {len(table)} rows of episode {episode.index}, whose length is {episode.length}"
            )
        if table["frame_index"].to_pylist() != list(range(episode.length)):
            raise ReadError(
                f"{file}: frame_index of episode {episode.index} is not 0 to {episode.length - 1}"
            )
        return table

    def video(self, episode: DatasetEpisode, key: str) -> VideoSegment:
        """An episode's frames of a video key.

        Raises:
            ReadError: a broken file, or one that does not hold the episode's frames where meta/episodes says.
        """
        file = self.video_file(episode, key)
        video = self._videos.setdefault(file, VideoFrames(file))
        begin = episode.row.get(f"videos/{key}/from_timestamp")
        if not isinstance(begin, float):
            raise ReadError(f"episode {episode.index} of {self.path} tells no from_timestamp of {key}")
        times = video.times_s
        first = int(np.abs(times - begin).argmin())
        apart = abs(times[first] - begin) * self.rate
        if apart > 0.25:
            raise ReadError(
                f"episode {episode.index} of {self.path} begins at {begin} s of {file}, where no frame is: the nearest "
                f"is {float(apart):.2f} frames away; write the dataset again with from_timestamp = frames / fps"
            )
        if first + episode.length > len(video):
            raise ReadError(
                f"{file} has {len(video)} frames, but episode {episode.index} needs frames {first} to "
                f"{first + episode.length - 1}; video and rows do not fit each other"
            )
        return VideoSegment(video, first, episode.length)

    def stamps_ns(self, episode: DatasetEpisode) -> NDArray[np.int64]:
        """When each frame was taken, (N,) nanoseconds from the episode's beginning: frame_index / fps, rounded."""
        return np.array(
            [round(Fraction(index * 10**9) / self.rate) for index in range(episode.length)], np.int64
        )

    def _whole(self, episode: DatasetEpisode, column: str) -> int:
        value = episode.row.get(column)
        if not isinstance(value, int):
            raise ReadError(
                f"episode {episode.index} of {self.path} has no {column}; meta/episodes must tell it"
            )
        return value


def _read_info(path: Path) -> dict[str, Any]:
    file = path / INFO
    try:
        info = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ReadError(f"{path} is no LeRobot dataset: {file}: {error.strerror or error}") from error
    except ValueError as error:
        raise ReadError(f"{path} is no LeRobot dataset: {file}: {error}") from error
    if not isinstance(info, dict):
        raise ReadError(f"{file} must hold a JSON object, got {type(info).__name__}")
    version = info.get("codebase_version")
    if version != VERSION:
        raise ReadError(
            f"{path} is of version {version!r}; {VERSION} is read: convert it with LeRobot's own "
            "lerobot.datasets.v30.convert_dataset_v21_to_v30"
        )
    features = info.get("features")
    if not isinstance(features, dict):
        raise ReadError(f"{file}: features must tell dtype and shape of each key")
    for key, feature in features.items():
        told = isinstance(feature, dict) and isinstance(feature.get("dtype"), str)
        if not told or not is_shape(feature.get("shape")):
            raise ReadError(
                f"{file}: features must tell dtype and shape of each key, a shape as a list of positive whole "
                f"numbers; {key} is {feature!r}"
            )
    missing = [key for key in ALWAYS if key not in features]
    if missing:
        raise ReadError(f"{file}: features lack {', '.join(missing)}, which every dataset has")
    patterns = [
        "data_path",
        *(["video_path"] if any(f["dtype"] == "video" for f in features.values()) else []),
    ]
    for name in patterns:
        if not isinstance(info.get(name), str):
            raise ReadError(f"{file}: {name} is {info.get(name)!r}; it must be a pattern of paths")
    return info


def _rate(path: Path, info: Mapping[str, Any]) -> Fraction:
    fps = info.get("fps")
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not 0 < fps < 100_000:
        raise ReadError(f"{path / INFO}: fps is {fps!r}; it must be a positive number")
    return Fraction(fps).limit_denominator(_LARGEST_DENOMINATOR)


def _read_episodes(path: Path) -> Iterator[DatasetEpisode]:
    files = sorted((path / "meta" / "episodes").glob("*/*.parquet"))
    if not files:
        raise ReadError(f"{path} has no meta/episodes/*/*.parquet; the dataset is not whole")
    expected = 0
    for file in files:
        for row in read_table(file).to_pylist():
            index, length, tasks = row.get("episode_index"), row.get("length"), row.get("tasks")
            if index != expected or not isinstance(length, int) or length < 1:
                raise ReadError(
                    f"{file}: episode {expected} is expected, with a length; found episode_index {index!r}, "
                    f"length {length!r}"
                )
            if not isinstance(tasks, list | None):
                raise ReadError(
                    f"{file}: tasks of episode {index} are {tasks!r}; they must be a list of texts"
                )
            yield DatasetEpisode(index, length, tuple(tasks or ()), row)
            expected += 1
