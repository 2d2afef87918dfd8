"""Bags as output: every original message untouched, and the new cameras' topics among them.

::

    add-camera       <episode>/                 a bag: metadata.yaml and one mcap file
    append-episode   <episode>/                 the bag with its own messages
                     <episode>__<view>/         a copy in which the view stands in the place of its source camera
                     augmentation.json          which bag each copy was made of

A new camera has the topics ``/<view>/image`` (or ``image/compressed``), ``camera_info``, ``provenance`` (String, JSON,
latched) and, if asked for, ``confidence`` (mono8, 255 = seen), and the TF frame ``<view>_optical_frame``: on /tf_static
if it stands still, else on /tf at the stamp of each picture. Its messages carry the stamp of the picture they were made
from, and its log time, just after it. What was done stands in the bag's custom data, under ``anyview_ros``.

In a copy, the view's pictures go out on the topics of the camera that it replaces, under a TF frame of their own; that
camera's other pictures and its depth are left out, since they show what is no longer there. All else is as recorded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.bag_episode import BagEpisode
from anyview_ros.offline.augment.output_format import Part
from anyview_ros.offline.augment.outputs.bag_part import write_bag
from anyview_ros.offline.augment.outputs.side_by_side import COPIES, ORIGINAL, copy_name, place_side_by_side
from anyview_ros.offline.augment.planning import choose_camera
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.source_episode import SourceEpisode
from anyview_ros.offline.augment.spool import SpooledView

_BYTES_BESIDE_A_PICTURE = 2048  # CameraInfo, TF, their records and index entries


class BagFormat:
    """Writes bags."""

    def __init__(self, settings: AugmentSettings) -> None:
        self._settings = settings

    def check(self, episodes: Sequence[SourceEpisode]) -> None:
        """Refuse episodes that are no bags.

        Raises:
            InvalidInputError: such an episode.
        """
        for episode in episodes:
            _bag_of(episode)

    def bytes_needed(self, episode: SourceEpisode, frame_bytes: int, frames: int) -> int:
        """The bag, once or once more per view, and the added pictures with what goes with them."""
        bag = _bag_of(episode)
        copies = 1
        if self._settings.mode == "append-episode":
            copies += math.ceil(frames / max(len(bag.film(choose_camera(bag, self._settings))), 1))
        added = frame_bytes * 4 // 3 if self._settings.confidence else frame_bytes
        return copies * bag.content_bytes + frames * (added + _BYTES_BESIDE_A_PICTURE)

    def write_part(self, episode: SourceEpisode, views: Sequence[SpooledView], folder: Path) -> None:
        """Write a bag and its views.

        Raises:
            ReadError: the bag is broken.
            InvalidInputError: no bag, or views that were not made of it.
        """
        bag = _bag_of(episode)
        appended = self._settings.mode == "append-episode"
        write_bag(bag, () if appended else views, folder / ORIGINAL, bag.name, self._settings)
        for view in views if appended else ():
            place = folder / COPIES / view.name
            write_bag(bag, (view,), place, copy_name(bag.name, view.name), self._settings, instead=True)

    def assemble(self, parts: Sequence[Part], output: Path) -> None:
        """Put all bags side by side.

        Raises:
            InvalidInputError: two bags of one name.
        """
        appended = self._settings.mode == "append-episode"
        place_side_by_side(parts, output, "bag", appended=appended)


def _bag_of(episode: SourceEpisode) -> BagEpisode:
    if not isinstance(episode, BagEpisode):
        raise InvalidInputError(
            f"{episode.name} is no bag (it is of kind {episode.kind}), so there are no messages to keep; choose "
            "--format episodes or lerobot"
        )
    return episode
