"""Source episodes that are only a name and a place, for tests of what happens before any is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anyview_ros.offline.augment.source_episode import EpisodeCamera


@dataclass(frozen=True, eq=False)
class NamedEpisode:
    """As much of an episode as planning looks at."""

    name: str
    path: Path
    cameras: tuple[EpisodeCamera, ...] = (EpisodeCamera("front"),)
    kind: str = "episode"
    losses: tuple[str, ...] = ()
