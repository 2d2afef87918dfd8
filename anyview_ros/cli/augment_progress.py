"""What `anyview augment` shows while it works: bars for people, JSON lines for machines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from anyview_ros.errors import MissingDependencyError
from anyview_ros.offline.augment.events import (
    AssemblyBegun,
    EpisodeAdvanced,
    EpisodeBegun,
    EpisodeDone,
    EpisodeFailed,
    Event,
    Note,
    RunBegun,
    event_as_json,
)
from anyview_ros.wording import counted, noun_of

_LEAST_PERIOD_S = 1.0  # between two lines of one episode's advance


class Shown(Protocol):
    """Takes events until it is closed."""

    def __call__(self, event: Event, /) -> None:
        """Show an event."""
        ...

    def close(self) -> None:
        """Show nothing more."""
        ...


class JsonLines:
    """One line of JSON on standard output per event, of an episode's advance at most one per second."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def __call__(self, event: Event) -> None:
        """Print an event."""
        if isinstance(event, EpisodeAdvanced):
            now_s = time.monotonic()
            if now_s < self._next_s:
                return
            self._next_s = now_s + _LEAST_PERIOD_S
        print_json(event_as_json(event))

    def close(self) -> None:
        """Do nothing: every line is out already."""


def print_json(content: dict[str, Any]) -> None:
    """Print a line of JSON, at once."""
    print(json.dumps(content, sort_keys=True), flush=True)


def print_end(event: str, output: Path, counts: Mapping[str, Any], **more: Any) -> None:
    """Print the last line of JSON of a run, with what its output holds.

    Args:
        event: how the run ended.
        output: what it made.
        counts: totals, as the report gives them.
        **more: what else there is to say.
    """
    told = {name: counts[name] for name in ("episodes", "views", "kept", "refused", "frames", "bytes")}
    print_json({"event": event, "output": str(output), **more, **told})


class Lines:
    """A line per episode on standard error, with the remaining time: for logs, where bars would be a mess."""

    def __init__(self) -> None:
        self._episodes = self._ended = self._made = self._frames = 0
        self._began_s = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Print what has ended."""
        match event:
            case RunBegun():
                self._episodes = event.episodes
            case EpisodeDone():
                views = event.record.views
                self._ended += 1
                self._made += not event.reused
                self._frames += 0 if event.reused else sum(view.frames for view in views)
                kept = f"{sum(view.kept for view in views)} of {counted(len(views), 'view')} kept"
                self._line(
                    f"{event.record.episode}: {'done before' if event.reused else 'done'}, {kept}{self._pace()}"
                )
            case EpisodeFailed():
                self._ended += 1
                self._line(f"{event.episode}: failed: {event.reason}")
            case Note():
                self._line(f"note: {event.text}")
            case AssemblyBegun():
                self._line(f"putting {counted(event.episodes, 'episode')} together")
            case _:
                pass

    def close(self) -> None:
        """Do nothing: every line is out already."""

    def _pace(self) -> str:
        passed_s = time.monotonic() - self._began_s
        if not self._made or passed_s <= 0:
            return ""
        left_s = passed_s / self._ended * (self._episodes - self._ended)
        return f"; {self._frames / passed_s:.1f} frames/s, about {readable_time(left_s)} left"

    def _line(self, text: str) -> None:
        told = f"[{self._ended}/{self._episodes}] " if self._episodes else ""
        print(told + text, file=sys.stderr, flush=True)


def readable_time(seconds: float) -> str:
    """A time for people: 42 s, 3 min, 5.0 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


class Bars:
    """A bar of all episodes with the remaining time, and one of the episode at work with its frames per second."""

    def __init__(self) -> None:
        try:
            from tqdm import tqdm  # type: ignore[import-untyped]
        except ImportError as error:
            raise MissingDependencyError("progress is shown by tqdm; run `pip install tqdm`") from error

        self._tqdm: Any = tqdm
        self._all: Any = None
        self._bars: dict[str, Any] = {}
        self._frames = 0
        self._began_s = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Move the bars."""
        match event:
            case RunBegun():
                self._all = self._bar(event.episodes, "all episodes", "episode")
            case EpisodeBegun():
                self._end(event.episode)
                self._bars[event.episode] = self._bar(event.frames, event.episode, "frame")
            case EpisodeAdvanced():
                bar = self._bars[event.episode]
                bar.update(event.frames_done - bar.n)
            case EpisodeDone():
                self._end(event.record.episode)
                self._count(0 if event.reused else sum(view.frames for view in event.record.views))
            case EpisodeFailed():
                self._end(event.episode)
                self._count(0)
                self._line(f"{event.episode}: failed: {event.reason}")
            case Note():
                self._line(f"note: {event.text}")
            case AssemblyBegun():
                self._line(f"putting {counted(event.episodes, 'episode')} together")

    def close(self) -> None:
        """Remove the bars of episodes, and leave that of all."""
        for name in list(self._bars):
            self._end(name)
        if self._all is not None:
            self._all.close()

    def _bar(self, total: int, what: str, noun: str) -> Any:
        unit = noun_of(total, noun)
        shown = (
            "{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total} " + unit + " [{elapsed}<{remaining}{postfix}]"
        )
        if noun == "frame":
            shown = shown.replace("{postfix}", ", {rate_fmt}{postfix}")
        return self._tqdm(
            total=total,
            desc=what,
            unit=" frames",
            position=0 if self._all is None else 1,
            leave=self._all is None,
            dynamic_ncols=True,
            bar_format=shown,
        )

    def _count(self, frames: int) -> None:
        self._frames += frames
        rate = self._frames / max(1e-9, time.monotonic() - self._began_s)
        self._all.set_postfix_str(f"{rate:.1f} frames/s", refresh=False)
        self._all.update(1)

    def _end(self, episode: str) -> None:
        bar = self._bars.pop(episode, None)
        if bar is not None:
            bar.close()

    def _line(self, text: str) -> None:
        self._tqdm.write(text, file=sys.stderr)


def shown(*, as_json: bool) -> Shown:
    """What fits where the output goes: lines of JSON if asked for, bars on a terminal, else lines."""
    if as_json:
        return JsonLines()
    return Bars() if sys.stderr.isatty() else Lines()
