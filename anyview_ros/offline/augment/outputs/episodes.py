"""Release-format episodes as output: what was recorded, byte for byte, and the new cameras in the same layout.

::

    add-camera       <episode>/                 the episode with the new cameras beside its own
    append-episode   <episode>/                 the episode as it was
                     <episode>__<view>/         a copy in which the view stands in the place of its source camera
                     augmentation.json          which episode each copy was made of

``metadata.json`` keeps its entries and says in ``synthesised``, by camera, how each was made; their role is
"synthesised". Episodes of other formats are written with those cameras whose poses and intrinsics are known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.file_hashes import files_below
from anyview_ros.offline.augment.output_format import Part
from anyview_ros.offline.augment.outputs.filmed_episode import write_filmed_episode
from anyview_ros.offline.augment.outputs.released_episode import write_released_episode
from anyview_ros.offline.augment.outputs.side_by_side import COPIES, ORIGINAL, place_side_by_side
from anyview_ros.offline.augment.planning import choose_camera
from anyview_ros.offline.augment.release_episode import ReleaseEpisode
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.source_episode import SourceEpisode
from anyview_ros.offline.augment.spool import SpooledView


class EpisodesFormat:
    """Writes release-format episodes."""

    def __init__(self, settings: AugmentSettings) -> None:
        self._settings = settings

    def check(self, episodes: Sequence[SourceEpisode]) -> None:
        """Refuse episodes without a camera whose poses and intrinsics are known.

        Raises:
            InvalidInputError: such an episode.
        """
        for episode in episodes:
            if not any(camera.usable for camera in episode.cameras):
                reasons = "; ".join(f"{camera.name}: {camera.reason}" for camera in episode.cameras)
                raise InvalidInputError(f"{episode.name} has no camera that an episode can hold: {reasons}")

    def bytes_needed(self, episode: SourceEpisode, frame_bytes: int, frames: int) -> int:
        """The episode, once or once more per view, and the added pictures with their poses."""
        lengths = {camera.name: len(episode.film(camera.name)) for camera in episode.cameras if camera.usable}
        copies = 1
        if self._settings.mode == "append-episode":
            copies += math.ceil(frames / max(lengths[choose_camera(episode, self._settings)], 1))
        return copies * _original_bytes(episode, lengths) + frames * (frame_bytes + frame_bytes // 50 + 8192)

    def write_part(self, episode: SourceEpisode, views: Sequence[SpooledView], folder: Path) -> None:
        """Write an episode and its views.

        Raises:
            ReadError: the episode turns out to be broken.
            InvalidInputError: views that do not fit the episode.
        """
        appended = self._settings.mode == "append-episode"
        self._write(episode, () if appended else views, folder / ORIGINAL)
        for view in views if appended else ():
            self._write(episode, (view,), folder / COPIES / view.name, instead=True)

    def _write(
        self, episode: SourceEpisode, views: Sequence[SpooledView], folder: Path, *, instead: bool = False
    ) -> None:
        confidence = self._settings.confidence
        if isinstance(episode, ReleaseEpisode):
            write_released_episode(episode.episode, views, folder, instead=instead, confidence=confidence)
        else:
            write_filmed_episode(episode, views, folder, instead=instead, confidence=confidence)

    def assemble(self, parts: Sequence[Part], output: Path) -> None:
        """Put all episodes side by side.

        Raises:
            InvalidInputError: two episodes of one name.
        """
        appended = self._settings.mode == "append-episode"
        place_side_by_side(parts, output, "episode", appended=appended)


def _original_bytes(episode: SourceEpisode, lengths: dict[str, int]) -> int:
    if isinstance(episode, ReleaseEpisode):
        return sum(file.stat().st_size for file in files_below(episode.path))
    total = 0
    for name, length in lengths.items():
        film = episode.film(name)
        pixels = film.camera.width * film.camera.height
        total += length * (pixels * (5 if film.has_depth else 3) * 51 // 50 + 8192)
    return total
