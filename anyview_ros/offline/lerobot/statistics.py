"""Statistics of a dataset's features, by LeRobot's rules (``lerobot.datasets.compute_stats`` of 0.4).

Each feature has min, max, mean, std, count and the quantiles q01, q10, q50, q90, q99, of one episode or of all.
Pictures are sampled, reduced and scaled to [0, 1]; theirs have shape (3, 1, 1), and count is the number of pictures.
Deviations are exact here: LeRobot 0.4.4 squares pictures as uint8, which overflows, when it records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Statistics = dict[str, Any]
"""Lists by name of statistic: plain values, as JSON and parquet hold them."""

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
NAMES = ("min", "max", "mean", "std", "count", *QUANTILES)
_BINS = 5000
_FEWEST_SAMPLES, _MOST_SAMPLES, _POWER = 100, 10_000, 0.75
_REDUCED_FROM, _REDUCED_TO = 300, 150


def sampled_frames(count: int) -> list[int]:
    """Numbers of the frames of an episode whose pictures its statistics are made of."""
    samples = max(min(count, _FEWEST_SAMPLES), min(int(count**_POWER), _MOST_SAMPLES))
    return [int(index) for index in np.round(np.linspace(0, count - 1, samples))]


class PictureStatistics:
    """Statistics of an episode's pictures, of which only counts of grey levels are kept.

    Args:
        count: number of pictures of the episode.
    """

    def __init__(self, count: int) -> None:
        self._wanted = set(sampled_frames(count))
        self._seen = 0
        self._levels = np.zeros((3, 256), np.int64)

    def add(self, image: NDArray[np.uint8]) -> None:
        """Take the next picture, uint8 (H, W, 3) RGB, if it is one of those that are sampled."""
        if self._seen in self._wanted:
            height, width = image.shape[:2]
            largest = max(height, width)
            step = 1 if largest < _REDUCED_FROM else max(int(largest / _REDUCED_TO), 1)
            reduced = image[::step, ::step]
            for channel in range(3):
                self._levels[channel] += np.bincount(reduced[..., channel].ravel(), minlength=256)
        self._seen += 1

    def result(self) -> Statistics:
        """The statistics."""
        of_channels = [_of_levels(levels) for levels in self._levels]
        found: Statistics = {
            name: [[[float(channel[name] / 255)]] for channel in of_channels]
            for name in NAMES
            if name != "count"
        }
        found["count"] = [len(self._wanted)]
        return found


def _of_levels(counts: NDArray[np.int64]) -> dict[str, float]:
    """Statistics of whole numbers, of which each occurs so often."""
    total = int(counts.sum())
    present = np.flatnonzero(counts)
    values = present.astype(np.float64)
    weights = counts[present].astype(np.float64)
    mean = float((values * weights).sum() / total)
    variance = float((((values - mean) ** 2) * weights).sum() / total)
    return {
        "min": float(values[0]),
        "max": float(values[-1]),
        "mean": mean,
        "std": variance**0.5,
        **_quantiles(values, weights),
    }


def _quantiles(values: Array, weights: Array) -> dict[str, float]:
    """Quantiles by a histogram between the least and the greatest value, linear within a bin."""
    edges = np.linspace(values.min() - 1e-10, values.max() + 1e-10, _BINS + 1)
    counts, _ = np.histogram(values, bins=edges, weights=weights)
    cumulative = np.cumsum(counts)
    return {
        name: _quantile(edges, cumulative, share * float(weights.sum())) for name, share in QUANTILES.items()
    }


def _quantile(edges: Array, cumulative: Array, wanted: float) -> float:
    place = int(np.searchsorted(cumulative, wanted))
    if place == 0:
        return float(edges[0])
    if place >= len(cumulative):
        return float(edges[-1])
    before, inside = cumulative[place - 1], cumulative[place] - cumulative[place - 1]
    if inside == 0:
        return float(edges[place])
    return float(edges[place] + (wanted - before) / inside * (edges[place + 1] - edges[place]))


def column_statistics(values: NDArray[Any]) -> Statistics:
    """Statistics of a feature of numbers.

    Args:
        values: (N,) or (N, D), one row per frame.
    """
    columns = np.asarray(values)
    whole = np.issubdtype(columns.dtype, np.integer) or columns.dtype == np.bool_
    columns = columns.reshape(len(columns), -1)
    numbers = columns.astype(np.float64)
    kept = columns.astype(np.int64) if whole else numbers
    found: Statistics = {
        "min": kept.min(axis=0).tolist(),
        "max": kept.max(axis=0).tolist(),
        "mean": numbers.mean(axis=0).tolist(),
        "std": numbers.std(axis=0).tolist(),
        "count": [len(numbers)],
    }
    ones = np.ones(len(numbers))
    if len(numbers) < 2:
        return found | dict.fromkeys(QUANTILES, found["mean"])
    quantiles = [_quantiles(numbers[:, index], ones) for index in range(numbers.shape[1])]
    return found | {name: [each[name] for each in quantiles] for name in QUANTILES}


def aggregate(episodes: Sequence[Mapping[str, Statistics]]) -> dict[str, Statistics]:
    """Statistics of all episodes from those of each: exact but for quantiles, weighted means as in LeRobot."""
    keys = dict.fromkeys(key for statistics in episodes for key in statistics)
    return {key: _aggregated([each[key] for each in episodes if key in each]) for key in keys}


def _aggregated(parts: Sequence[Statistics]) -> Statistics:
    def stacked(name: str) -> Array:
        return np.stack([np.asarray(part[name], np.float64) for part in parts])

    means = stacked("mean")
    counts = stacked("count").reshape(-1, *[1] * (means.ndim - 1))
    total = counts.sum()
    mean = (means * counts).sum(axis=0) / total
    variance = ((stacked("std") ** 2 + (means - mean) ** 2) * counts).sum(axis=0) / total
    found: Statistics = {
        "min": np.stack([np.asarray(part["min"]) for part in parts]).min(axis=0).tolist(),
        "max": np.stack([np.asarray(part["max"]) for part in parts]).max(axis=0).tolist(),
        "mean": mean.tolist(),
        "std": np.sqrt(variance).tolist(),
        "count": [int(total)],
    }
    for name in QUANTILES:
        if all(name in part for part in parts):
            found[name] = ((stacked(name) * counts).sum(axis=0) / total).tolist()
    return found
