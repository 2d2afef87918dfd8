"""Small augmentations, run in this process or in one of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from clips import box_clip

from anyview_ros.methods.copy_source import CopySource
from anyview_ros.methods.reprojection import Reprojection
from anyview_ros.offline.augment.engines import LocalEngine
from anyview_ros.offline.augment.events import Event, Note
from anyview_ros.offline.augment.file_hashes import hashed_files
from anyview_ros.offline.augment.run import RunOptions, RunResult, run
from anyview_ros.offline.augment.settings import AugmentSettings, GuardSettings
from anyview_ros.offline.episode_writer import write_episode

ROOT = Path(__file__).resolve().parents[2]
PERIOD_NS = 100_000_000
ANY_VIEW = GuardSettings(min_coverage=None)
SETTINGS = AugmentSettings(
    ("vista_small", "camera:side"), format="episodes", method="reprojection", guard=ANY_VIEW
)

Tree = dict[str, tuple[int, str]]
"""Size and sha256 of files by path."""


def write_inputs(folder: Path, count: int = 3, frames: int = 3) -> Path:
    """Episodes of two cameras, with depth, each with pictures of its own."""
    for index in range(count):
        clips = {
            "front": box_clip(frames + index % 2, period_ns=PERIOD_NS),
            "side": box_clip(frames + index % 2, x=0.2, period_ns=PERIOD_NS),
        }
        write_episode(folder / f"episode_{index}", clips, roles={"front": "input"}, metadata={"index": index})
    return folder


def tree(folder: Path) -> Tree:
    """What an output is, byte for byte."""
    return hashed_files(folder)


@dataclass(eq=False)
class CountedMethod(Reprojection):
    """Reprojection that counts its streams, one for each episode and attempt, and can be told to cancel a run."""

    cancel: threading.Event = field(default_factory=threading.Event)
    cancel_at: int = -1
    streams: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def open_stream(self, *arguments: Any, **named: Any) -> Any:
        self.streams += 1
        if self.streams == self.cancel_at:
            self.cancel.set()
        return super().open_stream(*arguments, **named)


@dataclass
class Told:
    """What a run told."""

    events: list[Event] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    @property
    def notes(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Note)]


def augment(
    inputs: Path,
    output: Path,
    settings: AugmentSettings = SETTINGS,
    *,
    method: Any = None,
    told: Callable[[Event], None] | None = None,
    cancel: threading.Event | None = None,
    **options: Any,
) -> RunResult:
    """A run in this process."""
    loaded = method or (CopySource() if settings.method == "copy_source" else Reprojection())
    return run(
        [inputs],
        output,
        settings,
        lambda output_format: LocalEngine(settings, output_format, synthesizer=loaded),
        RunOptions(**options),
        report=told or Told(),
        cancel=cancel or getattr(method, "cancel", None) or threading.Event(),
    )


def command(inputs: Path, output: Path, *arguments: object) -> list[str]:
    """The command line of a run like ``augment``."""
    views = [word for view in SETTINGS.views for word in ("--views", view)]
    fixed = ["--method", "reprojection", "--format", "episodes", "--min-coverage", "none"]
    return ["augment", str(inputs), "--output", str(output), *views, *fixed, *map(str, arguments)]


def start(arguments: list[str], **named: Any) -> subprocess.Popen[str]:
    """``anyview`` in a process of its own, with its output piped."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "anyview_ros.cli.main", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **named,
    )


def spoil(file: Path) -> bytes:
    """Change a byte in the middle of a file, and give what it held before."""
    content = file.read_bytes()
    changed = np.frombuffer(content, np.uint8).copy()
    changed[len(changed) // 2] ^= 0xFF
    file.write_bytes(changed.tobytes())
    return content
