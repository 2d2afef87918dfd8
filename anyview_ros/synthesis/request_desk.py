"""Where an engine's requests wait, run and end."""

from __future__ import annotations

import logging
import time
from functools import partial
from threading import Condition

from anyview_ros.errors import (
    AnyViewError,
    EngineBusyError,
    EngineClosedError,
    InvalidRequestError,
    SynthesisCancelled,
    SynthesisError,
)
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.dispatcher import Dispatcher
from anyview_ros.synthesis.engine_statistics import EngineCounters
from anyview_ros.synthesis.failures import as_synthesis_error, check_outcome_count, check_view_count, sizes_of
from anyview_ros.synthesis.fair_queue import FairQueue
from anyview_ros.synthesis.jobs import Job, JobEnd
from anyview_ros.synthesis.protocol import Progress
from anyview_ros.synthesis.request import SynthesisRequest, check_request, check_timeout
from anyview_ros.synthesis.result import SynthesisResult
from anyview_ros.synthesis.smaller_batches import SmallerBatches

_log = logging.getLogger(__name__)

_Ended = tuple[JobEnd, SynthesisResult | AnyViewError]


class RequestDesk:
    """The requests of an engine. Futures end on the dispatcher's thread, in the order in which requests
    ended.

    Args:
        lock: the engine's; its worker waits on it.
        dispatcher: runs callbacks.
        counters: of the engine.
        limit: requests that may wait, those included whose callbacks have not been run yet.
        limit_per_client: how many of these may be of one client.
        max_batch: requests that may run together.
    """

    def __init__(
        self,
        lock: Condition,
        dispatcher: Dispatcher,
        counters: EngineCounters,
        *,
        limit: int,
        limit_per_client: int,
        max_batch: int,
    ) -> None:
        """Open the desk."""
        self._lock = lock
        self._dispatcher = dispatcher
        self._counters = counters
        self._limit = limit
        self._limit_per_client = limit_per_client
        self._max_batch = max_batch
        self._queue: FairQueue[Job] = FairQueue()
        self._running: list[Job] = []  # those on the device, ended ones included
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
            InvalidRequestError: a time limit that is not positive, or longer than a day.
        """
        if timeout_s is not None:
            check_timeout(timeout_s, otherwise="None for the engine's default")
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

    def take(self, synthesizer: SmallerBatches) -> list[Job]:
        """Take the requests to run next, as one batch; empty if none waits.

        Called with the lock held, by the worker.
        """
        batch: list[Job] = []
        while (job := self._pop(batch, synthesizer)) is not None:
            if job.remaining_s() <= 0:
                self._end(job, JobEnd.TIMED_OUT, job.timeout_error())
                continue
            batch.append(job)
        now_s = time.monotonic()
        for job in batch:
            job.begun_s = now_s
            self._counters.queue_time.add(now_s - job.submitted_s)
        if len(batch) > 1:
            self._counters.batched += len(batch)
        self._running = batch
        return list(batch)

    def _pop(self, batch: list[Job], synthesizer: SmallerBatches) -> Job | None:
        """Take the next request that may join what is in the batch already; any joins an empty one."""
        if not len(self._queue):
            return None
        if not batch:
            return self._queue.pop()
        if len(batch) >= self._max_batch:
            return None
        key = synthesizer.batch_key(batch[0].request)
        fitting = synthesizer.most_together(key)
        if key is None or (fitting is not None and len(batch) >= fitting):
            return None
        return self._queue.pop_alike(
            lambda job: synthesizer.batch_key(job.request) == key, {job.client for job in batch}
        )

    def run(self, batch: list[Job], synthesizer: SmallerBatches, device: str) -> None:
        """Run requests that were taken, and end each however it goes. Called by the worker."""
        ends = None if len(batch) == 1 else self._synthesize_together(batch, synthesizer)
        for index, job in enumerate(batch):
            end, outcome = self._synthesize(job, synthesizer, device) if ends is None else ends[index]
            with self._lock:
                self._running.remove(job)
                self._end(job, end, outcome)

    def _synthesize_together(self, batch: list[Job], synthesizer: SmallerBatches) -> list[_Ended] | None:
        """How each request of a batch ended; None if the batch came to nothing, so that each is to be asked alone."""
        requests = [job.request for job in batch]
        try:
            outcomes = synthesizer.synthesize_together(
                requests, progress=partial(self._step_all, batch), cancels=batch
            )
            check_outcome_count(len(outcomes), len(batch))
        except Exception as err:  # noqa: BLE001 - whatever a method raises ends requests, not the engine
            if not all(job.is_set() for job in batch):
                _log.warning("%d requests in one batch failed (%s); each is asked alone", len(batch), err)
            for job in batch:
                job.begin_again()
            return None
        return [self._judged(job, outcome) for job, outcome in zip(batch, outcomes, strict=True)]

    def _synthesize(self, job: Job, synthesizer: SmallerBatches, device: str) -> _Ended:
        if job.is_set():
            return self._judged(job, SynthesisCancelled("the request was stopped before it began"))
        try:
            result = synthesizer.synthesize(job.request, progress=partial(self._step, job), cancel=job)
        except Exception as err:  # noqa: BLE001 - whatever a method raises ends its request, not the engine
            return self._judged(job, as_synthesis_error(err, sizes_of(job.request), device))
        return self._judged(job, result)

    def _judged(self, job: Job, outcome: SynthesisResult | AnyViewError) -> _Ended:
        """What a method's answer means for a request, which may have been stopped meanwhile."""
        if isinstance(outcome, AnyViewError) and not isinstance(outcome, SynthesisCancelled):
            return JobEnd.FAILED, outcome
        if job.cancel_requested:
            return JobEnd.CANCELLED, SynthesisCancelled("the request was cancelled while it ran")
        if job.remaining_s() <= 0:
            return JobEnd.TIMED_OUT, job.timeout_error()
        if isinstance(outcome, SynthesisCancelled):
            return JobEnd.CANCELLED, outcome
        return self._checked(job, outcome)

    def _checked(self, job: Job, result: SynthesisResult) -> _Ended:
        try:
            check_view_count(len(result.views), len(job.request.targets))
        except SynthesisError as err:
            return JobEnd.FAILED, err
        return JobEnd.COMPLETED, result

    def _step(self, job: Job, step: int, total: int) -> None:
        told = job.step(step, total)
        if job.progress is not None and not job.ended:
            self._dispatcher.post(partial(job.progress, *told))

    def _step_all(self, batch: list[Job], step: int, total: int) -> None:
        for job in batch:
            self._step(job, step, total)

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
        return ahead + len(self._running)

    def expire(self) -> float | None:
        """End the requests whose time is up; return the seconds until the next one's is, None if none has a
        limit.

        A request that runs is ended too: its method is told to stop, and what it still gives is thrown away.
        """
        with self._lock:
            running = [job for job in self._running if not job.ended]
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
            for job in self._running:
                self._end(job, JobEnd.CANCELLED, EngineClosedError(reason))

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
        return sum(not job.ended for job in self._running)
