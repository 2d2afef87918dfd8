"""What of episodes and their views must fit for one LeRobot dataset to hold them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.making import wanted_views
from anyview_ros.offline.augment.outputs.lerobot_views import camera_key
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.spool import SpooledView

Size = tuple[int, int]


@dataclass(frozen=True)
class ViewOutline:
    """What must fit of a view: its name, the camera that it is made from, and width and height of its pictures."""

    name: str
    source: str
    size: Size

    @classmethod
    def of(cls, view: SpooledView) -> ViewOutline:
        """Of a view that has been made."""
        return cls(view.name, view.source, view.camera.size)


def wanted_outlines(
    settings: AugmentSettings, source: str, sizes: Mapping[str, Size]
) -> Iterator[ViewOutline]:
    """The views that a run will make of an episode; nothing is drawn.

    Args:
        settings: of the run.
        source: name of the camera that they are made from.
        sizes: width and height of the pictures of the episode's cameras, by name.
    """
    for sampler, index in wanted_views(settings):
        like = sampler.sized_like(source)
        if like in sizes:  # the draw refuses views of cameras that are not there
            yield ViewOutline(sampler.view_name(index), source, sampler.settings.size_from(sizes[like]))


def check_views(
    views: Iterable[ViewOutline],
    episode: str,
    keys: Collection[str],
    sizes: Mapping[str, Size],
    *,
    instead: bool,
) -> None:
    """Refuse views for which there is no place.

    Args:
        views: of an episode.
        episode: its name, or its dataset's.
        keys: of its features.
        sizes: width and height of the pictures of its cameras, by name.
        instead: whether each view takes its source's place in a copy of the episode.

    Raises:
        InvalidInputError: a key that is taken, or pictures of another size than those whose place they take.
    """
    for view in views:
        key = camera_key(view.name)
        if view.source not in sizes:
            raise InvalidInputError(f"{episode} has no camera {view.source}, which {view.name} was made from")
        if not instead and key in keys:
            raise InvalidInputError(
                f"{episode} has a feature {key} already; give view {view.name} another name with name="
            )
        if instead and sizes[view.source] != view.size:
            (width, height), (whole_width, whole_height) = view.size, sizes[view.source]
            raise InvalidInputError(
                f"{view.name} is {width}x{height} but takes the place of {view.source}, whose pictures are "
                f"{whole_width}x{whole_height}; leave the size out, or add the view as a camera"
            )


@dataclass(frozen=True, eq=False)
class EpisodeOutline:
    """What the episodes of a dataset share.

    Attributes:
        episode: its name.
        rate: frames per second.
        features: by key, as info.json tells of them.
    """

    episode: str
    rate: Fraction
    features: Mapping[str, Mapping[str, Any]]

    def check_like(self, other: EpisodeOutline) -> None:
        """Refuse an episode that does not fit this one.

        Raises:
            InvalidInputError: another rate, or other features.
        """
        if other.rate != self.rate:
            raise InvalidInputError(
                f"{self.episode} has {float(self.rate):g} frames per second, {other.episode} {float(other.rate):g}; "
                "give one rate with the source option fps"
            )
        if types_of(other.features) != types_of(self.features):
            raise InvalidInputError(
                f"{self.episode} has the features {_told(self.features)}, {other.episode} {_told(other.features)}; one "
                "dataset needs the same in all episodes, so run them apart"
            )


def types_of(features: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """What episodes of one dataset share of features, by key, in whatever order these come: type, shape and names."""
    return {key: (each["dtype"], list(each["shape"]), each.get("names")) for key, each in features.items()}


def _told(features: Mapping[str, Mapping[str, Any]]) -> str:
    return ", ".join(f"{key} {list(each['shape'])}" for key, each in features.items())
