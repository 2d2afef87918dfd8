"""An EngineClient that does what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np

from anyview_ros.errors import AnyViewError, EngineUnavailableError
from anyview_ros.synthesis import (
    MethodDescription,
    Provenance,
    SynthesisRequest,
    SynthesisResult,
    SynthesizedView,
)
from anyview_ros.synthesis.by_products import ByProducts
from anyview_ros.synthesis.client import EngineDescription, StreamFrame, StreamOutcome, StreamSpec

PROVENANCE = Provenance("fake", "abc", 7, 4)


def grey_view(camera: Any, pose: np.ndarray, stamp_ns: int, level: int = 100) -> SynthesizedView:
    shape = (1, camera.height, camera.width)
    return SynthesizedView(
        frames=np.full((*shape, 3), level, np.uint8),
        camera=camera,
        camera_to_world=pose[None],
        stamps_ns=np.array([stamp_ns]),
        confidence=np.full(shape, 0.5, np.float32),
        depth=np.full(shape, 3.0, np.float32),
    )


class FakeStream:
    """Frames pushed are kept in `frames`; they are answered at once unless the engine is mute."""

    def __init__(
        self, engine: FakeEngine, spec: StreamSpec, on_outcome: Callable[[StreamOutcome], None]
    ) -> None:
        self.engine, self.spec, self.on_outcome = engine, spec, on_outcome
        self.frames: list[StreamFrame] = []
        self.closed = False

    def problem(self) -> str:
        return "closed" if self.closed else self.engine.stream_problem

    def push(self, frame: StreamFrame) -> int:
        self.frames.append(frame)
        if self.engine.push_error is not None:
            raise self.engine.push_error
        if not self.engine.mute:
            self.answer(frame)
        return len(self.frames)

    def answer(self, frame: StreamFrame) -> None:
        """Answer a frame as the engine's own thread would."""
        error = self.engine.outcome_error
        views = {
            name: grey_view(self.spec.targets[name], pose, frame.stamp_ns)
            for name, pose in frame.targets.items()
        }
        sequence = self.frames.index(frame)
        outcome = (
            StreamOutcome(sequence, frame.stamp_ns, error=error)
            if error
            else StreamOutcome(
                sequence,
                frame.stamp_ns,
                views,
                PROVENANCE,
                asked=frame.by_products,
                by_products=self.engine.by_products,
                by_products_error=self.engine.by_products_error,
            )
        )
        thread = threading.Thread(target=self.on_outcome, args=(outcome,))
        thread.start()
        thread.join()

    def lose(self, reason: str) -> None:
        self.closed = True
        self.on_outcome(StreamOutcome(-1, 0, error=reason))

    def rest(self, reason: str) -> None:
        self.closed = True
        self.on_outcome(StreamOutcome(-1, 0, error=reason, rested=True))

    def close(self) -> None:
        self.closed = True


class FakeJob:
    position = 0
    queue_ms = synthesis_ms = 0.0

    def __init__(self) -> None:
        self.future: Future[SynthesisResult] = Future()
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeEngine:
    """See the attributes: each may be set at any time."""

    def __init__(self, **method: Any) -> None:
        self.method = MethodDescription(
            **({"name": "fake", "summary": "A fake.", "generative": False} | method)
        )
        self.away = ""
        self.known = True
        self.max_request_bytes = 0
        self.stream_problem = ""
        self.mute = False
        self.outcome_error = ""
        self.push_error: AnyViewError | None = None
        self.by_products = ByProducts()
        self.by_products_error = ""
        self.streams: list[FakeStream] = []
        self.requests: list[SynthesisRequest] = []
        self.jobs: list[FakeJob] = []
        self.closed = False

    @property
    def stream(self) -> FakeStream:
        return self.streams[-1]

    @property
    def frames(self) -> list[StreamFrame]:
        return [frame for stream in self.streams for frame in stream.frames]

    def problem(self) -> str:
        return self.away

    def description(self) -> EngineDescription | None:
        limit = self.max_request_bytes
        return (
            EngineDescription(self.method, "fake server", "cpu", "abc", 0, 1, 0, 1, limit)
            if self.known
            else None
        )

    def open_stream(self, spec: StreamSpec, on_outcome: Callable[[StreamOutcome], None]) -> FakeStream:
        if self.away:
            raise EngineUnavailableError(self.away)
        self.streams.append(FakeStream(self, spec, on_outcome))
        return self.streams[-1]

    def submit(self, request: SynthesisRequest, **_: Any) -> FakeJob:
        self.requests.append(request)
        self.jobs.append(FakeJob())
        if not self.mute:
            (target,) = request.targets
            stamps = request.sources[0].stamps_ns if target.stamps_ns is None else target.stamps_ns
            view = grey_view(target.camera, target.camera_to_world[0], int(stamps[-1]))
            self.jobs[-1].future.set_result(SynthesisResult((view,), PROVENANCE))
        return self.jobs[-1]

    def close(self) -> None:
        self.closed = True
