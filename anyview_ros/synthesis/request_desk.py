"""Where an engine's requests wait, run and end."""

from __future__ import annotations

import math
import time
from functools import partial
from threading import Condition

from anyview_ros.errors import (
    AnyViewError,
    EngineBusyError,
    EngineClosedError,
    InvalidRequestError,
    SynthesisCancelled,
)
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.dispatcher import Dispatcher
from anyview_ros.synthesis.engine_statistics import EngineCounters
from anyview_ros.synthesis.failures import as_synthesis_error, check_view_count, sizes_of
from anyview_ros.synthesis.fair_queue import FairQueue
from anyview_ros.synthesis.jobs import Job, JobEnd
from anyview_ros.synthesis.protocol import Progress, Synthesizer
from anyview_ros.synthesis.request import SynthesisRequest, check_request
from anyview_ros.synthesis.result import SynthesisResult


class RequestDesk:
    """The requests of an engine. Futures end on the dispatcher's thread, in the order in which requests
    ended.

    Args:
        lock: the engine's; its worker waits on it.
        dispatcher: runs callbacks.
        counters: of the engine.
        limit: requests that may wait, those included whose callbacks have not been run yet.
        limit_per_client: how many of these may be of one client.
    """

    def __init__(
        self,
        lock: Condition,
        dispatcher: Dispatcher,
        counters: EngineCounters,
        *,
        limit: int,
        limit_per_client: int,
    ) -> None:
        """Open the desk."""
        self._lock = lock
        self._dispatcher = dispatcher
        self._counters = counters
        self._limit = limit
        self._limit_per_client = limit_per_client
        self._queue: FairQueue[Job] = FairQueue()
        self._running: Job | None = None
        self._undelivered = 0
        self._closed = False

    def submit(
        self,
        request: SynthesisRequest,
        description: MethodDescription,
        *,
        client: str,
        timeout_s: float | None,
        progress: Progress | None,
    ) -> Job:
        """Queue a request; one that the method cannot serve ends at once.

        Raises:
            EngineBusyError: too many requests wait.
            InvalidRequestError: a time limit that is not positive.
        """
        if timeout_s is not None and not (math.isfinite(timeout_s) and timeout_s > 0):
            raise InvalidRequestError(f"timeout_s is {timeout_s}; give a positive number, or None")
        with self._lock:
            self._check_room(client)
            job = Job(
                request,
                client,
                timeout_s,
                progress,
                lock=self._lock,
                cancel=self._cancel,
                position=self._position,
            )
            self._counters.submitted += 1
            try:
                check_request(request, description)
            except InvalidRequestError as err:
                self._end(job, JobEnd.FAILED, err)
                return job
            self._queue.push(client, job)
            self._lock.notify_all()
        self._dispatcher.wake()
        return job

    def _check_room(self, client: str) -> None:
        waiting = len(self._queue) + self._undelivered
        if waiting >= self._limit:
            self._counters.rejected += 1
            raise EngineBusyError(
                f"{waiting} requests wait and {self._limit} may (max_queue); try again later or ask less often"
            )
        own = self._queue.count(client)
        if own >= self._limit_per_client:
            self._counters.rejected += 1
            raise EngineBusyError(
                f"{own} requests of client '{client}' wait and {self._limit_per_client} of one client may "
                "(max_queue_per_client); try again later or ask less often"
            )

    def take(self) -> Job | None:
        """Take the next request to run; None if none waits. Called with the lock held, by the worker."""
        while len(self._queue):
            job = self._queue.pop()
            if job.remaining_s() <= 0:
                self._end(job, JobEnd.TIMED_OUT, job.timeout_error())
                continue
            job.begun_s = time.monotonic()
            self._counters.queue_time.add(job.begun_s - job.submitted_s)
            self._running = job
            return job
        return None

    def run(self, job: Job, synthesizer: Synthesizer, device: str) -> None:
        """Run a request that was taken, and end it however it goes. Called by the worker."""
        end, outcome = self._synthesize(job, synthesizer, device)
        with self._lock:
            self._running = None
            self._end(job, end, outcome)

    def _synthesize(
        self, job: Job, synthesizer: Synthesizer, device: str
    ) -> tuple[JobEnd, SynthesisResult | AnyViewError]:
        try:
            result = synthesizer.synthesize(job.request, progress=partial(self._step, job), cancel=job)
            check_view_count(len(result.views), len(job.request.targets))
        except SynthesisCancelled as err:
            return self._stopped(job) or (JobEnd.CANCELLED, err)
        except Exception as err:  # noqa: BLE001 - whatever a method raises ends its request, not the engine
            return JobEnd.FAILED, as_synthesis_error(err, sizes_of(job.request), device)
        return self._stopped(job) or (JobEnd.COMPLETED, result)

    def _stopped(self, job: Job) -> tuple[JobEnd, AnyViewError] | None:
        if job.cancel_requested:
            return JobEnd.CANCELLED, SynthesisCancelled("the request was cancelled while it ran")
        if job.remaining_s() <= 0:
            return JobEnd.TIMED_OUT, job.timeout_error()
        return None

    def _step(self, job: Job, step: int, total: int) -> None:
        job.steps = (step, total)
        if job.progress is not None and not job.ended:
            self._dispatcher.post(partial(job.progress, step, total))

    def _cancel(self, job: Job) -> None:
        with self._lock:
            job.cancel_requested = True
            if self._queue.remove(job.client, job):
                error = SynthesisCancelled("the request was cancelled while it waited")
                self._end(job, JobEnd.CANCELLED, error)

    def _position(self, job: Job) -> int:
        ahead = self._queue.position(job.client, job)
        if ahead is None:
            return 0
        return ahead + (self._running is not None)

    def expire(self) -> float | None:
        """End the requests whose time is up; return the seconds until the next one's is, None if none has a
        limit.

        A request that runs is ended too: its method is told to stop, and what it still gives is thrown away.
        """
        with self._lock:
            running = [] if self._running is None or self._running.ended else [self._running]
            left_s = float("inf")
            for job in [*self._queue, *running]:
                if job.remaining_s() <= 0:
                    self._queue.remove(job.client, job)
                    self._end(job, JobEnd.TIMED_OUT, job.timeout_error())
                else:
                    left_s = min(left_s, job.remaining_s())
            return None if left_s == float("inf") else left_s

    def close(self, reason: str) -> None:
        """Cancel all requests; that which runs is told to stop."""
        with self._lock:
            for job in list(self._queue):
                self._queue.remove(job.client, job)
                self._end(job, JobEnd.CANCELLED, EngineClosedError(reason))
            if self._running is not None:
                self._end(self._running, JobEnd.CANCELLED, EngineClosedError(reason))

    def _end(self, job: Job, end: JobEnd, outcome: SynthesisResult | AnyViewError) -> None:
        """End a request once; called with the lock held."""
        if job.ended:
            return
        job.ended = True
        job.left_s = time.monotonic()
        setattr(self._counters, end.value, getattr(self._counters, end.value) + 1)
        if end is JobEnd.COMPLETED and job.begun_s is not None:
            self._counters.synthesis_time.add(job.left_s - job.begun_s)
        self._undelivered += 1
        self._dispatcher.post(partial(self._deliver, job, outcome))

    def _deliver(self, job: Job, outcome: SynthesisResult | AnyViewError) -> None:
        try:
            if isinstance(outcome, AnyViewError):
                job.future.set_exception(outcome)
            else:
                job.future.set_result(outcome)
        finally:
            with self._lock:
                self._undelivered -= 1

    @property
    def queued(self) -> int:
        """Requests waiting; called with the lock held."""
        return len(self._queue)

    @property
    def running(self) -> int:
        """Requests running; called with the lock held."""
        return int(self._running is not None and not self._running.ended)
