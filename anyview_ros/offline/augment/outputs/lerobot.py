"""LeRobot v3.0 datasets as output.

``add-camera``: the dataset with a video key ``observation.images.<view>`` per view. Every episode of a dataset has the
same keys: an episode in which the guard has left a view out is left out of the dataset, or, with the source option
``missing_view=camera``, that view is left out of all episodes.

``append-episode``: the dataset, followed by a copy of each episode for each of its views, in which the view's pictures
stand in the place of the source camera's.

Actions and states are those recorded, number for number. ``meta/augmentation.json`` tells which pictures are
synthesised and how, of which episode each was made, and what was left out and why. The bytes depend on the parts alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.lerobot_episode import LeRobotEpisode
from anyview_ros.offline.augment.output_format import Part
from anyview_ros.offline.augment.outputs.action_frame import check_action_frame
from anyview_ros.offline.augment.outputs.lerobot_assembly import Assembly, ReadPart
from anyview_ros.offline.augment.outputs.lerobot_fitting import (
    EpisodeOutline,
    ViewOutline,
    types_of,
    wanted_outlines,
)
from anyview_ros.offline.augment.outputs.lerobot_from_dataset import (
    check_dataset_views,
    original_bytes,
    picture_sizes,
    shared_bytes,
    write_dataset_part,
)
from anyview_ros.offline.augment.outputs.lerobot_from_films import (
    FilmOptions,
    plan_dataset,
    write_filmed_part,
)
from anyview_ros.offline.augment.outputs.lerobot_part import read_part_file
from anyview_ros.offline.augment.planning import choose_camera
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.source_episode import SourceEpisode
from anyview_ros.offline.augment.spool import SpooledView
from anyview_ros.offline.lerobot.parquet import pyarrow

MISSING_VIEW = ("episode", "camera")


class LeRobotFormat:
    """Writes LeRobot v3.0 datasets."""

    def __init__(self, settings: AugmentSettings) -> None:
        self._settings = settings
        self._appended = settings.mode == "append-episode"

    def check(self, episodes: Sequence[SourceEpisode]) -> None:
        """Refuse episodes and views that one dataset cannot hold, and actions in a camera's frame.

        Raises:
            InvalidInputError: different kinds of input, rates, features or robots; no usable camera; such actions;
                recordings that cannot be brought to one rate; views whose names are taken or whose size does not fit.
            ReadError: recordings that cannot be read.
            MissingDependencyError: pyarrow is not installed.
        """
        pyarrow()
        self._missing_view()
        options = FilmOptions.of(self._settings)
        kinds = {isinstance(episode, LeRobotEpisode) for episode in episodes}
        if len(kinds) > 1:
            raise InvalidInputError(
                "a LeRobot dataset is made of LeRobot datasets or of other recordings, not of both; run them apart"
            )
        for episode in episodes:
            if not any(camera.usable for camera in episode.cameras):
                reasons = "; ".join(f"{camera.name}: {camera.reason}" for camera in episode.cameras)
                raise InvalidInputError(f"{episode.name} has no camera that can be used: {reasons}")
        outlines = [self._planned(each) for each in episodes if not isinstance(each, LeRobotEpisode)]
        for outline in outlines[1:]:
            outlines[0].check_like(outline)
        datasets = {each.path: each for each in episodes if isinstance(each, LeRobotEpisode)}
        for first in datasets.values():
            dataset = first.dataset
            check_action_frame(dataset.features, options.action_frame, dataset.camera_keys, str(dataset.path))
            check_dataset_views(first, self._wanted(first, picture_sizes(first)), instead=self._appended)
        _check_alike(list(datasets.values()))

    def _planned(self, episode: SourceEpisode) -> EpisodeOutline:
        plan = plan_dataset(episode, self._settings)
        plan.check(episode.name, self._wanted(episode, plan.sizes), instead=self._appended)
        return EpisodeOutline(episode.name, plan.timeline.rate, plan.features)

    def _wanted(self, episode: SourceEpisode, sizes: Mapping[str, tuple[int, int]]) -> Iterator[ViewOutline]:
        return wanted_outlines(self._settings, choose_camera(episode, self._settings), sizes)

    def _missing_view(self) -> str:
        chosen = self._settings.source_options.get("missing_view", MISSING_VIEW[0])
        if chosen not in MISSING_VIEW:
            raise InvalidInputError(
                f"source option missing_view is {chosen!r}; choose one of {', '.join(MISSING_VIEW)}"
            )
        return chosen

    def bytes_needed(self, episode: SourceEpisode, frame_bytes: int, frames: int) -> int:
        """An upper guess of a part's size; encoded pictures are taken to need a byte per pixel at most."""
        added = frames * (frame_bytes // 2 + 1024)
        if isinstance(episode, LeRobotEpisode):
            copied = shared_bytes(episode) if self._appended else 0
            return original_bytes(episode) + copied + added
        films = [episode.film(camera.name) for camera in episode.cameras if camera.usable]
        recorded = sum(len(film) * (film.camera.width * film.camera.height + 1024) for film in films)
        return math.ceil(recorded) + added

    def write_part(self, episode: SourceEpisode, views: Sequence[SpooledView], folder: Path) -> None:
        """Write an episode and its views.

        Raises:
            ReadError: the episode turns out to be broken.
            InvalidInputError: views that do not fit the episode, or a bag that cannot be brought to one rate.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(episode, LeRobotEpisode):
            write_dataset_part(episode, views, folder, instead=self._appended)
        else:
            write_filmed_part(episode, views, folder, self._settings, instead=self._appended)

    def assemble(self, parts: Sequence[Part], output: Path) -> None:
        """Make one dataset of all parts.

        Raises:
            InvalidInputError: parts of different rates or features, or no episode with all views.
            ReadError: parts that are damaged.
        """
        known = [ReadPart(part.record, part.folder, read_part_file(part.folder)) for part in parts]
        Assembly(known, self._settings.mode, self._missing_view()).write(output)


def _check_alike(episodes: Sequence[LeRobotEpisode]) -> None:
    """See that datasets that become one have the same rate, robot and features."""
    for other in episodes[1:]:
        one, two = episodes[0].dataset, other.dataset
        if one.rate != two.rate:
            raise InvalidInputError(
                f"{one.path} has {one.rate} frames per second, {two.path} {two.rate}; run them apart"
            )
        if one.info.get("robot_type") != two.info.get("robot_type"):
            raise InvalidInputError(f"{one.path} and {two.path} are of different robots; run them apart")
        if types_of(one.features) != types_of(two.features):
            raise InvalidInputError(f"{one.path} and {two.path} have different features; run them apart")
