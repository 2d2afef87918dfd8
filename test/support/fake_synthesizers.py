"""A method small enough to watch: it says that it is a fake, works in steps, and waits where it is told to."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field

import numpy as np

from anyview_ros.clips import PosedClip
from anyview_ros.errors import SynthesisCancelled
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.synthesis import (
    MethodDescription,
    Provenance,
    SynthesisRequest,
    SynthesisResult,
    SynthesizedView,
)
from anyview_ros.synthesis.client import StreamFrame, StreamSpec

PATIENCE_S = 20.0
CAMERA = PinholeCamera(10.0, 10.0, 3.5, 1.5, 8, 4)
STEPS = 4


class Gate:
    """Holds whoever passes until it is opened; tells when somebody has come to it."""

    def __init__(self):
        self._condition = threading.Condition()
        self._free = 0
        self._come = 0
        self._always = True

    def shut(self):
        with self._condition:
            self._always = False

    def let(self, count=1):
        with self._condition:
            self._free += count
            self._condition.notify_all()

    def open(self):
        with self._condition:
            self._always = True
            self._condition.notify_all()

    def wait_for_visitors(self, count):
        with self._condition:
            assert self._condition.wait_for(lambda: self._come >= count, PATIENCE_S), (
                f"only {self._come} of {count} steps were begun"
            )

    def visitors(self):
        with self._condition:
            return self._come

    def enter(self):
        with self._condition:
            self._come += 1
            self._condition.notify_all()
            assert self._condition.wait_for(lambda: self._always or self._free > 0, PATIENCE_S), "gate shut"
            self._free -= not self._always


@dataclass(eq=False)
class FakeSynthesizer:
    """Paints every pixel of a view with the value of the newest source frame's first pixel.

    The log has ("request", seed) or ("frame", stamp_ns) for all work begun. ``raises`` maps a seed, or the stamp of a
    stream frame, to an error to raise.
    """

    clip_frames: tuple[int, int] = (1, 8)
    streams: bool = True
    looks_at_token: bool = True
    gate: Gate = field(default_factory=Gate)
    raises: dict[int, BaseException] = field(default_factory=dict)
    open_raises: BaseException | None = None
    log: list[tuple[str, int]] = field(default_factory=list)
    begun: queue.Queue[tuple[str, int]] = field(default_factory=queue.Queue)
    threads: set[int] = field(default_factory=set)
    open_streams: int = 0
    closed: threading.Event = field(default_factory=threading.Event)
    device: str = "fake:0"
    weights_hash: str = "f" * 64

    def describe(self):
        return MethodDescription(
            name="fake",
            summary="A fake for tests: paints one colour in four steps.",
            generative=False,
            clip_frames=self.clip_frames,
            streams=self.streams,
            default_steps=STEPS,
        )

    def synthesize(self, request, *, progress=None, cancel=None):
        self.threads.add(threading.get_ident())
        self.note("request", request.seed)
        for step in range(1, STEPS + 1):
            self.gate.enter()
            if self.looks_at_token and cancel is not None and cancel.is_set():
                raise SynthesisCancelled(f"the fake was cancelled before step {step} of {STEPS}")
            if request.seed in self.raises:
                raise self.raises[request.seed]
            if progress is not None:
                progress(step, STEPS)
        value = int(request.sources[0].frames[-1, 0, 0, 0])
        views = tuple(paint(target, value) for target in request.targets)
        return SynthesisResult(views, Provenance("fake", self.weights_hash, request.seed, STEPS))

    def note(self, kind, number):
        self.log.append((kind, number))
        self.begun.put((kind, number))

    def wait_for(self, kind, number):
        """Return once that work has begun; all work before it has ended."""
        while self.begun.get(timeout=PATIENCE_S) != (kind, number):
            pass

    def open_stream(self, source, targets, *, steps=None, seed=0, options=None):
        self.threads.add(threading.get_ident())
        self.gate.enter()
        if self.open_raises is not None:
            raise self.open_raises
        self.open_streams += 1
        return FakeStream(self, tuple(targets), seed)

    def close(self):
        self.closed.set()


class FakeStream:
    def __init__(self, owner, targets, seed):
        self._owner = owner
        self._targets = targets
        self.provenance = Provenance("fake", owner.weights_hash, seed, STEPS)

    def push(self, frame, camera_to_world, *, target_camera_to_world, stamp_ns, depth=None):
        self._owner.threads.add(threading.get_ident())
        self._owner.note("frame", stamp_ns)
        self._owner.gate.enter()
        if stamp_ns in self._owner.raises:
            raise self._owner.raises[stamp_ns]
        return tuple(
            None
            if pose is None
            else paint(CameraTrajectory(camera, pose[None], np.array([stamp_ns])), int(frame[0, 0, 0]))
            for camera, pose in zip(self._targets, target_camera_to_world, strict=True)
        )

    def close(self):
        self._owner.open_streams -= 1


def paint(target, value):
    count, height, width = len(target), target.camera.height, target.camera.width
    return SynthesizedView(
        frames=np.full((count, height, width, 3), value, np.uint8),
        camera=target.camera,
        camera_to_world=target.camera_to_world,
        stamps_ns=np.zeros(count, np.int64) if target.stamps_ns is None else target.stamps_ns,
        confidence=np.ones((count, height, width), np.float32),
    )


def request(seed=0, *, frames=1, value=None):
    """A request whose views are painted with ``value``, or else with its seed."""
    clip = PosedClip(
        np.full((frames, CAMERA.height, CAMERA.width, 3), seed if value is None else value, np.uint8),
        CAMERA,
        np.tile(np.eye(4), (frames, 1, 1)),
        np.arange(1, frames + 1),
    )
    return SynthesisRequest((clip,), (CameraTrajectory(CAMERA, np.eye(4)[None]),), seed=seed)


def spec(*names, **settings):
    return StreamSpec(CAMERA, dict.fromkeys(names or ("top",), CAMERA), **settings)


def stream_frame(stamp_ns, *names):
    image = np.full((CAMERA.height, CAMERA.width, 3), stamp_ns % 256, np.uint8)
    return StreamFrame(image, np.eye(4), stamp_ns, {name: np.eye(4) for name in names or ("top",)})
