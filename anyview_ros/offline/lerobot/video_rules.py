"""Rules of the videos."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from anyview_ros.offline.lerobot.dataset import DatasetEpisode
from anyview_ros.offline.lerobot.findings import CheckedDataset
from anyview_ros.offline.lerobot.layout import BYTES_PER_MB, VIDEOS_STORED_AS
from anyview_ros.offline.lerobot.video_encoding import STORED_AS, video_info

_EXACT_S = 1e-5  # a tenth of what LeRobot's loader tolerates


def video_files(dataset: CheckedDataset) -> Iterator[str]:
    """Every file is there, is some episode's, and is no larger than the limit."""
    limit = dataset.info["video_files_size_in_mb"] * BYTES_PER_MB
    used: set[Path] = set()
    for key in dataset.dataset.video_keys:
        users = _users(dataset, key)
        used |= set(users)
        for file, episodes in users.items():
            if not file.is_file():
                yield f"{dataset.named(file)} is missing"
            elif file.stat().st_size > limit and len(episodes) > 1:
                yield (
                    f"{dataset.named(file)} has {file.stat().st_size} bytes and {len(episodes)} episodes; the limit is "
                    f"{limit}"
                )
    for file in sorted((dataset.path / "videos").rglob("*.mp4")):
        if file not in used:
            yield f"{dataset.named(file)} is no episode's"


def video_formats(dataset: CheckedDataset) -> Iterator[str]:
    """Videos are of the size, codec and rate that info.json tells, or stored as augmentation.json tells of them."""
    names = ("video.height", "video.width", "video.fps", *STORED_AS)
    otherwise = (dataset.augmentation or {}).get(VIDEOS_STORED_AS, {})
    for key in dataset.dataset.video_keys:
        for file in _existing(dataset, key):
            told = dict(dataset.dataset.features[key].get("info") or {})
            own = otherwise.get(dataset.named(file), {})
            told |= {name: own[name] for name in STORED_AS if name in own}
            found = video_info(file)
            for name in names:
                if name in told and found[name] != told[name]:
                    yield f"{dataset.named(file)}: {name} is {found[name]}, told is {told[name]}"


def frame_times(dataset: CheckedDataset) -> Iterator[str]:
    """Frame n of a video is shown at n / fps."""
    for key in dataset.dataset.video_keys:
        for file in _existing(dataset, key):
            times = dataset.video(file).times_s
            wanted = np.arange(len(times)) / float(dataset.rate)
            apart = np.abs(times - wanted)
            if apart.max() > _EXACT_S:
                worst = int(apart.argmax())
                yield f"{dataset.named(file)}: frame {worst} is at {times[worst]:.6f} s, not at {wanted[worst]:.6f} s"


def segments(dataset: CheckedDataset) -> Iterator[str]:
    """Episodes begin and end at frames, are as long as their rows, and do not overlap."""
    rate = float(dataset.rate)
    for key in dataset.dataset.video_keys:
        for file, episodes in _users(dataset, key).items():
            found = []
            for episode in episodes:
                begin, end = (episode.row.get(f"videos/{key}/{name}_timestamp") for name in ("from", "to"))
                if not isinstance(begin, float) or not isinstance(end, float):
                    yield f"episode {episode.index} tells no from_timestamp and to_timestamp of {key}"
                    continue
                first = round(begin * rate)
                if abs(begin - first / rate) > _EXACT_S:
                    yield f"episode {episode.index} begins at {begin!r} s of {dataset.named(file)}, which is no frame"
                if abs(end - begin - episode.length / rate) > _EXACT_S:
                    yield (
                        f"episode {episode.index} lasts {end - begin!r} s of {dataset.named(file)}; {episode.length} "
                        f"frames last {episode.length / rate!r} s"
                    )
                found.append((first, first + episode.length, episode.index))
            for one, other in pairwise(sorted(found)):
                if other[0] < one[1]:
                    yield f"episodes {one[2]} and {other[2]} overlap in {dataset.named(file)}"


def frame_counts(dataset: CheckedDataset) -> Iterator[str]:
    """A video has as many frames as its episodes have rows."""
    for key in dataset.dataset.video_keys:
        for file, episodes in _users(dataset, key).items():
            if not file.is_file():
                continue
            frames, wanted = len(dataset.video(file)), sum(episode.length for episode in episodes)
            if frames != wanted:
                yield f"{dataset.named(file)} has {frames} frames, its episodes have {wanted} rows"


def _existing(dataset: CheckedDataset, key: str) -> list[Path]:
    return [file for file in _users(dataset, key) if file.is_file()]


def _users(dataset: CheckedDataset, key: str) -> dict[Path, list[DatasetEpisode]]:
    """Episodes by their file of a key."""
    users: dict[Path, list[DatasetEpisode]] = {}
    for episode in dataset.dataset.episodes:
        users.setdefault(dataset.dataset.video_file(episode, key), []).append(episode)
    return users
