"""One stream to an engine, kept open: opened when wanted, opened anew when lost or when its cameras change."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import AnyViewError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.letterbox import Letterbox
from anyview_ros.nodes.virtual_camera.fitting import target_fit
from anyview_ros.nodes.virtual_camera.picture import Picture
from anyview_ros.synthesis.by_products import ByProduct
from anyview_ros.synthesis.client import EngineClient, StreamFrame, StreamHandle, StreamOutcome, StreamSpec

_RETRY_S = 0.5
_LONGEST_WAIT_S = 3600.0  # for an answer, however often it was waited for in vain


@dataclass(frozen=True)
class StreamPlan:
    """What a stream is opened for; another plan takes another stream.

    Attributes:
        source: intrinsics of the source frames.
        wanted: the published intrinsics of every virtual camera, by name.
        source_has_depth: whether frames carry depth.
        steps, seed, options: as in SynthesisRequest.
        rate_hz: views per second of the camera that wants most.
    """

    source: PinholeCamera
    wanted: Mapping[str, PinholeCamera]
    source_has_depth: bool
    steps: int | None
    seed: int
    options: Mapping[str, Any] | None
    rate_hz: float | None = None


@dataclass(frozen=True, eq=False)
class Answer:
    """An outcome of the engine with what is needed to publish it.

    Attributes:
        outcome: of a frame.
        fits: how the published pictures lie in those of the engine, by virtual camera.
        fallback: whether the fallback answers.
        is_current: whether the stream has not been given up since; safe between threads.
    """

    outcome: StreamOutcome
    fits: Mapping[str, Letterbox]
    fallback: bool
    is_current: Callable[[], bool]


class StreamKeeper:
    """Pushes frames into a stream of ``client`` and keeps that stream alive.

    ``push``, ``abandon`` and ``close`` are for one thread. Answers of a stream that was given up are ignored.

    Args:
        client: the engine.
        name: who asks, for the engine's fairness and diagnostics.
        answer_timeout_s: gives the time without an answer after which the stream counts as lost; the next one is given
            twice as long, so that a first view that takes long is shown in the end.
        fallback: marks the answers.
        on_answer: called on a thread of the client with what became of each frame.
    """

    def __init__(
        self,
        client: EngineClient,
        name: str,
        *,
        answer_timeout_s: Callable[[], float],
        on_answer: Callable[[Answer], None],
        fallback: bool = False,
    ) -> None:
        self._client = client
        self._name = name
        self._answer_timeout_s = answer_timeout_s
        self._on_answer = on_answer
        self._fallback = fallback
        self._plan: StreamPlan | None = None
        self._fits: dict[str, Letterbox] = {}
        self._handle: StreamHandle | None = None
        self._retry_at_s = 0.0
        self._newest_ns = 0
        self._lock = threading.Lock()
        self._generation = 0
        self._lost = ""
        self._rested = False
        self._patience = 1.0  # times answer_timeout_s
        self._trouble = ""
        self._unanswered_since_s: float | None = None
        self._blocked_since_s: float | None = None
        self._dropped = 0

    @property
    def frames_replaced(self) -> int:
        """Frames of the present stream that gave way to newer ones before they were begun."""
        with self._lock:
            return self._dropped

    def push(
        self,
        plan: StreamPlan,
        picture: Picture,
        pose: NDArray[np.float64],
        stamp_ns: int,
        targets: Mapping[str, Any],
        by_products: frozenset[ByProduct] = frozenset(),
    ) -> str:
        """Push one frame, opening the stream first where there is none.

        A frame older than one pushed before, as when its TF came late, is passed over: engines take frames in order.

        Returns:
            "" if the frame is on its way or passed over, else why it is not.
        """
        self._drop_if_lost()
        if self._handle is not None and plan != self._plan:
            self.abandon()
        if self._handle is None:
            self._open(plan)
        if self._handle is None:
            return self._trouble
        problem = self._client.problem() or self._blocked()
        if problem or self._handle is None:
            return problem
        if stamp_ns <= self._newest_ns:
            return ""
        try:
            self._handle.push(StreamFrame(picture.frame, pose, stamp_ns, targets, picture.depth, by_products))
        except AnyViewError as error:
            self._give_up(str(error))
            return self._trouble
        self._newest_ns = stamp_ns
        with self._lock:
            if targets and self._unanswered_since_s is None:
                self._unanswered_since_s = time.monotonic()
        return ""

    def _blocked(self) -> str:
        """Why the stream takes no frames, or ""; one that takes none for too long is given up."""
        problem = "" if self._handle is None else self._handle.problem()
        now_s = time.monotonic()
        if not problem:
            self._blocked_since_s = None
        elif self._blocked_since_s is None:
            self._blocked_since_s = now_s
        elif now_s - self._blocked_since_s > self._answer_timeout_s():
            self._give_up(problem)
        return problem

    def _drop_if_lost(self) -> None:
        with self._lock:
            lost, rested, silent_s, patience = self._lost, self._rested, self._waited_s(), self._patience
        timeout_s = self._answer_timeout_s()
        if self._handle is None:
            return
        if rested:
            self.abandon()
        elif lost:
            self._give_up(lost)
        elif silent_s > min(patience * timeout_s, _LONGEST_WAIT_S):
            with self._lock:
                self._patience = 2 * patience
            self._give_up(
                f"the engine has not answered for {silent_s:.1f} s (answer_timeout_s is {timeout_s:g}); the stream is "
                "opened anew and given twice as long: raise answer_timeout_s, or ask for fewer steps or smaller views"
            )

    def _open(self, plan: StreamPlan) -> None:
        problem = self._client.problem()
        description = self._client.description()
        if problem or description is None or time.monotonic() < self._retry_at_s:
            self._trouble = problem or self._trouble or "the engine has not described itself yet"
            return
        sizes = description.method.sizes
        self._fits = {name: target_fit(camera, sizes) for name, camera in plan.wanted.items()}
        spec = StreamSpec(
            source=plan.source,
            targets={name: fit.camera for name, fit in self._fits.items()},
            source_has_depth=plan.source_has_depth,
            steps=plan.steps,
            seed=plan.seed,
            options=plan.options,
            client=self._name,
            rate_hz=plan.rate_hz,
        )
        with self._lock:
            self._generation += 1
            generation = self._generation
            self._lost, self._rested, self._unanswered_since_s, self._dropped = "", False, None, 0
        try:
            self._handle = self._client.open_stream(spec, partial(self._take, generation, self._fits))
        except AnyViewError as error:
            self._give_up(str(error))
            return
        self._plan, self._trouble, self._newest_ns = plan, "", 0

    def _take(self, generation: int, fits: Mapping[str, Letterbox], outcome: StreamOutcome) -> None:
        with self._lock:
            if generation != self._generation:
                return
            if outcome.rested:
                self._rested = True
                return
            if outcome.sequence < 0:
                self._lost = outcome.error or "the stream was lost"
            elif self._waited_s() <= self._answer_timeout_s():
                self._patience = 1.0
            self._unanswered_since_s = None
            self._dropped = outcome.dropped
        self._on_answer(Answer(outcome, fits, self._fallback, partial(self._is_current, generation)))

    def _waited_s(self) -> float:
        """Seconds since the first frame that is not answered; 0 if none is. Called with the lock held."""
        return 0.0 if self._unanswered_since_s is None else time.monotonic() - self._unanswered_since_s

    def _is_current(self, generation: int) -> bool:
        with self._lock:
            return generation == self._generation

    def _give_up(self, trouble: str) -> None:
        self.abandon()
        self._trouble = trouble
        self._retry_at_s = time.monotonic() + _RETRY_S

    def abandon(self) -> None:
        """Close the stream, if any; the next push opens another."""
        with self._lock:
            self._generation += 1
            self._lost, self._rested, self._unanswered_since_s = "", False, None
        self._blocked_since_s = None
        handle, self._handle, self._plan = self._handle, None, None
        if handle is not None:
            handle.close()

    def close(self) -> None:
        """Close the stream for good; the client stays open."""
        self.abandon()
