"""One request on its way through an engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from enum import Enum
from threading import Condition

from anyview_ros.errors import SynthesisTimeout
from anyview_ros.synthesis.protocol import Progress
from anyview_ros.synthesis.request import SynthesisRequest
from anyview_ros.synthesis.result import SynthesisResult


class JobEnd(Enum):
    """How a request ended; the value names the counter."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


class Job:
    """A request that waits, runs or has ended: the SynthesisJob of an engine in this process.

    It is also the cancel token of its request: set once it was cancelled, its time is up, or its engine
    closes.

    Args:
        request: what to synthesise.
        client: who asks.
        timeout_s: time limit from now, waiting included; None for none.
        progress: told after each step, on the engine's callback thread.
        lock: the engine's.
        cancel: called without the lock to cancel this job.
        position: called with the lock held; requests ahead of this job.
    """

    def __init__(
        self,
        request: SynthesisRequest,
        client: str,
        timeout_s: float | None,
        progress: Progress | None,
        *,
        lock: Condition,
        cancel: Callable[[Job], None],
        position: Callable[[Job], int],
    ) -> None:
        """Start the clock of a new job."""
        self.request = request
        self.client = client
        self.timeout_s = timeout_s
        self.progress = progress
        self.submitted_s = time.monotonic()
        self.begun_s: float | None = None
        self.left_s: float | None = None
        self.ended = False
        self.cancel_requested = False
        self.steps: tuple[int, int] | None = None
        self.steps_lost = 0  # done in a batch that came to nothing
        self._lock = lock
        self._cancel = cancel
        self._position = position
        self._future: Future[SynthesisResult] = Future()
        self._future.set_running_or_notify_cancel()  # from here on only cancel() of the job ends it early

    @property
    def future(self) -> Future[SynthesisResult]:
        """Ends with the result or an AnyViewError; its callbacks run on the engine's callback thread.

        Its own ``cancel`` does nothing; use that of the job.
        """
        return self._future

    @property
    def position(self) -> int:
        """Requests ahead of this one in the queue; 0 once it runs."""
        with self._lock:
            return self._position(self)

    @property
    def queue_ms(self) -> float:
        """Time spent waiting in the queue so far, or in all once begun."""
        end = next((at for at in (self.begun_s, self.left_s) if at is not None), time.monotonic())
        return (end - self.submitted_s) * 1e3

    @property
    def synthesis_ms(self) -> float:
        """Time spent by the method so far, or in all once ended."""
        if self.begun_s is None:
            return 0.0
        return ((time.monotonic() if self.left_s is None else self.left_s) - self.begun_s) * 1e3

    def cancel(self) -> None:
        """Ask for the end: at once if it waits, between two steps if it runs. Harmless once ended."""
        self._cancel(self)

    def step(self, step: int, total: int) -> tuple[int, int]:
        """Note that a step is done; returns steps done and in all, those that were lost included."""
        self.steps = (self.steps_lost + step, self.steps_lost + total)
        return self.steps

    def begin_again(self) -> None:
        """Note that the steps done so far were for nothing; progress does not run back."""
        self.steps_lost = 0 if self.steps is None else self.steps[0]

    def is_set(self) -> bool:
        """Whether the method should stop."""
        return self.ended or self.cancel_requested or self.remaining_s() <= 0

    def remaining_s(self) -> float:
        """Time left until the limit; infinite without one."""
        if self.timeout_s is None:
            return float("inf")
        return self.submitted_s + self.timeout_s - time.monotonic()

    def timeout_error(self) -> SynthesisTimeout:
        """Say at what stage the time was up."""
        if self.begun_s is None:
            stage = "while it waited in the queue; give more time or ask less often"
        elif self.steps is None:
            stage = "before its first step ended; give more time or ask for less"
        else:
            stage = f"after step {self.steps[0]} of {self.steps[1]}; give more time or ask for less"
        return SynthesisTimeout(f"the request exceeded its time limit of {self.timeout_s:g} s {stage}")
