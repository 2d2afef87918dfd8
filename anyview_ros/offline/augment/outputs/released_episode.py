"""A release-format episode written again, with views beside its cameras or in the place of one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import invert_rigid
from anyview_ros.offline.augment.file_hashes import files_below
from anyview_ros.offline.augment.outputs.camera_folders import write_lowdim_entry, write_view_pictures
from anyview_ros.offline.augment.outputs.linking import copy_file
from anyview_ros.offline.augment.outputs.marks import provenance_of
from anyview_ros.offline.augment.outputs.npz_members import replace_members
from anyview_ros.offline.augment.spool import SpooledView
from anyview_ros.offline.episode_files import LowdimEntry, read_lowdim
from anyview_ros.offline.episodes import Episode


def write_released_episode(
    episode: Episode, views: Sequence[SpooledView], folder: Path, *, instead: bool, confidence: bool
) -> None:
    """Write an episode with views.

    Args:
        episode: what was recorded; its files are copied as they are, apart from ``metadata.json``.
        views: of the episode.
        folder: to write to.
        instead: whether a view takes the place of its source camera, whose further lowdim entries it keeps.
        confidence: whether the confidence is written beside each view.

    Raises:
        InvalidInputError: a view that has a camera's name, or whose instants are not its source's.
        ReadError: broken files.
    """
    taken = {view.source for view in views} if instead else set()
    for file in files_below(episode.path):
        inside = file.relative_to(episode.path)
        if _camera_of(inside) not in taken and (not views or inside.as_posix() != "metadata.json"):
            copy_file(file, folder / inside)
    told: dict[str, Any] = {}
    for view in views:
        name = view.source if instead else view.name
        if not instead and name in episode.cameras:
            raise InvalidInputError(f"{episode.path} has a camera {name} already; name the view otherwise")
        entries = _entries(episode, view)
        write_view_pictures(folder, name, [entry.key for entry in entries], view, confidence=confidence)
        _write_lowdim(episode, view, entries, folder, name, instead=instead)
        told[name] = provenance_of(view) | ({"view": view.name} if instead else {})
    if views:
        _write_metadata(episode, told, folder, instead=instead)


def _camera_of(inside: Path) -> str:
    """The camera that a file belongs to, or ""."""
    if len(inside.parts) < 2 or inside.parts[0] not in ("rgb", "lowdim", "depth"):
        return ""
    return inside.parts[1] if len(inside.parts) > 2 else inside.stem


def _entries(episode: Episode, view: SpooledView) -> list[LowdimEntry]:
    """The source camera's entries, one per picture of the view."""
    if view.source not in episode.cameras:
        raise InvalidInputError(
            f"{episode.path} has no camera {view.source}, which {view.name} was made from"
        )
    stamps = [place.stamp_ns for place in episode.places(view.source)]
    if stamps != view.stamps_ns.tolist():
        raise InvalidInputError(
            f"{view.name} shows {len(view)} instants that are not the {len(stamps)} of camera {view.source}; "
            "make it from the whole episode"
        )
    return read_lowdim(episode.path, view.source)


def _write_lowdim(
    episode: Episode,
    view: SpooledView,
    entries: Sequence[LowdimEntry],
    folder: Path,
    name: str,
    *,
    instead: bool,
) -> None:
    world2cam = episode.transform == "world2cam"
    extrinsics = invert_rigid(view.camera_to_world) if world2cam else view.camera_to_world
    stacked = episode.path / "lowdim" / f"{view.source}.npz"
    (folder / "lowdim").mkdir(exist_ok=True)
    if instead and stacked.is_file():
        matrices = np.tile(view.camera.matrix, (len(view), 1, 1))
        replaced: dict[str, NDArray[Any]] = {"intrinsics": matrices, "extrinsics": extrinsics}
        replace_members(stacked, folder / "lowdim" / f"{name}.npz", replaced)
        return
    (folder / "lowdim" / name).mkdir()
    for index, (entry, place) in enumerate(zip(entries, episode.places(view.source), strict=True)):
        target = folder / "lowdim" / name / f"{entry.key}.npz"
        if instead:
            replaced = {"intrinsics": view.camera.matrix, "extrinsics": extrinsics[index]}
            replace_members(episode.path / "lowdim" / view.source / f"{entry.key}.npz", target, replaced)
        else:
            write_lowdim_entry(
                target, name, place.timestep, view.camera.matrix, extrinsics[index], stamp_ns=entry.stamp_ns
            )


def _write_metadata(episode: Episode, told: dict[str, Any], folder: Path, *, instead: bool) -> None:
    content = json.loads(json.dumps(episode.metadata))
    content["synthesised"] = {**content.get("synthesised", {}), **told}
    if instead:
        content["origin"] = episode.path.resolve().name
    else:
        specific = content.setdefault("specific", {})
        specific["roles"] = {**specific.get("roles", {}), **dict.fromkeys(told, "synthesised")}
    (folder / "metadata.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
