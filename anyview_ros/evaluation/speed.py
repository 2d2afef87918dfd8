"""How fast a method is and what memory it takes, over window length, number of targets and size of the pictures.

Machines are noisy. Cases are therefore measured in rounds, one after the other, and what is told first is the least of
the rounds; compare ratios of two cases, or of the same case in two runs, rather than times.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np

from anyview_ros.clips import PosedClip
from anyview_ros.clips.resizing import resize_clip
from anyview_ros.errors import AnyViewError, ClipNotReadyError, InvalidInputError
from anyview_ros.evaluation.memory_use import MemoryUse, measured_memory
from anyview_ros.geometry import CameraTrajectory, PinholeCamera, look_at
from anyview_ros.scenes import render_clip, simulated_robot
from anyview_ros.synthesis import MethodDescription, SynthesisRequest, Synthesizer
from anyview_ros.synthesis.failures import synthesized, telling_failures

RATE_HZ = 10.0
"""Frames per second of the source, in which seconds of video are counted."""

_FILMED_WIDTH = 96  # pixels: sources are filmed small and enlarged, since only their sizes matter here
_ORBIT_DEG = 12.0


@dataclass(frozen=True, order=True)
class SpeedCase:
    """What is asked: so many source frames, so many targets of one view per frame, so large."""

    frames: int = 1
    targets: int = 1
    size: tuple[int, int] = (192, 144)

    def __post_init__(self) -> None:
        if min(self.frames, self.targets, *self.size) < 1:
            raise InvalidInputError(
                f"frames is {self.frames}, targets {self.targets}, size {self.size}; give 1 or more of each"
            )

    @property
    def views(self) -> int:
        """Views made by one request."""
        return self.frames * self.targets

    def __str__(self) -> str:
        return f"{self.frames} frames, {self.targets} targets, {self.size[0]}x{self.size[1]}"


@dataclass(frozen=True)
class Timing:
    """Seconds: the least, the median, and of how many."""

    best_s: float
    median_s: float
    count: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Timing | None:
        """None for no times."""
        return cls(min(seconds), median(seconds), len(seconds)) if seconds else None


@dataclass(frozen=True)
class CaseSpeed:
    """What one case took.

    Attributes:
        case: what was asked.
        first_s: the first request, with whatever it warms up.
        request: later requests; None if the method refused the case.
        cpu: processor time of these in all threads, which other work on the machine disturbs less.
        step: between two of the method's reports of progress; None where it makes fewer than two steps.
        steps: as the method reports them.
        memory: what the first request added.
        stream: of one frame pushed into a stream with as many targets, views made; None where this was not measured.
        refused: why the method did not do it; "" if it did.
    """

    case: SpeedCase
    first_s: float | None = None
    request: Timing | None = None
    cpu: Timing | None = None
    step: Timing | None = None
    steps: int = 0
    memory: MemoryUse | None = None
    stream: Timing | None = None
    refused: str = ""

    @property
    def per_view_s(self) -> float | None:
        """Seconds of the best request for each view."""
        return None if self.request is None else self.request.best_s / self.case.views

    @property
    def per_video_second_s(self) -> float | None:
        """Seconds of the best request for each second of video of one target; below 1 it keeps up."""
        return None if self.per_view_s is None else self.per_view_s * RATE_HZ

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        derived = {"per_view_s": self.per_view_s, "per_video_second_s": self.per_video_second_s}
        return {**asdict(self), "case": {**asdict(self.case), "size": list(self.case.size)}, **derived}


@dataclass(frozen=True)
class SpeedSettings:
    """How cases are measured.

    Attributes:
        rounds: requests timed for each case, after one that is not.
        steps, seed, options: as in SynthesisRequest.
        stream: whether streams are measured too.
        pushes: frames pushed into a stream, of which the first makes no figure.
        depth: whether sources have depth, for methods that use it.
    """

    rounds: int = 5
    steps: int | None = None
    seed: int = 0
    options: Any = None
    stream: bool = True
    pushes: int = 6
    depth: bool = True

    def __post_init__(self) -> None:
        if self.rounds < 1 or self.pushes < 2:
            raise InvalidInputError(f"rounds is {self.rounds}, pushes {self.pushes}; give 1 and 2 or more")


def sweep(frames: Sequence[int], targets: Sequence[int], sizes: Sequence[tuple[int, int]]) -> list[SpeedCase]:
    """Cases that differ from the first of each list in one thing at a time, the first of all included.

    Raises:
        InvalidInputError: an empty list, or a number below 1.
    """
    if not (frames and targets and sizes):
        raise InvalidInputError("give at least one number of frames, one of targets and one size")
    base = SpeedCase(frames[0], targets[0], sizes[0])
    cases = [base]
    cases += [SpeedCase(count, base.targets, base.size) for count in frames[1:]]
    cases += [SpeedCase(base.frames, count, base.size) for count in targets[1:]]
    cases += [SpeedCase(base.frames, base.targets, size) for size in sizes[1:]]
    return list(dict.fromkeys(cases))


def measure(
    synthesizer: Synthesizer,
    cases: Sequence[SpeedCase],
    settings: SpeedSettings,
    *,
    report: Callable[[float, str], None] | None = None,
) -> list[CaseSpeed]:
    """Measure each case; the rounds of all cases take turns, so that a busy minute falls on all of them.

    Args:
        synthesizer: the loaded method.
        cases: what to ask.
        settings: how.
        report: told the requests done, and what is being done; see :func:`requests_of`.
    """
    tell = report or (lambda _done, _what: None)
    done = 0
    runs: list[_Run] = []
    for case in cases:
        tell(done, str(case))
        runs.append(_Run.begin(synthesizer, case, settings))
        done += 1
    for round_number in range(settings.rounds):
        for run in runs:
            tell(done, f"round {round_number + 1}: {run.case}")
            run.time(synthesizer)
            done += 1
    found = []
    for run in runs:
        tell(done, f"stream: {run.case}")
        found.append(run.finished(synthesizer, settings))
        done += 1
    tell(done, "")
    return found


def requests_of(cases: Sequence[SpeedCase], settings: SpeedSettings) -> int:
    """What :func:`measure` counts up to."""
    return len(cases) * (settings.rounds + 2)


class _Run:
    """A case under way."""

    def __init__(self, case: SpeedCase, request: SynthesisRequest | None, refused: str = "") -> None:
        self.case, self.request, self.refused = case, request, refused
        self.first_s: float | None = None
        self.memory: MemoryUse | None = None
        self.seconds: list[float] = []
        self.cpu_seconds: list[float] = []
        self.step_seconds: list[float] = []
        self.steps = 0

    @classmethod
    def begin(cls, synthesizer: Synthesizer, case: SpeedCase, settings: SpeedSettings) -> _Run:
        try:
            run = cls(case, make_request(synthesizer.describe(), case, settings))
            with measured_memory() as memory:
                run.first_s = run._once(synthesizer)
            run.memory = memory()
        except AnyViewError as error:
            return cls(case, None, str(error))
        run.step_seconds.clear()
        return run

    def time(self, synthesizer: Synthesizer) -> None:
        if self.request is None:
            return
        before = time.process_time()
        try:
            self.seconds.append(self._once(synthesizer))
        except AnyViewError as error:
            self.request, self.refused = None, str(error)
            return
        self.cpu_seconds.append(time.process_time() - before)

    def finished(self, synthesizer: Synthesizer, settings: SpeedSettings) -> CaseSpeed:
        if self.request is None:
            return CaseSpeed(self.case, refused=self.refused)
        try:
            stream = _stream_timing(synthesizer, self.request, settings) if settings.stream else None
        except AnyViewError as error:
            return CaseSpeed(self.case, refused=str(error))
        return CaseSpeed(
            self.case,
            self.first_s,
            Timing.of(self.seconds),
            Timing.of(self.cpu_seconds),
            Timing.of(self.step_seconds),
            self.steps,
            self.memory,
            stream,
        )

    def _once(self, synthesizer: Synthesizer) -> float:
        assert self.request is not None  # noqa: S101 - callers look first
        last = [time.perf_counter()]

        def progress(step: int, total: int) -> None:
            now = time.perf_counter()
            if step > 1:
                self.step_seconds.append(now - last[0])
            last[0], self.steps = now, total

        begun = time.perf_counter()
        synthesized(synthesizer, self.request, progress=progress)
        return time.perf_counter() - begun


def make_request(
    description: MethodDescription, case: SpeedCase, settings: SpeedSettings
) -> SynthesisRequest:
    """The simulated robot, filmed from its front, and targets in a row to its right, looking at the same point."""
    wants_depth = settings.depth and (description.uses_depth or description.needs_depth)
    source = _source(case.frames, case.size, depth=wants_depth)
    return SynthesisRequest(
        (source,) * description.source_count[0],
        tuple(_target(source, index) for index in range(case.targets)),
        steps=settings.steps,
        seed=settings.seed,
        options=settings.options,
    )


def _source(frames: int, size: tuple[int, int], *, depth: bool) -> PosedClip:
    world = simulated_robot()
    height = max(1, round(_FILMED_WIDTH * size[1] / size[0]))
    camera = PinholeCamera.from_fov(_FILMED_WIDTH, height, horizontal_fov_deg=58)
    clip = render_clip(world, camera, "front", np.arange(1, frames + 1) / RATE_HZ)
    if not depth:
        clip = PosedClip(clip.frames, clip.camera, clip.camera_to_world, clip.stamps_ns)
    return resize_clip(clip, size)


def _target(source: PosedClip, index: int) -> CameraTrajectory:
    """The source camera swung by 12 degrees and more about what it looks at."""
    pose = source.camera_to_world[0]
    pivot = pose[:3, 3] + pose[:3, 2] * 1.5
    angle = math.radians(_ORBIT_DEG * (index + 1))
    turn = np.array(
        [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]]
    )
    eye = pivot + turn @ (pose[:3, 3] - pivot)
    poses = np.broadcast_to(look_at(eye, pivot), (len(source), 4, 4))
    return CameraTrajectory(source.camera, poses, source.stamps_ns)


def _stream_timing(
    synthesizer: Synthesizer, request: SynthesisRequest, settings: SpeedSettings
) -> Timing | None:
    """Seconds of a push that made views; None if none did."""
    source = request.sources[0]
    seconds: list[float] = []
    fewest = synthesizer.describe().clip_frames[0]
    with synthesizer.open_stream(
        source.camera,
        [target.camera for target in request.targets],
        steps=settings.steps,
        seed=settings.seed,
        options=settings.options,
    ) as stream:
        for index, stamp_ns in enumerate(_stamps(fewest - 1 + settings.pushes)):
            frame = index % len(source)
            depth = None if source.depth is None else source.depth[frame]
            begun = time.perf_counter()
            try:
                with telling_failures(synthesizer, "a pushed frame"):
                    stream.push(
                        source.frames[frame],
                        source.camera_to_world[frame],
                        target_camera_to_world=[target.camera_to_world[0] for target in request.targets],
                        stamp_ns=stamp_ns,
                        depth=depth,
                    )
            except ClipNotReadyError:
                continue  # the window is not full yet
            seconds.append(time.perf_counter() - begun)
    return Timing.of(seconds[1:])


def _stamps(count: int) -> Iterator[int]:
    yield from (round((index + 1) * 1e9 / RATE_HZ) for index in range(count))
