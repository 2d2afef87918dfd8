"""Parts of a LeRobot dataset, put together."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyview_ros
from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.offline.augment.outputs.lerobot_fitting import EpisodeOutline
from anyview_ros.offline.augment.outputs.lerobot_part import (
    FILES,
    DatasetPart,
    PartEpisode,
    PartVideo,
    PartView,
)
from anyview_ros.offline.augment.outputs.lerobot_views import cut_or_encode
from anyview_ros.offline.augment.outputs.linking import link_or_copy
from anyview_ros.offline.augment.outputs.marks import COMMENT
from anyview_ros.offline.augment.records import JobRecord
from anyview_ros.offline.lerobot.dataset_writer import DatasetWriter
from anyview_ros.offline.lerobot.layout import AUGMENTATION, STATS, VIDEOS_STORED_AS
from anyview_ros.offline.lerobot.parquet import read_table
from anyview_ros.offline.lerobot.video_encoding import STORED_AS, video_info
from anyview_ros.offline.lerobot.video_shelf import VideoPlace
from anyview_ros.offline.video_frames import VideoFrames

_SCRATCH = ".cut"
_POSES = "meta/augmentation_poses"


@dataclass(frozen=True)
class ReadPart:
    """A part: the job's record, its folder, and what it holds."""

    record: JobRecord
    folder: Path
    content: DatasetPart

    @property
    def outline(self) -> EpisodeOutline:
        """What it must share with others."""
        return EpisodeOutline(self.record.episode, self.content.frames_per_second, self.content.features)


@dataclass
class _Written:
    """What has been written of a dataset, for ``augmentation.json``."""

    scratch: Path
    episodes: list[dict[str, Any]] = field(default_factory=list)
    originals: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    indices: dict[str, int] = field(default_factory=dict)
    re_encoded: dict[str, list[str]] = field(default_factory=dict)


class Assembly:
    """One dataset of many parts.

    Args:
        parts: in the run's order.
        mode: "add-camera" or "append-episode".
        missing_view: what is left out where an episode lacks a view: "episode" or "camera".

    Raises:
        InvalidInputError: parts that do not fit each other, or nothing is left.
    """

    def __init__(self, parts: Sequence[ReadPart], mode: str, missing_view: str) -> None:
        if not parts:
            raise InvalidInputError("there are no episodes to make a dataset of")
        self._mode, self._missing_view = mode, missing_view
        self._all = list(parts)
        self._first = parts[0].content
        self._check_alike()
        self.views = self._views() if mode == "add-camera" else {}
        self._partly_used: dict[tuple[str, str], bool] = {}
        self._parts = [part for part in parts if not self._lacking(part)]
        if not self._parts:
            raise InvalidInputError(
                f"no episode has all of the views {', '.join(self.views)}; loosen the guard, or leave out views that "
                "fail with the source option missing_view=camera"
            )

    def _check_alike(self) -> None:
        for part in self._all[1:]:
            self._all[0].outline.check_like(part.outline)

    def _views(self) -> dict[str, PartView]:
        """The views that become cameras, by key, with the first of each."""
        found: dict[str, PartView] = {}
        for part in self._all:
            for view in part.content.views:
                first = found.setdefault(view.key, view)
                if first.feature["shape"] != view.feature["shape"]:
                    raise InvalidInputError(
                        f"view {view.name} has pictures of {view.feature['shape']} in {part.record.episode} and of "
                        f"{first.feature['shape']} before; give one size with --size"
                    )
        if self._missing_view == "camera":
            return {
                key: view
                for key, view in found.items()
                if not any(key in _without(part, found) for part in self._all)
            }
        return found

    def _lacking(self, part: ReadPart) -> list[str]:
        return _without(part, self.views)

    def write(self, output: Path) -> None:
        """Write the dataset.

        Raises:
            ReadError: a part that lacks a file, or that is damaged.
        """
        features = _marked(
            {**self._first.features, **{key: view.feature for key, view in self.views.items()}},
            self._replaced(),
        )
        with DatasetWriter(
            output,
            features=features,
            rate=self._first.frames_per_second,
            told=self._info(),
        ) as writer:
            for part in self._parts:
                if part.content.dataset:
                    writer.know_tasks(part.content.tasks)
            written = _Written(output / _SCRATCH)
            for part in self._parts:
                self._add(writer, part, part.content.episodes[0], written, output)
            for part in self._parts:
                for episode in part.content.episodes[1:]:
                    self._add(writer, part, episode, written, output)
            writer.close(self._known_statistics())
            shutil.rmtree(written.scratch, ignore_errors=True)
        self._copy_further_files(output)
        self._write_augmentation(output, features, written)

    def _add(
        self, writer: DatasetWriter, part: ReadPart, episode: PartEpisode, written: _Written, output: Path
    ) -> None:
        content = part.content
        views = {key: view for view in content.views if (key := view.key) in self.views}
        videos = {**episode.videos, **{key: view.video for key, view in views.items()}}
        statistics = {**episode.statistics, **{key: view.statistics for key, view in views.items()}}
        index = writer.add(
            read_table(part.folder / episode.rows),
            tasks=content.tasks,
            statistics=statistics,
            videos={key: self._place(writer, part, key, video, written) for key, video in videos.items()},
            further=content.further,
        )
        if not episode.view:
            written.indices[part.record.episode] = index
        else:
            views = {view.key: view for view in content.views if view.name == episode.view}
        written.episodes.append(self._told(part, episode, views, index, written, output))

    def _place(
        self, writer: DatasetWriter, part: ReadPart, key: str, video: PartVideo, written: _Written
    ) -> VideoPlace:
        shelf = writer.shelves[key]
        if video.piece:
            return shelf.add_piece(part.folder / video.piece, part.content.length)
        name = (part.content.dataset, video.original)
        if self._is_partly_used(name, key):
            return shelf.add_piece(self._cut(part, key, video, written), part.content.length)
        if name not in written.originals:
            path, written.originals[name] = shelf.add_whole()
            link_or_copy(self._file(part.content.dataset, video.original), path)
        return VideoPlace(*written.originals[name], video.from_timestamp, video.to_timestamp)

    def _is_partly_used(self, name: tuple[str, str], key: str) -> bool:
        """Whether a file of a source has frames of episodes that are left out."""
        if name not in self._partly_used:
            users = [part for part in self._parts if part.content.dataset == name[0]]
            videos = [(part.content.length, part.content.episodes[0].videos.get(key)) for part in users]
            used = sum(length for length, video in videos if video is not None and video.original == name[1])
            self._partly_used[name] = used != len(VideoFrames(self._file(*name)))
        return self._partly_used[name]

    def _cut(self, part: ReadPart, key: str, video: PartVideo, written: _Written) -> Path:
        """An episode's own frames out of a file of its source, in a file that is removed at the end."""
        rate = part.content.frames_per_second
        source = self._file(part.content.dataset, video.original)
        target = written.scratch / key / f"{part.record.episode}.mp4"
        first, count = round(video.from_timestamp * rate), part.content.length
        feature = part.content.features[key]
        wanted = range(first, first + count)
        if not cut_or_encode(VideoFrames(source), wanted, target, rate=rate, feature=feature):
            written.re_encoded.setdefault(part.record.episode, []).append(key)
        return target

    def _file(self, dataset: str, name: str) -> Path:
        """A file of a source dataset, in whichever part holds it."""
        for part in self._all:
            if part.content.dataset == dataset and (part.folder / FILES / name).is_file():
                return part.folder / FILES / name
        raise ReadError(f"no part holds {name}; its first episode is missing among the parts")

    def _replaced(self) -> set[str]:
        """Keys whose pictures are synthesised in some episodes."""
        if self._mode == "add-camera":
            return set()
        return {view.key for part in self._parts for view in part.content.views}

    def _is_whole(self) -> bool:
        """Whether the output has the episodes of one dataset, all of them and no others."""
        content = [part.content for part in self._parts]
        return (
            self._mode == "add-camera"
            and bool(content[0].dataset)
            and len({each.dataset for each in content}) == 1
            and len(content) == content[0].episodes_in_dataset
        )

    def _info(self) -> dict[str, Any]:
        told = dict(self._first.told)
        if not self._is_whole():
            told.pop("splits", None)
        return told

    def _known_statistics(self) -> Mapping[str, Any]:
        """Those of the source, where the output has its episodes and no others."""
        if not self._is_whole():
            return {}
        try:
            file = self._file(self._first.dataset, STATS)
        except ReadError:
            return {}
        known = json.loads(file.read_text(encoding="utf-8"))
        return {key: value for key, value in known.items() if key in self._first.features}

    def _copy_further_files(self, output: Path) -> None:
        """A README and the like of the first dataset."""
        for part in self._all:
            folder = part.folder / FILES
            if part.content.dataset != self._first.dataset or not folder.is_dir():
                continue
            for file in sorted(folder.rglob("*")):
                name = file.relative_to(folder)
                if file.is_file() and name.parts[0] != "videos" and name.as_posix() != STATS:
                    link_or_copy(file, output / name)

    def _told(
        self,
        part: ReadPart,
        episode: PartEpisode,
        views: Mapping[str, PartView],
        index: int,
        written: _Written,
        output: Path,
    ) -> dict[str, Any]:
        told: dict[str, Any] = {
            "episode_index": index,
            "name": part.record.episode,
            "input": part.record.input,
            "origin_episode_index": written.indices[part.record.episode] if episode.view else None,
            "synthesised": {key: dict(view.provenance) for key, view in views.items()},
        }
        for key, view in views.items():
            if view.poses:
                name = f"{_POSES}/{key}/episode-{index:06d}.npy"
                link_or_copy(part.folder / view.poses, output / name)
                told["synthesised"][key]["camera_to_world_file"] = name
        re_encoded = [*episode.re_encoded, *written.re_encoded.get(part.record.episode, [])]
        if re_encoded:
            told["re_encoded"] = re_encoded
        if part.content.left_out:
            told["cameras_left_out"] = dict(part.content.left_out)
        return told

    def _write_augmentation(
        self, output: Path, features: Mapping[str, Mapping[str, Any]], written: _Written
    ) -> None:
        dropped = [part for part in self._all if part not in self._parts]
        content = {
            "software": f"anyview_ros {anyview_ros.__version__}",
            "comment": COMMENT,
            "mode": self._mode,
            "synthesised_keys": sorted(self.views) or sorted(self._replaced()),
            "episodes": written.episodes,
            "episodes_left_out": [
                {
                    "name": part.record.episode,
                    "input": part.record.input,
                    "lacks": self._lacking(part),
                    "views": _refusals(part),
                }
                for part in dropped
            ],
            "views_left_out": [
                {"episode": part.record.episode, **refusal}
                for part in self._parts
                for refusal in _refusals(part)
            ],
            VIDEOS_STORED_AS: _stored_otherwise(output, features),
        }
        text = json.dumps(content, indent=1, sort_keys=True)
        (output / AUGMENTATION).write_text(text + "\n", encoding="utf-8")


def _without(part: ReadPart, keys: Mapping[str, PartView]) -> list[str]:
    own = {view.key for view in part.content.views}
    return [key for key in keys if key not in own]


def _refusals(part: ReadPart) -> list[dict[str, str]]:
    """Views that the guard left out of an episode, and why."""
    return [
        {"view": view.name, "reason": view.attempts[-1].refused if view.attempts else ""}
        for view in part.record.views
        if not view.kept
    ]


def _stored_otherwise(output: Path, features: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Codec and pixels of videos that are stored otherwise than info.json tells of their key, by file."""
    found = {}
    for key, feature in features.items():
        told = feature.get("info") or {}
        for file in sorted((output / "videos" / key).rglob("*.mp4")):
            stored = video_info(file)
            if any(name in told and stored[name] != told[name] for name in STORED_AS):
                found[file.relative_to(output).as_posix()] = {name: stored[name] for name in STORED_AS}
    return found


def _marked(features: Mapping[str, Mapping[str, Any]], replaced: set[str]) -> dict[str, dict[str, Any]]:
    """Features, of which those that are synthesised in some episodes say so."""
    marked = {key: dict(feature) for key, feature in features.items()}
    for key in replaced:
        marked[key]["info"] = {
            **(marked[key].get("info") or {}),
            "synthesised": f"in episodes of {AUGMENTATION}",
        }
    return marked
