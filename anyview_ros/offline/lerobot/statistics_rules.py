"""Rules of the statistics, of all episodes and of each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from anyview_ros.offline.lerobot.dataset import DatasetEpisode
from anyview_ros.offline.lerobot.findings import CheckedDataset
from anyview_ros.offline.lerobot.layout import STATS, is_camera
from anyview_ros.offline.lerobot.statistics import QUANTILES, Statistics

_NEEDED = ("min", "max", "mean", "std", "count")
_CLOSE = 1e-4


def global_statistics(dataset: CheckedDataset) -> Iterator[str]:
    """meta/stats.json tells of every feature but text, in its shape, and of values that can be."""
    file = dataset.path / STATS
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        yield f"cannot read {STATS}: {error}"
        return
    yield from _complaints(dataset, known, STATS)


def episode_statistics(dataset: CheckedDataset) -> Iterator[str]:
    """meta/episodes tells the same of each episode, and its numbers are those of the rows."""
    for episode in dataset.dataset.episodes:
        known = statistics_of(episode)
        yield from _complaints(dataset, known, f"statistics of episode {episode.index}")
        table = dataset.table(dataset.dataset.data_file(episode))
        own = table["episode_index"].to_numpy() == episode.index
        for key, feature in dataset.dataset.features.items():
            if (
                is_camera(feature)
                or feature["dtype"] == "string"
                or len(feature["shape"]) != 1
                or key not in known
            ):
                continue
            if key not in table.column_names:
                continue
            values = np.asarray(table[key].to_pylist(), np.float64).reshape(len(table), -1)[own]
            if len(values):
                yield from _unlike(known[key], values, f"episode {episode.index}: {key}")


def together(dataset: CheckedDataset) -> Iterator[str]:
    """What meta/stats.json tells is what the episodes' statistics come to."""
    file = dataset.path / STATS
    if not file.is_file():
        return
    known = json.loads(file.read_text(encoding="utf-8"))
    each = [statistics_of(episode) for episode in dataset.dataset.episodes]
    for key, told in known.items():
        parts = [statistics[key] for statistics in each if key in statistics]
        if len(parts) != len(each) or not all(set(_NEEDED) <= set(part) for part in (*parts, told)):
            continue
        counts = np.array([part["count"][0] for part in parts], np.float64)
        means = np.stack([np.ravel(part["mean"]) for part in parts])
        expected = {
            "min": np.stack([np.ravel(part["min"]) for part in parts]).min(axis=0),
            "max": np.stack([np.ravel(part["max"]) for part in parts]).max(axis=0),
            "mean": (means * counts[:, None]).sum(axis=0) / counts.sum(),
            "count": np.array([counts.sum()]),
        }
        for name, value in expected.items():
            if not _near(np.ravel(told[name]), value):
                yield f"{STATS}: {name} of {key} is {told[name]}; the episodes' come to {value.tolist()}"


def statistics_of(episode: DatasetEpisode) -> dict[str, Statistics]:
    """The statistics in a row of meta/episodes, by key."""
    found: dict[str, Statistics] = {}
    for column, value in episode.row.items():
        if column.startswith("stats/") and value is not None:
            key, _, name = column.removeprefix("stats/").rpartition("/")
            found.setdefault(key, {})[name] = value
    return found


def _complaints(dataset: CheckedDataset, known: Mapping[str, Statistics], where: str) -> Iterator[str]:
    for key, feature in dataset.dataset.features.items():
        if feature["dtype"] == "string":
            continue
        told = known.get(key, {})
        missing = [name for name in _NEEDED if name not in told]
        if missing:
            yield f"{where}: {key} lacks {', '.join(missing)}"
            continue
        shape = (3, 1, 1) if is_camera(feature) else tuple(feature["shape"])
        for name in (*_NEEDED, *(name for name in QUANTILES if name in told)):
            wanted = (1,) if name == "count" else shape
            value = np.asarray(told[name], np.float64)
            if value.shape != wanted and len(feature["shape"]) in (1, 3):
                yield f"{where}: {name} of {key} has shape {value.shape}; it must be {wanted}"
            elif not np.isfinite(value).all():
                yield f"{where}: {name} of {key} is {told[name]}"
        yield from _impossible(told, where, key, camera=is_camera(feature))


def _impossible(told: Statistics, where: str, key: str, *, camera: bool) -> Iterator[str]:
    low, high, mean, std = (
        np.ravel(np.asarray(told[name], np.float64)) for name in ("min", "max", "mean", "std")
    )
    if not low.shape == high.shape == mean.shape == std.shape:
        return
    room = 1e-6 * (1 + np.abs(high) + np.abs(low))
    if np.any(mean < low - room) or np.any(mean > high + room) or np.any(std < 0):
        yield f"{where}: mean of {key} is not between min and max, or std is negative"
    if camera and (np.any(low < 0) or np.any(high > 1)):
        yield f"{where}: pictures of {key} are told to be {low.min()} to {high.max()}; they are scaled to 0 to 1"
    if np.ravel(told["count"]).size != 1 or int(np.ravel(told["count"])[0]) < 1:
        yield f"{where}: count of {key} is {told['count']}"


def _unlike(told: Statistics, values: Any, name: str) -> Iterator[str]:
    found = {
        "min": values.min(axis=0),
        "max": values.max(axis=0),
        "mean": values.mean(axis=0),
        "std": values.std(axis=0),
    }
    for statistic, value in found.items():
        if statistic in told and not _near(np.ravel(told[statistic]), value):
            yield f"{name}: {statistic} is told as {told[statistic]}; rows give {value.tolist()}"


def _near(one: Any, other: Any) -> bool:
    one, other = np.asarray(one, np.float64), np.asarray(other, np.float64)
    return one.shape == other.shape and bool(np.all(np.abs(one - other) <= _CLOSE * (1 + np.abs(other))))
