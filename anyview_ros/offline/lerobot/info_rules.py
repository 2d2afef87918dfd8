"""Rules of what meta/info.json, meta/tasks.parquet and meta/episodes say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from anyview_ros.offline.lerobot.findings import CheckedDataset
from anyview_ros.offline.lerobot.layout import ALWAYS, TASKS, is_camera, picture_shape
from anyview_ros.offline.lerobot.parquet import read_metadata, read_table

_ENTRIES: Mapping[str, tuple[type, ...]] = {
    "robot_type": (str, type(None)),
    "total_episodes": (int,),
    "total_frames": (int,),
    "total_tasks": (int,),
    "chunks_size": (int,),
    "data_files_size_in_mb": (int, float),
    "video_files_size_in_mb": (int, float),
    "fps": (int, float),
    "splits": (dict,),
    "data_path": (str,),
    "video_path": (str, type(None)),
    "features": (dict,),
}
_VIDEO_INFO = (
    "video.height",
    "video.width",
    "video.codec",
    "video.pix_fmt",
    "video.fps",
    "video.channels",
    "video.is_depth_map",
    "has_audio",
)


def entries(dataset: CheckedDataset) -> Iterator[str]:
    """info.json has all entries, of their types."""
    for name, types in _ENTRIES.items():
        if name not in dataset.info:
            yield f"info.json lacks {name}"
        elif not isinstance(dataset.info[name], types) or isinstance(dataset.info[name], bool):
            yield f"info.json: {name} is {dataset.info[name]!r}"


def features(dataset: CheckedDataset) -> Iterator[str]:
    """Features have keys without / and names; those that every dataset has are as they must be."""
    for key, feature in dataset.dataset.features.items():
        shape = feature["shape"]
        if "/" in key:
            yield f"feature {key} has a / in its name"
        if "names" not in feature:
            yield f"feature {key} lacks names"
        elif (
            isinstance(feature["names"], list)
            and not is_camera(feature)
            and len(feature["names"]) != shape[0]
        ):
            yield f"feature {key} has {len(feature['names'])} names for {shape[0]} numbers"
    for key, dtype in ALWAYS.items():
        feature = dataset.dataset.features[key]
        if feature["dtype"] != dtype or list(feature["shape"]) != [1]:
            yield f"feature {key} is {feature['dtype']} {feature['shape']}; it must be {dtype} [1]"


def camera_features(dataset: CheckedDataset) -> Iterator[str]:
    """Cameras have a height, a width and channels; those in videos tell of these, and agree."""
    for key, feature in dataset.dataset.features.items():
        if not is_camera(feature):
            continue
        if len(feature["shape"]) != 3:
            yield f"camera {key} has shape {feature['shape']}"
            continue
        if feature["dtype"] != "video":
            continue
        info = feature.get("info") or {}
        missing = [name for name in _VIDEO_INFO if name not in info]
        if missing:
            yield f"info of camera {key} lacks {', '.join(missing)}"
            continue
        told = info["video.height"], info["video.width"], info["video.channels"]
        if picture_shape(feature) != told:
            yield (
                f"camera {key} has shape {feature['shape']} of {feature.get('names')} but its info tells height, width "
                f"and channels {list(told)}"
            )
        if info["video.fps"] != dataset.info["fps"]:
            yield f"camera {key} tells {info['video.fps']} frames per second, the dataset {dataset.info['fps']}"


def totals(dataset: CheckedDataset) -> Iterator[str]:
    """Totals are those of the episodes and tasks."""
    counted = {
        "total_episodes": len(dataset.dataset.episodes),
        "total_frames": sum(episode.length for episode in dataset.dataset.episodes),
        "total_tasks": len(dataset.dataset.tasks),
    }
    for name, count in counted.items():
        if dataset.info.get(name) != count:
            yield f"info.json: {name} is {dataset.info.get(name)!r} but there are {count}"


def splits(dataset: CheckedDataset) -> Iterator[str]:
    """Splits are ranges of episodes that exist."""
    count = len(dataset.dataset.episodes)
    if not dataset.info.get("splits"):
        yield "info.json tells no splits; give train all episodes"
        return
    for name, told in dataset.info["splits"].items():
        numbers = re.fullmatch(r"(\d+):(\d+)", told) if isinstance(told, str) else None
        if numbers is None or not int(numbers[1]) <= int(numbers[2]) <= count:
            yield f"split {name} is {told!r}, which is no range of {count} episodes"


def tasks(dataset: CheckedDataset) -> Iterator[str]:
    """Tasks are different texts in the order of their indices, and pandas reads them as the index."""
    known = dataset.dataset.tasks
    if len(set(known)) != len(known):
        yield "tasks.parquet has a task twice"
    stored = read_table(dataset.path / TASKS)["task_index"].to_pylist()
    if stored != list(range(len(known))):
        yield f"tasks.parquet has rows of task_index {stored}; LeRobot takes row n for task n, so sort them"
    index = read_metadata(dataset.path / TASKS, "pandas").get("index_columns")
    if not index or index == ["task_index"] or not isinstance(index[0], str):
        yield f"tasks.parquet: pandas takes {index!r} as the index; it must be the column of texts"


def episode_rows(dataset: CheckedDataset) -> Iterator[str]:
    """Episodes follow one another without a gap, and their tasks are known."""
    episodes = dataset.dataset.episodes
    if episodes[0].row.get("dataset_from_index") != 0:
        yield f"episode 0 begins at index {episodes[0].row.get('dataset_from_index')!r}"
    for episode in episodes:
        begin, end = episode.row.get("dataset_from_index"), episode.row.get("dataset_to_index")
        if not isinstance(begin, int) or end != begin + episode.length:
            yield f"episode {episode.index} has indices {begin!r} to {end!r} but {episode.length} frames"
        unknown = [task for task in episode.tasks if task not in dataset.dataset.tasks]
        if unknown or not episode.tasks:
            yield f"episode {episode.index} has tasks {list(episode.tasks)!r}, which tasks.parquet does not tell"
    for one, other in pairwise(episodes):
        if other.row.get("dataset_from_index") != one.row.get("dataset_to_index"):
            yield f"episode {other.index} does not begin where episode {one.index} ends"
