"""Source episodes held in memory: films of clips, and a TF frame that moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from filmed import moving_clip
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import ReadError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.offline.augment.source_episode import EpisodeCamera
from anyview_ros.offline.posed_film import FilmFrame, PosedFilm, even_stamps_ns


def film_of(clip: PosedClip, name: str, *, depth: bool = True) -> PosedFilm:
    """A clip as a film."""
    depths = clip.depth if depth else None

    def read(wanted: range) -> Iterator[FilmFrame]:
        for index in wanted:
            yield FilmFrame(clip.frames[index], None if depths is None else depths[index])

    return PosedFilm(
        name, clip.camera, clip.camera_to_world, clip.stamps_ns, read, has_depth=depths is not None
    )


def grey_film(
    count: int, *, camera: PinholeCamera | None = None, rate_hz: float = 10.0, name: str = "front"
) -> PosedFilm:
    """A film of a camera that stands still, whose frames are each of one grey, 0, 1, 2, …"""
    camera = camera or PinholeCamera.from_fov(16, 12, horizontal_fov_deg=60)

    def read(wanted: range) -> Iterator[FilmFrame]:
        for index in wanted:
            yield FilmFrame(np.full((camera.height, camera.width, 3), index % 256, np.uint8))

    stamps = even_stamps_ns(count, rate_hz) + 1_000_000_000
    return PosedFilm(name, camera, np.tile(np.eye(4), (count, 1, 1)), stamps, read)


@dataclass(frozen=True, eq=False)
class FilmedEpisode:
    """An episode of films; its frame ``wrist`` moves along x, ``base`` stands 0.2 m above the world's origin."""

    films: Mapping[str, PosedFilm]
    name: str = "episode_0"
    content: str = "0" * 64
    path: Path = Path("input")
    kind: str = "episode"
    losses: tuple[str, ...] = ()
    described: Mapping[str, Any] = field(default_factory=dict)
    world: NDArray[np.float64] = field(default_factory=lambda: np.eye(4))

    @property
    def cameras(self) -> tuple[EpisodeCamera, ...]:
        return tuple(EpisodeCamera(name, has_depth=film.has_depth) for name, film in self.films.items())

    def fingerprint(self) -> str:
        return self.content

    def film(self, camera: str) -> PosedFilm:
        if camera not in self.films:
            raise ReadError(f"no camera {camera}")
        film = self.films[camera]
        return replace(film, camera_to_world=self.world @ film.camera_to_world)

    def frame_to_world(self, frame: str, stamps_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        poses = np.tile(np.eye(4), (len(stamps_ns), 1, 1))
        if frame == "wrist":
            poses[:, 0, 3] = stamps_ns / 1e9
        elif frame == "base":
            poses[:, 2, 3] = 0.2
        else:
            raise ReadError(f"no frame {frame}; there are wrist and base")
        return self.world @ poses

    def describe(self) -> Mapping[str, Any]:
        return self.described


def robot_episode(**changed: Any) -> FilmedEpisode:
    """The simulated robot, seen by ``front`` and ``side``, with depth."""
    films = {"front": film_of(moving_clip(), "front"), "side": film_of(moving_clip(0.5), "side")}
    return FilmedEpisode(films, **changed)
