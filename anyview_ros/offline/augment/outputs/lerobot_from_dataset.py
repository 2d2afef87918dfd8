"""The part of an episode of a LeRobot dataset: nothing that was recorded is encoded or computed anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.errors import InvalidInputError
from anyview_ros.evaluation.marked_png import write_marked_png
from anyview_ros.offline.augment.file_hashes import files_below
from anyview_ros.offline.augment.lerobot_episode import LeRobotEpisode
from anyview_ros.offline.augment.outputs.lerobot_fitting import ViewOutline, check_views
from anyview_ros.offline.augment.outputs.lerobot_part import (
    FILES,
    ROWS,
    DatasetPart,
    PartEpisode,
    PartVideo,
    PartView,
    write_part_file,
)
from anyview_ros.offline.augment.outputs.lerobot_views import camera_key, cut_or_encode, encode_view
from anyview_ros.offline.augment.outputs.linking import copy_file
from anyview_ros.offline.augment.outputs.marks import picture_text
from anyview_ros.offline.augment.spool import SpooledView
from anyview_ros.offline.lerobot.dataset import DatasetEpisode, LeRobotDataset
from anyview_ros.offline.lerobot.layout import picture_size
from anyview_ros.offline.lerobot.parquet import numbers_of, pyarrow, write_table
from anyview_ros.offline.lerobot.statistics import PictureStatistics, Statistics, column_statistics
from anyview_ros.offline.lerobot.video_encoding import Coding

if TYPE_CHECKING:
    from pyarrow import Table

_MADE_ANEW = {"info.json", "stats.json", "tasks.parquet", "augmentation.json"}
_NOT_TOLD = {
    "features",
    "codebase_version",
    "total_episodes",
    "total_frames",
    "total_tasks",
    "fps",
    "data_path",
}


def write_dataset_part(
    episode: LeRobotEpisode, views: Sequence[SpooledView], folder: Path, *, instead: bool
) -> None:
    """Write the part of an episode.

    Args:
        episode: what was recorded.
        views: of the episode.
        folder: to write to.
        instead: whether each view takes its source's place in a copy of the episode.

    Raises:
        InvalidInputError: views that do not fit the episode.
        ReadError: files that are broken, or do not fit each other.
    """
    dataset, row = episode.dataset, episode.episode
    for view in views:
        _check_instants(episode, view)
    check_dataset_views(episode, [ViewOutline.of(view) for view in views], instead=instead)
    rows = dataset.rows(row)
    write_table(folder / ROWS, rows)
    own = PartEpisode(
        ROWS,
        _statistics(dataset, row, rows),
        {key: _original(dataset, row, key) for key in dataset.video_keys},
    )
    made = [_view(episode, view, folder, instead=instead) for view in views]
    copies = (
        [_copy(episode, own, view, part, folder) for view, part in zip(views, made, strict=True)]
        if instead
        else []
    )
    for file in _owned(episode):
        copy_file(dataset.path / file, folder / FILES / file)
    write_part_file(
        folder,
        DatasetPart(
            rate=(dataset.rate.numerator, dataset.rate.denominator),
            features=dataset.features,
            told={
                name: value for name, value in dataset.info.items() if name not in _NOT_TOLD | {"video_path"}
            },
            tasks=dataset.tasks,
            length=row.length,
            episodes=(own, *copies),
            views=tuple(made),
            dataset=episode.opened.identity,
            episodes_in_dataset=len(dataset.episodes),
            further=_further(row),
        ),
    )


def original_bytes(episode: LeRobotEpisode) -> int:
    """An upper guess of the size of an episode's part without its views."""
    dataset = episode.dataset
    owned = sum((dataset.path / file).stat().st_size for file in _owned(episode))
    return owned + 2 * dataset.data_file(episode.episode).stat().st_size


def shared_bytes(episode: LeRobotEpisode) -> int:
    """An upper guess of the size of an episode's videos, cut out of the files that it shares with others."""
    dataset = episode.dataset
    return sum(dataset.video_file(episode.episode, key).stat().st_size for key in dataset.video_keys)


def check_dataset_views(episode: LeRobotEpisode, views: Iterable[ViewOutline], *, instead: bool) -> None:
    """Refuse views for which a dataset has no place.

    Raises:
        InvalidInputError: a key that is taken, or pictures of another size than those whose place they take.
    """
    check_views(views, str(episode.path), episode.dataset.features, picture_sizes(episode), instead=instead)


def picture_sizes(episode: LeRobotEpisode) -> dict[str, tuple[int, int]]:
    """Width and height of the pictures of a dataset's cameras, by key."""
    dataset = episode.dataset
    return {key: picture_size(dataset.features[key]) for key in dataset.camera_keys}


def _check_instants(episode: LeRobotEpisode, view: SpooledView) -> None:
    if view.stamps_ns.tolist() != episode.stamps_ns.tolist():
        raise InvalidInputError(
            f"{view.name} shows {len(view)} instants that are not the {episode.episode.length} of {episode.name}; make "
            "it from the whole episode"
        )


def _view(episode: LeRobotEpisode, view: SpooledView, folder: Path, *, instead: bool) -> PartView:
    feature = episode.dataset.features[view.source]
    return encode_view(
        view,
        view.source if instead else camera_key(view.name),
        folder,
        numbers=range(len(view)),
        rate=episode.dataset.rate,
        coding=Coding.like(feature.get("info") or {}),
    )


def _copy(
    episode: LeRobotEpisode, own: PartEpisode, view: SpooledView, part: PartView, folder: Path
) -> PartEpisode:
    """The episode with a view in its source's place; other recorded pictures are cut out of their files."""
    dataset = episode.dataset
    videos: dict[str, PartVideo] = {}
    re_encoded = []
    for key in dataset.video_keys:
        if key == view.source:
            videos[key] = part.video
            continue
        piece = f"pieces/{key}.mp4"
        if not (folder / piece).is_file() and not _cut(dataset, episode.episode, key, folder / piece):
            re_encoded.append(key)
        videos[key] = PartVideo(piece=piece)
    rows = own.rows
    if view.source not in dataset.video_keys:
        rows = f"rows_{view.name}.parquet"
        write_table(folder / rows, _with_pictures(dataset.rows(episode.episode), view, folder))
        (folder / str(part.video.piece)).unlink()
    statistics = {**own.statistics, view.source: part.statistics}
    return PartEpisode(rows, statistics, videos, view.name, tuple(re_encoded))


def _cut(dataset: LeRobotDataset, episode: DatasetEpisode, key: str, target: Path) -> bool:
    """Whether an episode's pictures could be cut out without encoding them anew; if not, they were."""
    segment = dataset.video(episode, key)
    wanted = range(segment.first, segment.first + segment.count)
    return cut_or_encode(segment.video, wanted, target, rate=dataset.rate, feature=dataset.features[key])


def _with_pictures(rows: Table, view: SpooledView, folder: Path) -> Table:
    """Rows with the view's pictures, marked PNG, in the place of the source's."""
    pa = pyarrow()
    text, scratch = picture_text(view), folder / "picture.png"
    pictures = []
    for index, frame in enumerate(view.frames()):
        write_marked_png(scratch, frame.image, text)
        pictures.append({"bytes": scratch.read_bytes(), "path": f"frame-{index:06d}.png"})
    scratch.unlink()
    place = rows.column_names.index(view.source)
    field = rows.schema.field(place)
    return rows.set_column(place, field, pa.array(pictures, field.type))


def _original(dataset: LeRobotDataset, episode: DatasetEpisode, key: str) -> PartVideo:
    segment = dataset.video(episode, key)  # which sees that all frames are there
    begin = float(episode.row[f"videos/{key}/from_timestamp"])
    end = episode.row.get(f"videos/{key}/to_timestamp")
    file = dataset.video_file(episode, key).relative_to(dataset.path)
    return PartVideo(
        original=file.as_posix(),
        from_timestamp=begin,
        to_timestamp=float(end) if end is not None else begin + float(segment.count / dataset.rate),
    )


def _statistics(dataset: LeRobotDataset, episode: DatasetEpisode, rows: Table) -> dict[str, Statistics]:
    """As meta/episodes has them; what it lacks is computed."""
    found: dict[str, Statistics] = {}
    for column, value in episode.row.items():
        if column.startswith("stats/") and value is not None:
            key, _, name = column.removeprefix("stats/").rpartition("/")
            found.setdefault(key, {})[name] = value
    for key, feature in dataset.features.items():
        if key in found or feature["dtype"] in ("string", "image"):
            continue
        if feature["dtype"] == "video":
            segment = dataset.video(episode, key)
            statistics = PictureStatistics(segment.count)
            for image in segment.images(range(segment.count)):
                statistics.add(image)
            found[key] = statistics.result()
        elif len(feature["shape"]) == 1:
            found[key] = column_statistics(numbers_of(rows, key))
    return found


def _further(episode: DatasetEpisode) -> Mapping[str, Any]:
    ours = ("stats/", "videos/", "data/", "meta/", "dataset_")
    return {
        name: value
        for name, value in episode.row.items()
        if not name.startswith(ours) and name not in ("episode_index", "tasks", "length")
    }


def _owned(episode: LeRobotEpisode) -> list[str]:
    """Files of the dataset that this episode's part holds: those whose first user it is."""
    dataset, own = episode.dataset, episode.episode
    videos = [file for file, first in episode.opened.first_users.items() if first == own.index]
    found = sorted(file.relative_to(dataset.path).as_posix() for file in videos)
    return found + (_further_files(dataset) if own.index == 0 else [])


def _further_files(dataset: LeRobotDataset) -> list[str]:
    """What lies in a dataset besides its data: a README, calibration, tables of subtasks."""
    found = []
    for file in files_below(dataset.path):
        parts = file.relative_to(dataset.path).parts
        data = len(parts) > 1 and parts[0] in ("data", "videos", "images")
        made = parts[0] == "meta" and (parts[1] in _MADE_ANEW - {"stats.json"} or parts[1] == "episodes")
        if not data and not made and not any(part.startswith(".") for part in parts):
            found.append("/".join(parts))
    return found
