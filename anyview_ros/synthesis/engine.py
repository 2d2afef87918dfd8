"""The engine: one worker thread that owns a loaded method and its device, and serves requests and live streams."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from types import TracebackType

from anyview_ros.errors import (
    AnyViewError,
    EngineBusyError,
    EngineClosedError,
    EngineUnavailableError,
    InvalidInputError,
    InvalidRequestError,
    SynthesisError,
    SynthesisTimeout,
)
from anyview_ros.synthesis.client import EngineDescription, StreamOutcome, StreamSpec
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.dispatcher import Dispatcher
from anyview_ros.synthesis.engine_statistics import EngineCounters, EngineStatistics
from anyview_ros.synthesis.jobs import Job
from anyview_ros.synthesis.memory import device_bytes, resident_bytes
from anyview_ros.synthesis.protocol import Progress, Synthesizer
from anyview_ros.synthesis.request import SynthesisRequest, check_timeout
from anyview_ros.synthesis.request_desk import RequestDesk
from anyview_ros.synthesis.smaller_batches import SmallerBatches
from anyview_ros.synthesis.stream_desk import EngineStream, StreamDesk
from anyview_ros.synthesis.warm_up import warm_up_request

_log = logging.getLogger(__name__)


class Engine:
    """Loads one method on one worker thread and serves it to many clients.

    - Requests are first come, first served for each client, and clients take turns. The queue is bounded.
    - Streams are latest-wins: a frame that waits gives way to a newer one of its stream. Streams take turns.
    - Requests and stream frames alternate where both wait, so that neither starves the other.
    - Futures, progress and outcomes arrive on a second thread, in the order in which things happened. Slow
      callbacks delay each other, not the device; what waits for them is bounded.
    - A time limit counts from submission. It ends a request that waits, and one that runs: the method is told
      to stop, which it does between two steps. A method that does not look at its token goes on until it is
      done and keeps the device that long; its request has ended all the same.
    - Where memory does not hold all targets of a request at once, they are served in smaller batches.
    - Requests that the method can serve together (:class:`BatchingSynthesizer`) share a batch if they wait at the
      same time; nothing waits for a batch to fill. Clients take turns within batches as well. Each request keeps
      its own time limit, cancellation and error; a batch stops when all its requests have. One that fails as a
      whole, or does not fit into memory, is asked anew one request at a time.
    - An error of the method ends the request or loses the frame at hand; the engine lives on.

    Args:
        load: a synthesizer, or what loads one; called on the worker thread. The engine closes the
            synthesizer.
        name: of the engine, for people.
        device: torch device the method runs on, for people; None asks the synthesizer for its ``device``.
        max_queue: requests that may wait.
        max_queue_per_client: how many of these may be of one client; None leaves a quarter to others.
        max_streams: streams that may be open.
        max_batch: requests that may share a batch; 1 runs each alone.
        default_timeout_s: time limit of requests that give none; None for none.
        warm_up: whether to run a tiny request after loading.

    Raises:
        InvalidInputError: a limit that is not positive, or a time limit longer than a day.
    """

    def __init__(
        self,
        load: Callable[[], Synthesizer] | Synthesizer,
        *,
        name: str = "local",
        device: str | None = None,
        max_queue: int = 32,
        max_queue_per_client: int | None = None,
        max_streams: int = 16,
        max_batch: int = 4,
        default_timeout_s: float | None = 120.0,
        warm_up: bool = True,
    ) -> None:
        """Make an engine; :meth:`start` loads the method."""
        if max_queue_per_client is None:
            max_queue_per_client = max_queue - max_queue // 4
        limits = {
            "max_queue": max_queue,
            "max_queue_per_client": max_queue_per_client,
            "max_streams": max_streams,
            "max_batch": max_batch,
        }
        for limit, value in limits.items():
            if value <= 0:
                raise InvalidInputError(f"{limit} is {value}; give a positive number")
        if default_timeout_s is not None:
            check_timeout(default_timeout_s, otherwise="None for no limit", name="default_timeout_s")
        self.name = name
        self._load = load
        self._device = device or "cpu"
        self._ask_device = device is None
        self._max_queue, self._max_streams = max_queue, max_streams
        self._default_timeout_s = default_timeout_s
        self._warm_up = warm_up

        self._lock = threading.Condition()
        self._counters = EngineCounters()
        self._dispatcher = Dispatcher(f"{name} engine callbacks", self._expire)
        self._requests = RequestDesk(
            self._lock,
            self._dispatcher,
            self._counters,
            limit=max_queue,
            limit_per_client=max_queue_per_client,
            max_batch=max_batch,
        )
        self._streams = StreamDesk(self._lock, self._dispatcher, self._counters, limit=max_streams)
        self._streams_first = False
        self._busy = False
        self._loaded: Future[MethodDescription] = Future()
        self._loaded.set_running_or_notify_cancel()
        self._weights_hash = ""
        self._restarts: Callable[[], int] = int
        self._splits: Callable[[], int] = int
        self._worker = threading.Thread(target=self._work, name=f"{name} engine", daemon=True)
        self._started = self._closed = False
        self._problem = f"engine '{name}' has not been started; call start()"

    # --- life

    def start(self, *, timeout_s: float | None = None) -> None:
        """Load and warm the method; return once the engine takes work. Starting again only waits.

        Args:
            timeout_s: how long to wait; None for as long as loading takes.

        Raises:
            AnyViewError: what loading raised; errors of other kinds are raised from a SynthesisError.
            SynthesisTimeout: still loading after ``timeout_s``; it goes on.
            EngineClosedError: the engine has been closed.
        """
        with self._lock:
            if self._closed:
                raise EngineClosedError(self._problem)
            if not self._started:
                self._started = True
                self._problem = f"engine '{self.name}' is still loading its method"
                self._dispatcher.start()
                self._worker.start()
        if not wait([self._loaded], timeout_s).done:
            raise SynthesisTimeout(
                f"engine '{self.name}' is still loading after {timeout_s:g} s; wait longer"
            )
        self._loaded.result()

    def close(self, timeout_s: float = 5.0) -> bool:
        """Cancel everything, end all futures and streams, and free the method. Closing twice is harmless.

        Args:
            timeout_s: how long to wait for the method to stop. If it does not stop in that time, all futures
                have ended nevertheless, and the worker frees the method when it returns from it.

        Returns:
            Whether the worker has ended.
        """
        with self._lock:
            reason = f"engine '{self.name}' has been closed"
            if not self._closed:
                self._closed = True
                self._problem = reason
                self._requests.close(reason)
                self._streams.close(reason)
                if not self._loaded.done():
                    self._loaded.set_exception(EngineClosedError(reason))
                self._lock.notify_all()
            started = self._started
        if not started:
            return True
        if threading.current_thread() is not self._worker:
            self._worker.join(timeout_s)
        self._dispatcher.close(timeout_s)
        if self._worker.is_alive():
            _log.warning("engine '%s' is closed but its method still works after %g s", self.name, timeout_s)
        return not self._worker.is_alive()

    def __enter__(self) -> Engine:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()

    # --- work

    def submit(
        self,
        request: SynthesisRequest,
        *,
        client: str = "",
        timeout_s: float | None = None,
        progress: Progress | None = None,
    ) -> Job:
        """Queue a request.

        Args:
            request: one that the method cannot serve is not queued; its future ends at once.
            client: who asks, for fairness.
            timeout_s: time limit from now, waiting included; None for the engine's default.
            progress: told after each step, on the callback thread.

        Raises:
            EngineBusyError: the queue is full.
            EngineUnavailableError: the engine is not ready; the message says why.
            EngineClosedError: the engine has been closed.
            InvalidRequestError: a time limit that is not positive, or longer than a day.
        """
        with self._lock:
            return self._requests.submit(
                request,
                self._ready(),
                client=client,
                timeout_s=self._default_timeout_s if timeout_s is None else timeout_s,
                progress=progress,
            )

    def open_stream(self, spec: StreamSpec, on_outcome: Callable[[StreamOutcome], None]) -> EngineStream:
        """Open a live stream. Frames may be pushed at once; ``opened`` of the stream ends when the method has
        it open.

        Args:
            spec: cameras and settings.
            on_outcome: called for each frame answered, and once with sequence -1 if the stream is lost, on
                the callback thread.

        Raises:
            EngineBusyError: too many streams.
            EngineUnavailableError: the engine is not ready; the message says why.
            EngineClosedError: the engine has been closed.
            InvalidRequestError: no target.
        """
        with self._lock:
            self._ready()
            return self._streams.open(spec, on_outcome)

    def _ready(self) -> MethodDescription:
        if self._closed:
            raise EngineClosedError(self._problem)
        if self._problem:
            raise EngineUnavailableError(self._problem)
        return self._loaded.result(0)

    def _expire(self) -> float | None:
        return self._requests.expire()

    def _work(self) -> None:
        try:
            synthesizer, description = self._prepare()
        except BaseException as err:  # noqa: BLE001 - handed on to whoever waits in start()
            self._fail(err)
            return
        try:
            with self._lock:
                if not self._closed:
                    self._problem = ""
                    self._loaded.set_result(description)
            while (task := self._next_task(synthesizer, description)) is not None:
                task()
                with self._lock:
                    self._busy = False
        except BaseException as err:  # noqa: BLE001 - told to all who wait, and to the log
            self._die(err)
        finally:
            self._streams.free()
            _close(synthesizer)

    def _prepare(self) -> tuple[SmallerBatches, MethodDescription]:
        synthesizer = self._load if isinstance(self._load, Synthesizer) else self._load()
        try:
            description = synthesizer.describe()
            self._weights_hash = str(getattr(synthesizer, "weights_hash", ""))
            self._restarts = lambda: getattr(synthesizer, "restarts", 0)
            if self._ask_device:
                self._device = str(getattr(synthesizer, "device", self._device))
            if self._warm_up:
                self._warm(synthesizer, description)
        except BaseException:
            _close(synthesizer)
            raise
        return self._sparing(synthesizer), description

    def _sparing(self, synthesizer: Synthesizer) -> SmallerBatches:
        sparing = SmallerBatches(synthesizer)
        self._splits = lambda: sparing.splits
        return sparing

    def _warm(self, synthesizer: Synthesizer, description: MethodDescription) -> None:
        try:
            synthesizer.synthesize(warm_up_request(description), cancel=_Closed(lambda: self._closed))
        except InvalidRequestError as err:
            _log.warning(
                "method '%s' does not take the request meant to warm it up: %s", description.name, err
            )
        except (EngineBusyError, EngineUnavailableError, SynthesisTimeout) as err:
            # A service that others use: it was there when it was asked for its description, and may be free later.
            _log.warning("method '%s' could not be warmed up: %s", description.name, err)

    def _fail(self, err: BaseException) -> None:
        reason = f"engine '{self.name}' could not load its method: {err}"
        error = err
        if not isinstance(err, AnyViewError):
            error = SynthesisError(f"{reason} ({type(err).__name__})")
            error.__cause__ = err
        with self._lock:
            if not self._closed:
                self._problem = reason
                self._loaded.set_exception(error)
        self._dispatcher.close(0)

    def _die(self, err: BaseException) -> None:
        """End all that waits because the worker cannot go on: the method raised what no program survives."""
        with self._lock:
            self._busy = False
            if not self._closed:
                self._problem = (
                    f"the worker of engine '{self.name}' ended by {type(err).__name__}: {err}; start anew"
                )
            self._requests.close(self._problem)
            self._streams.close(self._problem)

    def _next_task(
        self, synthesizer: SmallerBatches, description: MethodDescription
    ) -> Callable[[], None] | None:
        """Wait for work; None once the engine closes."""
        with self._lock:
            while not self._closed:
                if self._streams.has_to_free():
                    return self._streams.free
                task = self._take(synthesizer, description)
                if task is not None:
                    self._busy = True
                    return task
                self._lock.wait()
            return None

    def _take(self, synthesizer: SmallerBatches, description: MethodDescription) -> Callable[[], None] | None:
        for streams in (self._streams_first, not self._streams_first):
            stream = self._streams.take() if streams else None
            if stream is not None:
                self._streams_first = False
                return lambda: self._streams.serve(stream, synthesizer, description, self._device)
            batch = [] if streams else self._requests.take(synthesizer)
            if batch:
                self._streams_first = True
                return lambda: self._requests.run(batch, synthesizer, self._device)
        return None

    # --- being looked at

    def problem(self) -> str:
        """Say why the engine takes no work, for people; "" if it does."""
        with self._lock:
            return self._problem

    def description(self) -> EngineDescription | None:
        """What is loaded and how busy the engine is; None unless a method is loaded."""
        with self._lock:
            if not self._loaded.done() or self._loaded.exception() is not None:
                return None
            return EngineDescription(
                method=self._loaded.result(),
                server=self.name,
                device=self._device,
                weights_hash=self._weights_hash,
                queued=self._requests.queued,
                queue_limit=self._max_queue,
                streams=self._streams.count,
                stream_limit=self._max_streams,
            )

    def statistics(self) -> EngineStatistics:
        """A snapshot of all counters, times and memory."""
        with self._lock:
            counters = self._counters
            return EngineStatistics(
                submitted=counters.submitted,
                queued=self._requests.queued,
                running=self._requests.running,
                device_busy=self._busy,
                completed=counters.completed,
                failed=counters.failed,
                cancelled=counters.cancelled,
                timed_out=counters.timed_out,
                rejected=counters.rejected,
                streams=self._streams.count,
                frames_received=counters.frames_received,
                frames_pending=self._streams.frames_pending,
                frames_done=counters.frames_done,
                frames_failed=counters.frames_failed,
                frames_dropped=dict(counters.frames_dropped),
                queue_time=counters.queue_time.percentiles(),
                synthesis_time=counters.synthesis_time.percentiles(),
                stream_latency=counters.stream_latency.percentiles(),
                memory_bytes=resident_bytes(),
                device_memory_bytes=device_bytes(),
                restarts=self._restarts(),
                splits=self._splits(),
                batched=counters.batched,
            )


class _Closed:
    """Cancel token of the warm-up: set once the engine has been closed."""

    def __init__(self, closed: Callable[[], bool]) -> None:
        self._is_closed = closed

    def is_set(self) -> bool:
        return self._is_closed()


def _close(synthesizer: Synthesizer) -> None:
    try:
        synthesizer.close()
    except Exception:  # noqa: BLE001 - there is nobody left to tell but the log
        _log.exception("the method failed to close")
