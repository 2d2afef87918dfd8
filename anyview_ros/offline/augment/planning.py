"""The jobs of a run: one per episode, named, in an order that does not depend on how the inputs were listed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.source_episode import SourceEpisode
from anyview_ros.offline.picture_files import natural_order

_RESERVED = (".partial",)


@dataclass(frozen=True, eq=False)
class PlannedEpisode:
    """An episode that will be augmented.

    Attributes:
        name: in the output: the episode's own, unless another has it too.
        input: name of the input, and of the episode in it.
        episode: itself.
    """

    name: str
    input: str
    episode: SourceEpisode


@dataclass(frozen=True)
class Shard:
    """The share of a run that one of several machines does: every ``count``-th episode, from ``index`` on."""

    index: int
    count: int

    def __post_init__(self) -> None:
        if self.count < 1 or not 0 <= self.index < self.count:
            raise InvalidInputError(
                f"shard is {self.index}/{self.count}; give i/n with i from 0 to n-1, such as 0/4 to 3/4"
            )

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``i/n``.

        Raises:
            InvalidInputError: something else.
        """
        parts = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
        if parts is None:
            raise InvalidInputError(f"shard is {text!r}; give i/n with i from 0 to n-1, such as 0/4 to 3/4")
        return cls(int(parts[1]), int(parts[2]))

    def of(self, episodes: Sequence[PlannedEpisode]) -> list[PlannedEpisode]:
        """Its episodes."""
        return list(episodes[self.index :: self.count])

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def plan_episodes(episodes: Sequence[SourceEpisode]) -> list[PlannedEpisode]:
    """Name the episodes and put them in order.

    Episodes of the same name, of different inputs, get the names of their inputs before theirs; if those are the same
    too, as many folders above them as it takes.

    Raises:
        InvalidInputError: two episodes of one input with the same name, or a name that no file can have.
    """
    names = _names(episodes)
    planned = [
        PlannedEpisode(name, _input_name(episode), episode)
        for name, episode in zip(names, episodes, strict=True)
    ]
    return sorted(planned, key=lambda each: natural_order(each.name))


def choose_camera(episode: SourceEpisode, settings: AugmentSettings) -> str:
    """Name of the camera whose pictures the views are made from.

    Raises:
        InvalidInputError: the one asked for is not there or not usable, or none is; the message says why.
    """
    cameras = {camera.name: camera for camera in episode.cameras}
    if settings.camera:
        chosen = cameras.get(settings.camera)
        if chosen is None:
            raise InvalidInputError(
                f"episode {episode.name} has no camera {settings.camera!r}; it has {', '.join(cameras) or 'none'}"
            )
        if not chosen.usable:
            raise InvalidInputError(
                f"camera {chosen.name} of episode {episode.name} cannot be used: {chosen.reason}"
            )
        return chosen.name
    usable = [camera.name for camera in episode.cameras if camera.usable]
    if not usable:
        reasons = "; ".join(f"{camera.name}: {camera.reason}" for camera in episode.cameras)
        raise InvalidInputError(
            f"no camera of episode {episode.name} can be used: {reasons or 'it has none'}"
        )
    return usable[0]


def _names(episodes: Sequence[SourceEpisode]) -> list[str]:
    """Each episode's own name, with as many folders before it as make it unlike the others."""
    depth = 0
    names = [_safe(episode.name) for episode in episodes]
    while repeated := {name for name, count in Counter(names).items() if count > 1}:
        depth += 1
        longer = [
            _with_folders(episode, depth) if name in repeated else name
            for name, episode in zip(names, episodes, strict=True)
        ]
        if longer == names:
            name = min(repeated)
            where = " and ".join(str(e.path) for e, n in zip(episodes, names, strict=True) if n == name)
            raise InvalidInputError(f"several episodes are called {name}: {where}; rename one")
        names = longer
    return names


def _with_folders(episode: SourceEpisode, depth: int) -> str:
    parts = [part for part in episode.path.resolve().parts if part != "/"]
    if parts and parts[-1].partition(".")[0] == episode.name:
        parts.pop()
    return _safe("_".join([*parts[-depth:], episode.name]))


def _safe(name: str) -> str:
    plain = re.sub(r"[^\w.-]", "_", name)
    if plain.strip(".") == "" or plain.startswith(".") or plain.endswith(_RESERVED):
        raise InvalidInputError(f"an episode is called {name!r}, which cannot name a file; rename it")
    return plain


def _input_name(episode: SourceEpisode) -> str:
    own = episode.path.resolve().name
    return own if own.partition(".")[0] == episode.name else f"{own}/{episode.name}"
