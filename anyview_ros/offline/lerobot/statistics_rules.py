"""Rules of the statistics, of all episodes and of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import ReadError
from anyview_ros.offline.lerobot.dataset import DatasetEpisode
from anyview_ros.offline.lerobot.findings import CheckedDataset
from anyview_ros.offline.lerobot.layout import RENUMBERED, STATS, is_camera
from anyview_ros.offline.lerobot.parquet import numbers_of
from anyview_ros.offline.lerobot.statistics import QUANTILES, Statistics, aggregate

Array = NDArray[np.float64]

_NEEDED = ("min", "max", "mean", "std", "count")
_CLOSE = 1e-4


def global_statistics(dataset: CheckedDataset) -> Iterator[str]:
    """meta/stats.json tells of every feature but text, in its shape, and of values that can be."""
    yield from _complaints(dataset, dataset.json(STATS), STATS)


def episode_statistics(dataset: CheckedDataset) -> Iterator[str]:
    """meta/episodes tells the same of each episode, and its numbers are those of the rows.

    Those of the columns that LeRobot renumbers are not compared: merging and deleting leave them as they were recorded.
    """
    columns = [
        key
        for key, feature in dataset.dataset.features.items()
        if not is_camera(feature)
        and feature["dtype"] != "string"
        and len(feature["shape"]) == 1
        and key not in RENUMBERED
    ]
    for file, episodes in dataset.data_files.items():
        known = {episode.index: statistics_of(episode) for episode in episodes}
        for index, told in known.items():
            yield from _complaints(dataset, told, f"statistics of episode {index}")
        table, places = dataset.table(file), dataset.places(file)
        for key in (key for key in columns if key in table.column_names):
            try:
                numbers = numbers_of(table, key)
            except ReadError as error:
                yield f"{dataset.named(file)}: {error}"
                continue
            for index, told in known.items():
                if key in told and index in places:
                    yield from _unlike(told[key], numbers[places[index]], f"episode {index}: {key}")


def together(dataset: CheckedDataset) -> Iterator[str]:
    """What meta/stats.json tells is what the episodes' statistics come to."""
    try:
        known = dataset.json(STATS)
    except ReadError:
        return  # which the first rule tells
    each = [statistics_of(episode) for episode in dataset.dataset.episodes]
    for key, told in known.items():
        own, *parts = (_vectors(one) for one in (told, *(statistics.get(key) for statistics in each)))
        if len({tuple(part[name].shape for name in part) for part in (own, *parts)}) > 1 or not own:
            continue
        expected = aggregate([{key: part} for part in parts])[key]
        for name, value in own.items():
            if not _near(value, np.ravel(expected[name])):
                yield f"{STATS}: {name} of {key} is {told[name]}; the episodes' come to {expected[name]}"


def statistics_of(episode: DatasetEpisode) -> dict[str, Statistics]:
    """The statistics in a row of meta/episodes, by key."""
    found: dict[str, Statistics] = {}
    for column, value in episode.row.items():
        if column.startswith("stats/") and value is not None:
            key, _, name = column.removeprefix("stats/").rpartition("/")
            found.setdefault(key, {})[name] = value
    return found


def _complaints(dataset: CheckedDataset, known: Mapping[str, Any], where: str) -> Iterator[str]:
    longest = max((episode.length for episode in dataset.dataset.episodes), default=0)
    rounding = _rounding(longest, np.dtype(np.float32))
    for key, feature in dataset.dataset.features.items():
        if feature["dtype"] == "string":
            continue
        told = known.get(key)
        if not isinstance(told, dict):
            told = {}
        missing = [name for name in _NEEDED if name not in told]
        if missing:
            yield f"{where}: {key} lacks {', '.join(missing)}"
            continue
        shape = (3, 1, 1) if is_camera(feature) else tuple(feature["shape"])
        values = {name: _array(told[name]) for name in (*_NEEDED, *QUANTILES) if name in told}
        sound: dict[str, Array] = {}
        for name, value in values.items():
            wanted = (1,) if name == "count" else shape
            if value is None:
                yield f"{where}: {name} of {key} is {told[name]!r}; it must be a list of numbers"
            elif value.shape != wanted and len(feature["shape"]) in (1, 3):
                yield f"{where}: {name} of {key} has shape {value.shape}; it must be {wanted}"
            elif not np.isfinite(value).all():
                yield f"{where}: {name} of {key} is {told[name]}"
            else:
                sound[name] = np.ravel(value)
        if len(sound) == len(values):
            yield from _impossible(sound, where, key, rounding, camera=is_camera(feature))


def _impossible(
    told: Mapping[str, Array], where: str, key: str, rounding: float, *, camera: bool
) -> Iterator[str]:
    low, high, mean, std = (told[name] for name in ("min", "max", "mean", "std"))
    rising = [low, *(told[name] for name in QUANTILES if name in told), high]
    if len({value.shape for value in (*rising, mean, std)}) > 1:
        return
    room = 1e-6 * (1 + np.abs(high) + np.abs(low))
    beyond = room + rounding * np.maximum(np.abs(low), np.abs(high))
    if np.any(mean < low - beyond) or np.any(mean > high + beyond) or np.any(std < 0):
        yield f"{where}: mean of {key} is not between min and max, or std is negative"
    if any(np.any(one > other + room) for one, other in pairwise(rising)):
        yield f"{where}: quantiles of {key} do not rise from min to max"
    if camera and (np.any(low < 0) or np.any(high > 1)):
        yield f"{where}: pictures of {key} are told to be {low.min()} to {high.max()}; they are scaled to 0 to 1"
    if told["count"].size != 1 or told["count"][0] < 1:
        yield f"{where}: count of {key} is {told['count'].tolist()}"


def _unlike(told: Statistics, rows: NDArray[Any], name: str) -> Iterator[str]:
    values = rows.astype(np.float64)
    rounding, squares = _rounding(len(rows), rows.dtype), np.mean(values**2, axis=0)
    summed = {"mean": (1, rounding * np.sqrt(squares)), "std": (2, rounding * squares)}
    found = {
        "min": values.min(axis=0),
        "max": values.max(axis=0),
        "mean": values.mean(axis=0),
        "std": values.std(axis=0),
    }
    for statistic, value in found.items():
        known = _array(told.get(statistic))
        if (
            statistic in told
            and known is not None
            and not _near(np.ravel(known), value, *summed.get(statistic, ()))
        ):
            yield f"{name}: {statistic} is told as {told[statistic]}; rows give {value.tolist()}"


def _array(value: Any) -> Array | None:
    """A statistic; None if it is no list of numbers."""
    try:
        return np.asarray(value, np.float64)
    except (TypeError, ValueError):
        return None


def _vectors(told: Any) -> dict[str, Array]:
    """Statistics that can be brought together; none unless all that it takes is there and can be."""
    found = {name: _array(told.get(name)) for name in _NEEDED} if isinstance(told, dict) else {}
    vectors = {name: np.ravel(value) for name, value in found.items() if value is not None}
    whole = len(vectors) == len(_NEEDED) and all(np.isfinite(value).all() for value in vectors.values())
    return vectors if whole and vectors["count"].size == 1 and vectors["count"][0] >= 1 else {}


def _rounding(count: int, dtype: np.dtype[Any]) -> float:
    """How far a mean of so many numbers, added one after another in their own type, may be off, as a share of them.

    Each sum is rounded by half an ulp at most. LeRobot 0.4 so sums float32 and their squares, and tells as ``std`` the
    root of the mean square less the squared mean, of which little is left where the numbers are far from 0.
    """
    return (count + 4) * float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0


def _near(one: Array, other: Array, power: int = 1, room: Array | float = 0.0) -> bool:
    """Whether statistics are alike, or their powers apart by no more than ``room``."""
    if one.shape != other.shape:
        return False
    alike = np.abs(one - other) <= _CLOSE * (1 + np.abs(other))
    return bool(np.all(alike | (np.abs(one**power - other**power) <= room)))
