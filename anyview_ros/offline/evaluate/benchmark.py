"""The episodes of a benchmark: which there are, where each stands, and its clips at the size of the scores."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.clips.resizing import resize_clip
from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.evaluation.aggregation import EpisodeKey
from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.snapped_sizes import RELEASE_LONG_SIDES, Size, snapped_size
from anyview_ros.offline.episodes import Episode, constant_intrinsics, is_episode

NATIVE = 0
"""A long side that leaves pictures as they are."""

PROTOCOL_LONG_SIDE = RELEASE_LONG_SIDES[-1]


@dataclass(frozen=True, eq=False)
class BenchmarkEpisode:
    """One episode of a benchmark.

    Attributes:
        key: its group, split and name.
        path: its folder.
        inputs, targets: cameras by role.
    """

    key: EpisodeKey
    path: Path
    inputs: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class EpisodeClips:
    """Clips of the same instants, at the size of the scores.

    Attributes:
        inputs: what the input cameras saw.
        targets: by camera, what the target cameras saw: the truth.
    """

    inputs: tuple[PosedClip, ...]
    targets: Mapping[str, PosedClip]


def find_episodes(
    folder: Path, *, inputs: Sequence[str] = (), targets: Sequence[str] = ()
) -> list[BenchmarkEpisode]:
    """Find the episodes in a folder, at any depth, in order of their paths.

    An episode's group and split are told by its metadata (``group`` and ``split``, also in ``specific``), or else by
    the folders above it: in ``A/B/episode`` the group is A and the split A/B, in ``A/episode`` both are A. Episodes of
    one group and split whose folders have the same name are named by their paths.

    Args:
        folder: of the benchmark, or a single episode.
        inputs, targets: cameras, where the metadata tell no roles.

    Raises:
        ReadError: no folder, no episodes in it, or an episode without roles.
    """
    if not folder.is_dir():
        raise ReadError(f"{folder} is no folder; give one that holds episodes")
    paths = [folder] if is_episode(folder) else _episodes_below(folder)
    if not paths:
        raise ReadError(f"{folder} holds no episodes; each is a folder with metadata.json, rgb and lowdim")
    found = [_benchmark_episode(folder, path, inputs, targets) for path in paths]
    times = Counter(episode.key for episode in found)
    return [_named_by_path(episode, folder) if times[episode.key] > 1 else episode for episode in found]


def _named_by_path(episode: BenchmarkEpisode, folder: Path) -> BenchmarkEpisode:
    name = episode.path.relative_to(folder).as_posix()
    return replace(episode, key=replace(episode.key, name=name))


def _episodes_below(folder: Path) -> list[Path]:
    found = []
    for path in sorted(folder.iterdir()):
        if is_episode(path):
            found.append(path)
        elif path.is_dir() and not path.is_symlink():
            found += _episodes_below(path)
    return found


def _benchmark_episode(
    folder: Path, path: Path, inputs: Sequence[str], targets: Sequence[str]
) -> BenchmarkEpisode:
    episode = Episode.open(path)
    sources = tuple(inputs) or episode.with_role("input")
    seen = tuple(targets) or episode.with_role("target")
    if not sources or not seen:
        raise ReadError(
            f"{path} does not tell which of its cameras ({', '.join(episode.cameras)}) is input and which target; "
            "name them by --input and --target, or write specific.roles in its metadata.json"
        )
    unknown = sorted({*sources, *seen} - set(episode.cameras))
    if unknown:
        raise ReadError(f"{path} has no camera {unknown[0]!r}; it has {', '.join(episode.cameras)}")
    made = sorted({*sources, *seen} - set(episode.recorded))
    if made:
        raise ReadError(
            f"the pictures of {made[0]} of {path} are synthesised, not seen; they are no truth to score by: name real "
            "cameras by --input and --target, or leave the episode out"
        )
    above = path.relative_to(folder).parts[:-1] if path != folder else ()
    split = _told(episode.metadata, "split") or "/".join(above) or folder.name
    group = _told(episode.metadata, "group") or (above[0] if above else split)
    return BenchmarkEpisode(EpisodeKey(group, split, path.name), path, sources, seen)


def _told(metadata: Mapping[str, Any], name: str) -> str:
    specific = metadata.get("specific")
    for section in (metadata, specific if isinstance(specific, dict) else {}):
        value = section.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def score_size(native: Size, long_side: int) -> Size:
    """The size at which pictures are scored: the release's rule for 576, one stage for others, as they are for 0.

    Raises:
        InvalidInputError: a negative long side, or a picture too narrow for it.
    """
    if long_side < 0:
        raise InvalidInputError(f"long_side is {long_side}; give pixels, or 0 for pictures as they are")
    if long_side == NATIVE:
        return native
    stages = RELEASE_LONG_SIDES if long_side == PROTOCOL_LONG_SIDE else (long_side,)
    return snapped_size(native, stages)


def read_clips(
    episode: BenchmarkEpisode, *, long_side: int = PROTOCOL_LONG_SIDE, most_frames: int | None = None
) -> EpisodeClips:
    """Read the pictures of an episode at the instants that all its cameras have, resized once from native.

    Args:
        episode: which.
        long_side: of the scores; see :func:`score_size`.
        most_frames: the first so many instants; None for all.

    Raises:
        ReadError: broken files, or no instant that all cameras have.
        InvalidClipError, InvalidCameraError, InvalidPoseError: what a clip cannot be made of.
    """
    opened = Episode.open(episode.path)
    names = (*episode.inputs, *episode.targets)
    stamps = {name: [place.stamp_ns for place in opened.places(name)] for name in names}
    common = reduce(np.intersect1d, (np.array(each, np.int64) for each in stamps.values()))[:most_frames]
    if not len(common):
        raise ReadError(f"{episode.path}: cameras {', '.join(names)} have no instant in common")
    clips = {name: _read_clip(opened, name, common, long_side) for name in dict.fromkeys(names)}
    return EpisodeClips(
        tuple(clips[name] for name in episode.inputs), {name: clips[name] for name in episode.targets}
    )


def _read_clip(episode: Episode, camera: str, stamps_ns: NDArray[np.int64], long_side: int) -> PosedClip:
    """One frame after the other, so that native pictures need not all be held."""
    wanted = set(stamps_ns.tolist())
    parts: list[PosedClip] = []
    intrinsics = constant_intrinsics(
        [place.intrinsics for place in episode.places(camera)], episode.path, camera
    )
    for frame in episode.frames(camera):
        if frame.stamp_ns not in wanted:
            continue
        height, width = frame.image.shape[:2]
        native = PosedClip(
            frame.image[None],
            PinholeCamera.from_matrix(intrinsics, width, height),
            frame.camera_to_world[None],
            np.array([frame.stamp_ns], np.int64),
            None if frame.depth is None else frame.depth[None],
        )
        parts.append(resize_clip(native, score_size((width, height), long_side)))
        if len(parts) == len(wanted):
            break
    depths = [part.depth for part in parts]
    if any(depth is None for depth in depths) and not all(depth is None for depth in depths):
        raise ReadError(f"{episode.path}: {camera} has depth for some frames only; give all or none")
    sizes = {part.camera.size for part in parts}
    if len(sizes) > 1:
        raise ReadError(f"{episode.path}: pictures of {camera} have several sizes; cut it where they change")
    return PosedClip(
        np.concatenate([part.frames for part in parts]),
        parts[0].camera,
        np.concatenate([part.camera_to_world for part in parts]),
        np.concatenate([part.stamps_ns for part in parts]),
        None if depths[0] is None else np.concatenate([depth for depth in depths if depth is not None]),
    )


def content_hash(path: Path) -> str:
    """A hash of an episode's metadata and its files' names and sizes: it tells other episodes, not retouched ones.

    Raises:
        ReadError: files that cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for file in sorted(each for each in path.rglob("*") if each.is_file()):
            digest.update(f"{file.relative_to(path)}:{file.stat().st_size}\n".encode())
        if (path / "metadata.json").is_file():
            digest.update((path / "metadata.json").read_bytes())
    except OSError as error:
        raise ReadError(f"cannot read {path}: {error}") from error
    return digest.hexdigest()
