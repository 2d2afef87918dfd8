"""Release-format episodes as sources: see :mod:`anyview_ros.offline.episodes` for the layout."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import AnyViewError, ReadError
from anyview_ros.geometry import check_rigid, check_stamps, interpolate_poses
from anyview_ros.offline.augment.file_hashes import hashed_files
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.source_episode import EpisodeCamera
from anyview_ros.offline.augment.source_options import known_options
from anyview_ros.offline.episodes import Episode, constant_intrinsics, is_episode
from anyview_ros.offline.films import episode_film
from anyview_ros.offline.posed_film import PosedFilm


def open_release_episodes(path: str | Path, settings: AugmentSettings) -> list[ReleaseEpisode]:
    """Open an episode, or all episodes that a folder holds, by name.

    Args:
        path: an episode's folder, or a folder of such folders.
        settings: of the run; this reader has no ``source_options`` of its own.

    Raises:
        ReadError: neither, or an episode whose metadata cannot be used.
        InvalidInputError: ``source_options`` that nobody knows.
    """
    known_options(settings, "a release-format episode", ())
    path = Path(path)
    if is_episode(path):
        return [ReleaseEpisode(Episode.open(path))]
    folders = sorted(folder for folder in path.iterdir() if is_episode(folder)) if path.is_dir() else []
    if not folders:
        raise ReadError(
            f"{path} holds no episodes; give a folder with rgb/ and lowdim/ in it, or a folder of such folders"
        )
    return [ReleaseEpisode(Episode.open(folder)) for folder in folders]


class ReleaseEpisode:
    """A release-format episode as a source; its folder is ``path``, and ``episode`` is the episode as opened."""

    kind = "episode"
    losses: tuple[str, ...] = ()

    def __init__(self, episode: Episode) -> None:
        self.episode = episode
        self.path = episode.path
        self.name = re.sub(r"[^\w.-]", "_", episode.path.resolve().name)

    @cached_property
    def cameras(self) -> tuple[EpisodeCamera, ...]:
        """Its cameras, those with the role "input" first."""
        inputs = self.episode.with_role("input")
        names = (*inputs, *(name for name in self.episode.cameras if name not in inputs))
        return tuple(self._camera(name) for name in names)

    def _camera(self, name: str) -> EpisodeCamera:
        folder = self.path / "depth" / name
        has_depth = folder.is_dir() and any(folder.iterdir())
        try:
            if name not in self.episode.recorded:
                raise ReadError(f"the pictures of {name} are synthesised, not seen; choose a real camera")
            places = self.episode.places(name)
            constant_intrinsics([place.intrinsics for place in places], self.path, name)
            check_rigid(np.stack([place.camera_to_world for place in places]), name="extrinsics")
            check_stamps(np.array([place.stamp_ns for place in places], np.int64), len(places))
        except AnyViewError as error:
            return EpisodeCamera(name, usable=False, reason=str(error), has_depth=has_depth)
        return EpisodeCamera(name, has_depth=has_depth)

    def fingerprint(self) -> str:
        """sha256 of the names and the content of all its files, as they were when this was first asked."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        content = json.dumps(hashed_files(self.path), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def film(self, camera: str) -> PosedFilm:
        """A camera's pictures.

        Raises:
            ReadError: no such camera, or one whose poses or intrinsics cannot be used.
        """
        known = {each.name: each for each in self.cameras}
        if camera in known and not known[camera].usable:
            raise ReadError(f"camera {camera} of {self.path} cannot be used: {known[camera].reason}")
        return episode_film(self.episode, camera)

    def frame_to_world(self, frame: str, stamps_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Poses (N, 4, 4) of a camera of the episode, its only frames, at some instants.

        Raises:
            ReadError: no such camera, or an instant before its first or after its last picture.
        """
        if frame not in self.episode.cameras:
            raise ReadError(
                f"{self.path} knows no frame {frame!r}; its frames are its cameras: {', '.join(self.episode.cameras)}"
            )
        places = self.episode.places(frame)
        try:
            return interpolate_poses(
                np.array([place.stamp_ns for place in places], np.int64),
                np.stack([place.camera_to_world for place in places]),
                stamps_ns,
            )
        except AnyViewError as error:
            raise ReadError(f"where {frame} of {self.path} was is not known: {error}") from error

    def describe(self) -> Mapping[str, Any]:
        """Rate, duration, and the number of pictures and the role of each camera."""
        places = {name: self.episode.places(name) for name in self.episode.cameras}
        stamps = [place.stamp_ns for each in places.values() for place in each]
        return {
            "rate_hz": self.episode.rate_hz,
            "duration_s": (max(stamps) - min(stamps)) / 1e9,
            "cameras": {
                name: {"pictures": len(each), "role": self.episode.roles.get(name, "")}
                for name, each in places.items()
            },
        }
