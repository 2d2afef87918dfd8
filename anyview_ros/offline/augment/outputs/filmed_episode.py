"""A bag or an episode of a dataset written as a release-format episode: its posed films, and views of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.outputs.camera_folders import (
    write_depth,
    write_lowdim_entry,
    write_picture,
    write_view_pictures,
)
from anyview_ros.offline.augment.outputs.marks import provenance_of
from anyview_ros.offline.augment.source_episode import SourceEpisode
from anyview_ros.offline.augment.spool import SpooledView
from anyview_ros.offline.posed_film import PosedFilm


def write_filmed_episode(
    episode: SourceEpisode, views: Sequence[SpooledView], folder: Path, *, instead: bool, confidence: bool
) -> None:
    """Write an episode's films and views of them.

    Timesteps count at the rate of the fastest camera from the first picture of any; where jitter would put two
    pictures of a camera on one, the later moves on. Exact instants stand in lowdim's ``stamp_ns``.

    Args:
        episode: any source.
        views: of the episode.
        folder: to write to.
        instead: whether a view takes the place of its source camera.
        confidence: whether the confidence is written beside each view.

    Raises:
        InvalidInputError: two cameras whose names become one, or a view without a source.
        ReadError: pictures that cannot be read.
    """
    films = {camera.name: episode.film(camera.name) for camera in episode.cameras if camera.usable}
    missing = sorted({view.source for view in views} - set(films))
    if missing:
        raise InvalidInputError(f"{episode.name} has no camera {missing[0]}, which views were made from")
    taken = {view.source for view in views} if instead else set()
    names = [view.source if instead else view.name for view in views]
    folders = _folder_names([*(name for name in films if name not in taken), *names], episode.name)
    clock = _Clock(films.values())
    for name, film in films.items():
        if name not in taken:
            _write_film(film, clock.timesteps(film.stamps_ns), folder, folders[name])
    for name, view in zip(names, views, strict=True):
        steps = clock.timesteps(view.stamps_ns)
        write_view_pictures(folder, folders[name], _keys(steps), view, confidence=confidence)
        _write_lowdim(folder, folders[name], steps, view.camera.matrix, view.camera_to_world, view.stamps_ns)
    told = {
        folders[name]: provenance_of(view) | ({"view": view.name} if instead else {})
        for name, view in zip(names, views, strict=True)
    }
    roles = {folders[name]: "input" for name in films if name not in taken}
    content: dict[str, Any] = {
        "fps": clock.rate_hz,
        "extrinsics": {"transform": "cam2world"},
        "specific": {"roles": roles | dict.fromkeys(told, "synthesised")},
        "source": {"kind": episode.kind, "name": episode.path.resolve().name, "episode": episode.name},
        "cameras": {written: name for name, written in folders.items()},
        "left_out": {camera.name: camera.reason for camera in episode.cameras if not camera.usable},
        "notes": {folders[name]: list(film.notes) for name, film in films.items() if name not in taken},
        **({"synthesised": told} if told else {}),
        **({"origin": episode.name} if instead else {}),
    }
    (folder / "metadata.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


class _Clock:
    """Timesteps that all cameras of an episode share."""

    def __init__(self, films: Iterable[PosedFilm]) -> None:
        known = list(films)
        self.rate_hz = round(max(film.rate_hz for film in known), 3)
        self._origin_ns = min(int(film.stamps_ns[0]) for film in known)

    def timesteps(self, stamps_ns: NDArray[np.int64]) -> list[int]:
        steps: list[int] = []
        for stamp in stamps_ns:
            step = round((int(stamp) - self._origin_ns) * self.rate_hz / 1e9)
            steps.append(max(step, steps[-1] + 1) if steps else step)
        return steps


def _folder_names(names: Sequence[str], episode: str) -> dict[str, str]:
    """Names of files by names of cameras."""
    made = {name: re.sub(r"\W+", "_", name.strip("/")) for name in names}
    if len(set(made.values())) != len(names):
        raise InvalidInputError(
            f"cameras of {episode} ({', '.join(names)}) would share a folder; name the views otherwise"
        )
    return made


def _keys(steps: Sequence[int]) -> list[str]:
    return [f"{step:010d}" for step in steps]


def _write_film(film: PosedFilm, steps: Sequence[int], folder: Path, name: str) -> None:
    for part in ("rgb", *(("depth",) if film.has_depth else ())):
        (folder / part / name).mkdir(parents=True)
    for key, frame in zip(_keys(steps), film.frames(range(len(film))), strict=True):
        write_picture(folder / "rgb" / name / f"{key}.png", frame.image)
        if frame.depth is not None:
            write_depth(folder / "depth" / name / f"{key}.png", frame.depth)
    _write_lowdim(folder, name, steps, film.camera.matrix, film.camera_to_world, film.stamps_ns)


def _write_lowdim(
    folder: Path,
    name: str,
    steps: Sequence[int],
    intrinsics: NDArray[np.float64],
    camera_to_world: NDArray[np.float64],
    stamps_ns: NDArray[np.int64],
) -> None:
    (folder / "lowdim" / name).mkdir(parents=True)
    for index, (key, step) in enumerate(zip(_keys(steps), steps, strict=True)):
        write_lowdim_entry(
            folder / "lowdim" / name / f"{key}.npz",
            name,
            step,
            intrinsics,
            camera_to_world[index],
            stamp_ns=int(stamps_ns[index]),
        )
