"""What a run tells while it works, for progress bars and for machines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from anyview_ros.offline.augment.records import JobRecord


@dataclass(frozen=True)
class RunBegun:
    """The work is known: how many episodes."""

    episodes: int


@dataclass(frozen=True)
class EpisodeBegun:
    """Views of an episode are being made: how many pictures."""

    episode: str
    frames: int


@dataclass(frozen=True)
class EpisodeAdvanced:
    """Pictures of an episode made so far; those of a step under way count in part, those of further draws do not."""

    episode: str
    frames_done: float


@dataclass(frozen=True)
class EpisodeDone:
    """An episode is written; ``reused`` if an earlier run has done so."""

    record: JobRecord
    reused: bool


@dataclass(frozen=True)
class EpisodeFailed:
    """An episode could not be done, and why."""

    episode: str
    reason: str


@dataclass(frozen=True)
class Note:
    """Something worth knowing: a finished part that is damaged and done again, a lock that is not to be had."""

    text: str


@dataclass(frozen=True)
class AssemblyBegun:
    """All episodes are done, and the output is being put together."""

    episodes: int


Event = RunBegun | EpisodeBegun | EpisodeAdvanced | EpisodeDone | EpisodeFailed | Note | AssemblyBegun
Report = Callable[[Event], None]

_NAMES: dict[type, str] = {
    RunBegun: "run_begun",
    EpisodeBegun: "episode_begun",
    EpisodeAdvanced: "episode_advanced",
    EpisodeDone: "episode_done",
    EpisodeFailed: "episode_failed",
    Note: "note",
    AssemblyBegun: "assembly_begun",
}


def event_as_json(event: Event) -> dict[str, Any]:
    """Plain values, with the name of the event under "event"."""
    name = _NAMES[type(event)]
    if isinstance(event, EpisodeDone):
        views = event.record.views
        return {
            "event": name,
            "episode": event.record.episode,
            "views_kept": sum(view.kept for view in views),
            "views_refused": sum(not view.kept for view in views),
            "frames": sum(view.frames for view in views if view.kept),
            "reused": event.reused,
        }
    return {"event": name, **asdict(event)}
