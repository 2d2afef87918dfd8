"""What a run would do: a dry run's answer, for which nothing is synthesised and nothing written."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from anyview_ros.errors import ReadError
from anyview_ros.offline.augment.making import wanted_views
from anyview_ros.offline.augment.output_format import OutputFormat
from anyview_ros.offline.augment.planning import PlannedEpisode, choose_camera
from anyview_ros.offline.augment.records import read_record
from anyview_ros.offline.augment.run_place import RunPlace
from anyview_ros.offline.augment.settings import AugmentSettings


@dataclass(frozen=True)
class EpisodePreview:
    """What would be done of an episode.

    Attributes:
        episode: its name in the output.
        input: name of the input, and of the episode in it.
        kind: format of the input.
        camera: the source camera.
        frames: its pictures.
        width, height: of the views, pixels; the largest where they differ.
        rate_hz: of the source camera.
        views: names of the new cameras.
        part_bytes: upper guess of what it takes in the output.
        losses: what cannot be read of it.
        done: whether an unfinished run has done it, as far as its record tells.
    """

    episode: str
    input: str
    kind: str
    camera: str
    frames: int
    width: int
    height: int
    rate_hz: float
    views: tuple[str, ...]
    part_bytes: int
    losses: tuple[str, ...]
    done: bool


@dataclass(frozen=True)
class RunPreview:
    """What a run would do.

    Attributes:
        episodes: in the run's order.
        free_bytes: where the output would be.
    """

    episodes: tuple[EpisodePreview, ...]
    free_bytes: int

    @property
    def new_frames(self) -> int:
        """Pictures to be made, if none is refused."""
        return sum(len(each.views) * each.frames for each in self.episodes if not each.done)

    @property
    def output_bytes(self) -> int:
        """Upper guess of the output's size."""
        return sum(each.part_bytes for each in self.episodes)


def preview(
    episodes: Sequence[PlannedEpisode], settings: AugmentSettings, output_format: OutputFormat, output: Path
) -> RunPreview:
    """Find out what a run would do; the first draw of every view is made, so what cannot be drawn is refused here.

    Raises:
        AnyViewError: an episode that cannot be read or augmented so.
    """
    place = RunPlace(output)
    seen = tuple(_episode(planned, settings, output_format, place) for planned in episodes)
    folder = next(parent for parent in output.absolute().parents if parent.exists())
    return RunPreview(seen, shutil.disk_usage(folder).free)


def _episode(
    planned: PlannedEpisode, settings: AugmentSettings, output_format: OutputFormat, place: RunPlace
) -> EpisodePreview:
    episode = planned.episode
    camera = choose_camera(episode, settings)
    film = episode.film(camera)
    drawn = [
        sampler.draw(episode, film, index=index, seed=settings.seed)
        for sampler, index in wanted_views(settings)
    ]
    sizes = [view.target.trajectory.camera.size for view in drawn]
    width, height = max(sizes, key=lambda size: size[0] * size[1])
    frame_bytes = 3 * width * height
    return EpisodePreview(
        planned.name,
        planned.input,
        episode.kind,
        camera,
        len(film),
        width,
        height,
        film.rate_hz,
        tuple(view.name for view in drawn),
        output_format.bytes_needed(episode, frame_bytes, len(drawn) * len(film)),
        tuple(episode.losses),
        _is_recorded(place.jobs / planned.name),
    )


def _is_recorded(folder: Path) -> bool:
    try:
        read_record(folder)
    except ReadError:
        return False
    return True
