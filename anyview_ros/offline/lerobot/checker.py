"""Whether a dataset keeps to the rules of LeRobot v3.0, each of which has a name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from anyview_ros.errors import ReadError
from anyview_ros.offline.lerobot import data_rules, info_rules, statistics_rules, video_rules
from anyview_ros.offline.lerobot.augmentation_rules import augmentation
from anyview_ros.offline.lerobot.dataset import LeRobotDataset
from anyview_ros.offline.lerobot.findings import CheckedDataset, Finding, Rule, broken

RULES: Mapping[str, Rule] = {
    "info-entries": info_rules.entries,
    "features": info_rules.features,
    "camera-features": info_rules.camera_features,
    "totals": info_rules.totals,
    "splits": info_rules.splits,
    "tasks": info_rules.tasks,
    "episode-rows": info_rules.episode_rows,
    "data-files": data_rules.data_files,
    "data-columns": data_rules.columns,
    "data-rows": data_rules.rows,
    "timestamps": data_rules.timestamps,
    "video-files": video_rules.video_files,
    "video-formats": video_rules.video_formats,
    "video-frame-times": video_rules.frame_times,
    "video-segments": video_rules.segments,
    "video-frame-counts": video_rules.frame_counts,
    "statistics": statistics_rules.global_statistics,
    "episode-statistics": statistics_rules.episode_statistics,
    "statistics-together": statistics_rules.together,
    "augmentation": augmentation,
}
"""By name; "readable" is the rule that a dataset can be opened at all."""


def check_dataset(path: str | Path) -> list[Finding]:
    """All that is wrong with a dataset; empty if nothing is. Pictures are not decoded."""
    try:
        dataset = CheckedDataset(LeRobotDataset.open(path))
    except ReadError as error:
        return [Finding("readable", str(error))]
    entries = broken("info-entries", info_rules.entries, dataset)
    if entries:
        return entries  # the other rules go by them
    return [finding for name, rule in RULES.items() for finding in broken(name, rule, dataset)]
