"""Means as the AnyView protocol takes them: over frames, then episodes, then splits, then groups of data sets.

Each step is a plain mean of the step before, so that a large split does not outweigh a small one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from anyview_ros.evaluation.metric_columns import NAMES

Metrics = Mapping[str, float | None]


@dataclass(frozen=True)
class EpisodeKey:
    """Where an episode stands in a benchmark: its name, its split, and the group of data sets that this belongs to."""

    group: str
    split: str
    name: str


@dataclass(frozen=True, eq=False)
class EpisodeMeans:
    """The means over frames and targets of one episode."""

    key: EpisodeKey
    metrics: Metrics


@dataclass(frozen=True, eq=False)
class Means:
    """Means of one method.

    Attributes:
        overall: over groups.
        groups: by group, over its splits.
        splits: by group and split, over its episodes.
        episodes: number of episodes by group; "" for all.
    """

    overall: Metrics
    groups: Mapping[str, Metrics]
    splits: Mapping[tuple[str, str], Metrics]
    episodes: Mapping[str, int]


def mean_metrics(parts: Sequence[Metrics]) -> dict[str, float | None]:
    """The mean of each metric over the parts that have it; None where none has."""
    found: dict[str, float | None] = {}
    for name in NAMES:
        known = [value for part in parts if (value := part.get(name)) is not None]
        found[name] = float(np.mean(known)) if known else None
    return found


def protocol_means(episodes: Sequence[EpisodeMeans]) -> Means:
    """Means over episodes, splits and groups, in that order."""
    by_split: dict[tuple[str, str], list[Metrics]] = {}
    for episode in episodes:
        by_split.setdefault((episode.key.group, episode.key.split), []).append(episode.metrics)
    splits = {key: mean_metrics(parts) for key, parts in sorted(by_split.items())}
    by_group: dict[str, list[Metrics]] = {}
    for (group, _), metrics in splits.items():
        by_group.setdefault(group, []).append(metrics)
    groups = {group: mean_metrics(parts) for group, parts in by_group.items()}
    counts = {group: sum(episode.key.group == group for episode in episodes) for group in groups}
    return Means(mean_metrics(list(groups.values())), groups, splits, {"": len(episodes), **counts})
