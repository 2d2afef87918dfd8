"""The part of an episode of another format: its films at an exact rate, and a bag's states and actions beside them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.bag_episode import BagEpisode
from anyview_ros.offline.augment.outputs.action_frame import check_action_frame
from anyview_ros.offline.augment.outputs.bag_signals import Signal, read_signal
from anyview_ros.offline.augment.outputs.lerobot_fitting import ViewOutline, check_views
from anyview_ros.offline.augment.outputs.lerobot_part import (
    ROWS,
    DatasetPart,
    PartEpisode,
    PartVideo,
    PartView,
    write_part_file,
)
from anyview_ros.offline.augment.outputs.lerobot_views import camera_key, chosen, encode, encode_view
from anyview_ros.offline.augment.outputs.timeline import (
    Timeline,
    held_values,
    make_timeline,
    nearest_pictures,
    state_hold_s,
    whole_rate,
)
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.source_episode import SourceEpisode
from anyview_ros.offline.augment.spool import SpooledView
from anyview_ros.offline.lerobot.layout import always_features, camera_feature
from anyview_ros.offline.lerobot.parquet import pyarrow, write_table
from anyview_ros.offline.lerobot.statistics import Statistics, column_statistics
from anyview_ros.offline.lerobot.video_encoding import Coding, video_info
from anyview_ros.offline.posed_film import PosedFilm

if TYPE_CHECKING:
    from pyarrow import Table

_STATE, _ACTION = "observation.state", "action"
_TASK = "task not told"


@dataclass(frozen=True)
class FilmOptions:
    """What the user tells of a dataset that is made of films.

    Attributes:
        state, action: topics, with fields after a colon; "" for none (see ``read_signal``).
        action_frame: see ``check_action_frame``.
        fps: frames per second; None for the source camera's.
        gap_s: how far the nearest picture may be away, and how old a state may be; None for what the timeline says.
        task: what the robot does.
        robot_type: what it is, or "".
    """

    state: str = ""
    action: str = ""
    action_frame: str = ""
    fps: Fraction | None = None
    gap_s: float | None = None
    task: str = _TASK
    robot_type: str = ""

    @classmethod
    def of(cls, settings: AugmentSettings) -> FilmOptions:
        """Read them from the run's ``source_options``.

        Raises:
            InvalidInputError: a number that is none, or not positive.
        """
        given = settings.source_options
        fps, gap = given.get("fps", ""), given.get("gap_s", "")
        return cls(
            state=given.get("state", ""),
            action=given.get("action", ""),
            action_frame=given.get("action_frame", ""),
            fps=Fraction(_positive("fps", fps)).limit_denominator(1001) if fps else None,
            gap_s=_positive("gap_s", gap) if gap else None,
            task=given.get("task", _TASK),
            robot_type=given.get("robot_type", ""),
        )


def _positive(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise InvalidInputError(f"source option {name} is {text!r}; give a positive number")
    return value


def write_filmed_part(
    episode: SourceEpisode,
    views: Sequence[SpooledView],
    folder: Path,
    settings: AugmentSettings,
    *,
    instead: bool,
) -> None:
    """Write the part of an episode.

    Args:
        episode: what was recorded.
        views: of the episode.
        folder: to write to.
        settings: of the run; ``source_options`` are those of :class:`FilmOptions`.
        instead: whether each view takes its source's place in a copy of the episode.

    Raises:
        InvalidInputError: what cannot be brought to one rate, or views that do not fit the episode.
        ReadError: pictures or messages that cannot be read.
    """
    plan = plan_dataset(episode, settings)
    options, films, keys, timeline, numbers = plan.options, plan.films, plan.keys, plan.timeline, plan.numbers
    plan.check(episode.name, [ViewOutline.of(view) for view in views], instead=instead)
    features = plan.features
    rows, statistics = _rows(timeline, plan.signals, options)
    write_table(folder / ROWS, rows)
    videos = {}
    for name, film in films.items():
        piece, key = f"pieces/{keys[name]}.mp4", keys[name]
        pictures = chosen(_images(film), numbers[name])
        statistics[key] = encode(
            pictures, len(timeline), folder / piece, rate=timeline.rate, coding=Coding(), comment=""
        )
        videos[key] = PartVideo(piece=piece)
        features[key]["info"] = video_info(folder / piece)
    own = PartEpisode(ROWS, statistics, videos)
    made = [
        encode_view(
            view,
            keys[view.source] if instead else camera_key(view.name),
            folder,
            numbers=numbers[view.source],
            rate=timeline.rate,
            coding=Coding(),
        )
        for view in views
    ]
    copies = [_copy(own, part) for part in made] if instead else []
    write_part_file(
        folder,
        DatasetPart(
            rate=(timeline.rate.numerator, timeline.rate.denominator),
            features=features,
            told={"robot_type": options.robot_type or None},
            tasks=(options.task,),
            length=len(timeline),
            episodes=(own, *copies),
            views=tuple(made),
            left_out={camera.name: camera.reason for camera in episode.cameras if not camera.usable},
        ),
    )


@dataclass(frozen=True, eq=False)
class DatasetPlan:
    """How an episode's recordings become rows.

    Attributes:
        options: of the user.
        films: by camera.
        keys: of features, by camera.
        signals: by key.
        timeline: instants of the rows.
        numbers: of the picture of each row, by camera.
    """

    options: FilmOptions
    films: Mapping[str, PosedFilm]
    keys: Mapping[str, str]
    signals: Mapping[str, Signal]
    timeline: Timeline
    numbers: Mapping[str, list[int]]

    @property
    def features(self) -> dict[str, dict[str, Any]]:
        """Features of the episode, as info.json tells of them but for how videos are stored."""
        numbers = {
            key: {"dtype": "float32", "shape": [len(signal.names)], "names": list(signal.names)}
            for key, signal in self.signals.items()
        }
        cameras = {
            self.keys[name]: camera_feature(width, height, {}) for name, (width, height) in self.sizes.items()
        }
        return numbers | cameras | always_features()

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """Width and height of pictures, by camera."""
        return {name: film.camera.size for name, film in self.films.items()}

    def check(self, episode: str, views: Iterable[ViewOutline], *, instead: bool) -> None:
        """Refuse views for which there is no place.

        Raises:
            InvalidInputError: a key that is taken, or pictures of another size than those whose place they take.
        """
        check_views(views, episode, self.keys.values(), self.sizes, instead=instead)


def plan_dataset(episode: SourceEpisode, settings: AugmentSettings) -> DatasetPlan:
    """See whether and how an episode's recordings can be brought to one rate; no picture is decoded.

    Raises:
        InvalidInputError: they cannot, cameras would share a key, or actions are in a camera's frame.
        ReadError: pictures or messages that cannot be read.
    """
    options = FilmOptions.of(settings)
    films = {camera.name: episode.film(camera.name) for camera in episode.cameras if camera.usable}
    keys = {name: camera_key(name) for name in films}
    if len(set(keys.values())) < len(keys):
        raise InvalidInputError(
            f"cameras {', '.join(films)} of {episode.name} would share keys: {', '.join(keys.values())}; rename them "
            "in the recording"
        )
    signals = read_signals(episode, options)
    timeline = _timeline(episode, films, signals, options, settings.camera)
    for key, signal in signals.items():
        longest = state_hold_s(options.gap_s) if key == _STATE else None
        held_values(timeline, signal.stamps_ns, signal.values, signal.topic, longest)
    numbers = {
        name: nearest_pictures(timeline, film.stamps_ns, name, options.gap_s) for name, film in films.items()
    }
    features = {key: {"names": list(signal.names)} for key, signal in signals.items()}
    check_action_frame(features, _action_frame(signals, options), films, episode.name)
    return DatasetPlan(options, films, keys, signals, timeline, numbers)


def read_signals(episode: SourceEpisode, options: FilmOptions) -> dict[str, Signal]:
    """The state and the action of a bag, by key, as far as they are asked for.

    Raises:
        InvalidInputError: they are asked of something else than a bag, or are not there.
    """
    wanted = {key: topic for key, topic in ((_STATE, options.state), (_ACTION, options.action)) if topic}
    if not wanted:
        return {}
    if not isinstance(episode, BagEpisode):
        raise InvalidInputError(
            f"{', '.join(wanted)} is asked of {episode.name}, which is no bag and has no topics; leave it out"
        )
    from_start = episode.scan.from_start
    return {key: read_signal(episode.path, topic, from_start=from_start) for key, topic in wanted.items()}


def _action_frame(signals: Mapping[str, Signal], options: FilmOptions) -> str:
    if options.action_frame or _ACTION not in signals:
        return options.action_frame
    return signals[_ACTION].frame


def _timeline(
    episode: SourceEpisode,
    films: Mapping[str, PosedFilm],
    signals: Mapping[str, Signal],
    options: FilmOptions,
    camera: str,
) -> Timeline:
    source = films[camera] if camera in films else next(iter(films.values()))
    rate = options.fps or whole_rate([source.rate_hz], episode.name)
    stamps = {name: film.stamps_ns for name, film in films.items()}
    return make_timeline(
        rate, stamps, {signal.topic: signal.stamps_ns for signal in signals.values()}, episode.name
    )


def _rows(
    timeline: Timeline, signals: Mapping[str, Signal], options: FilmOptions
) -> tuple[Table, dict[str, Statistics]]:
    """Rows and statistics of all but pictures."""
    pa = pyarrow()
    count = len(timeline)
    columns: dict[str, Any] = {}
    statistics: dict[str, Statistics] = {}
    for key, signal in signals.items():
        longest = state_hold_s(options.gap_s) if key == _STATE else None
        values = held_values(timeline, signal.stamps_ns, signal.values, signal.topic, longest).astype(
            np.float32
        )
        width = values.shape[1]
        flat = pa.array(values.reshape(-1), pa.float32())
        single = width == 1  # LeRobot keeps features of one number as plain columns
        columns[key] = flat if single else pa.FixedSizeListArray.from_arrays(flat, width)
        statistics[key] = column_statistics(values)
    times = np.array([float(index / timeline.rate) for index in range(count)], np.float32)
    always: dict[str, NDArray[Any]] = {
        "timestamp": times,
        "frame_index": np.arange(count, dtype=np.int64),
        "episode_index": np.zeros(count, np.int64),
        "index": np.arange(count, dtype=np.int64),
        "task_index": np.zeros(count, np.int64),
    }
    for key, numbers in always.items():
        columns[key] = pa.array(numbers)
        statistics[key] = column_statistics(numbers)
    return pa.table(columns), statistics


def _images(film: PosedFilm) -> Iterator[NDArray[np.uint8]]:
    return (frame.image for frame in film.frames(range(len(film))))


def _copy(own: PartEpisode, part: PartView) -> PartEpisode:
    videos = {**own.videos, part.key: part.video}
    return PartEpisode(own.rows, {**own.statistics, part.key: part.statistics}, videos, part.name)
