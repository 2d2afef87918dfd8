"""What the commands that train have in common: arguments, the changes they make to settings, and progress lines."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO, TypeVar

from anyview_ros.errors import FilmingTimeout

if TYPE_CHECKING:
    from anyview_ros.training.network_trainer import NetworkTrainer
    from anyview_ros.training.run import Report, RunConfig

Config = TypeVar("Config", bound="RunConfig")
Command = Callable[[argparse.Namespace], int]


class Trainer(Protocol):
    """Whatever trains in steps."""

    @property
    def step(self) -> int:
        """Steps done."""
        ...

    def run(self, *, report: Report, time_limit_s: float) -> bool:
        """See :meth:`anyview_ros.training.run.TrainingRun.run`."""
        ...


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add those that every training of a network of ours takes."""
    add_place_and_time(parser)
    parser.add_argument("--steps", type=int, help="training steps in all (default: the configuration's)")
    parser.add_argument("--device", help="torch device, such as cpu or cuda:0 (default: the configuration's)")


def add_place_and_time(parser: argparse.ArgumentParser) -> None:
    """Add where a run lies and how long it may take."""
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="folder of the run and of its weights"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        help="stop so many after the command began, preparations counted; run again to go on (default: at the end)",
    )


def changed(config: Config, arguments: argparse.Namespace) -> Config:
    """The settings with ``--steps`` and ``--device`` in place of their own.

    Raises:
        InvalidInputError: a device that cannot be used, which is told before anything is filmed.
    """
    given = {name: getattr(arguments, name) for name in ("steps", "device")}
    settings = replace(config, **{name: value for name, value in given.items() if value is not None})
    settings.chosen_device()
    return settings


def time_is_up_at(arguments: argparse.Namespace) -> float:
    """When ``--minutes`` from now are up, on the clock of ``time.monotonic``: to be asked when a command begins."""
    return math.inf if arguments.minutes is None else time.monotonic() + 60 * arguments.minutes


def told_when_time_is_up(run: Command) -> Command:
    """A command that says so where ``--minutes`` are up before all is filmed, and then returns 1."""

    @wraps(run)
    def in_time(arguments: argparse.Namespace) -> int:
        try:
            return run(arguments)
        except FilmingTimeout as error:
            if sys.stderr.isatty():
                print(file=sys.stderr)  # leaves the line of what was being filmed
            print(f"{error}; run the same command again to go on")
            return 1

    return in_time


def trained(trainer: NetworkTrainer[Any], config: RunConfig, end_s: float) -> bool:
    """Train until the end or that time, tell what happens, and return whether the end was reached."""
    count = sum(p.numel() for p in trainer.network.parameters())
    print(f"{count / 1e6:.2f} M parameters on {trainer.device}, step {trainer.step} of {config.steps}")
    return run_shown(trainer, config.steps, end_s)


def run_shown(trainer: Trainer, steps: int, end_s: float) -> bool:
    """Do the steps there are until that time, show how they go, and return whether the end was reached."""
    line = ProgressLine(sys.stderr, trainer.step)
    finished = trainer.run(report=line.update, time_limit_s=end_s - time.monotonic())
    line.end()
    if not finished:
        print(f"stopped at step {trainer.step} of {steps}; run the same command again to go on")
    return finished


class _Line:
    """How much is done and the remaining time: one line that changes on a terminal, now and then a line elsewhere."""

    def __init__(self, stream: TextIO, first: int | None) -> None:
        self._stream, self._first = stream, first
        self._began = self._shown = time.monotonic()

    def show(self, done: int, total: int, said: str) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first, self._began = done, now
        live = self._stream.isatty()
        if now - self._shown < (0.2 if live else 10.0) and done < total:
            return
        self._shown = now
        since = done - self._first
        left = _clock((now - self._began) / since * (total - done)) if since > 0 else "?"
        filled = 30 * done // total
        text = f"[{'#' * filled}{'.' * (30 - filled)}] {done}/{total}  {said}  {left} left"
        self._stream.write(f"\r{text}" if live else f"{text}\n")
        self._stream.flush()

    def end(self) -> None:
        if self._stream.isatty():
            self._stream.write("\n")


class ProgressLine:
    """Steps done, loss and remaining time.

    Args:
        stream: where to write.
        first: step that the run begins at; None: what it tells first, as where a checkpoint is found on the way.
        smooth: whether the loss shown is a mean over the last fifty or so, for runs that tell each step's.
    """

    def __init__(self, stream: TextIO, first: int | None, *, smooth: bool = True) -> None:
        """Begin at ``first``."""
        self._line = _Line(stream, first)
        self._mean, self._share = math.nan, 0.02 if smooth else 1.0

    def update(self, step: int, total: int, loss: float) -> None:
        """Show that ``step`` of ``total`` steps are done."""
        before = loss if math.isnan(self._mean) else self._mean
        self._mean = before + self._share * (loss - before)
        self._line.show(step, total, f"loss {self._mean:.4f}")

    def end(self) -> None:
        """Leave the line."""
        self._line.end()


class FilmingLine:
    """What is being filmed, how much of it there is, and the remaining time; a line for each folder.

    Args:
        stream: where to write.
    """

    def __init__(self, stream: TextIO) -> None:
        """Begin with nothing."""
        self._stream = stream
        self._lines: dict[str, _Line] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show it; see ``FilmReport``."""
        line = self._lines.setdefault(what, _Line(self._stream, None))
        line.show(done, total, what)
        if done == total:
            line.end()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
