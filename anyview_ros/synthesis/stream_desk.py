"""The live streams of an engine: each has one place for a waiting frame, and the newest frame wins."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from threading import Condition
from typing import Any

from anyview_ros.errors import (
    EngineBusyError,
    EngineClosedError,
    EngineUnavailableError,
    InvalidRequestError,
)
from anyview_ros.synthesis.by_products import ByProducts, ByProductStream
from anyview_ros.synthesis.client import StreamFrame, StreamOutcome, StreamSpec
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.dispatcher import Dispatcher
from anyview_ros.synthesis.engine_statistics import EngineCounters
from anyview_ros.synthesis.failures import as_synthesis_error, check_view_count
from anyview_ros.synthesis.protocol import SynthesisStream, Synthesizer
from anyview_ros.synthesis.pushed_frames import check_stream_frame
from anyview_ros.synthesis.result import Provenance
from anyview_ros.synthesis.windowed_stream import WindowedStream

_log = logging.getLogger(__name__)

_MOST_UNDELIVERED = 2


class EngineStream:
    """A stream of an engine in this process: its StreamHandle.

    Frames may be pushed from the moment it is made; those pushed while the method opens it wait like all
    others. It is also the token that stops a sliding-window method between two steps once the stream is
    closed.
    """

    def __init__(
        self, spec: StreamSpec, on_outcome: Callable[[StreamOutcome], None], desk: StreamDesk
    ) -> None:
        """Made by :meth:`StreamDesk.open`."""
        self.spec = spec
        self.opened: Future[Provenance] = Future()
        """Ends when the method has opened the stream, or with the AnyViewError that says why it has not."""
        self.on_outcome = on_outcome
        self.native: SynthesisStream | None = None
        self.waiting: tuple[int, StreamFrame, float] | None = None  # sequence, frame, when it was pushed
        self.clip_context = 0  # frames before the newest that a clip of a sliding window takes in
        self.passed: list[StreamFrame] = []  # of which no view is made, in order of time, for clips to come
        self.undelivered = 0
        self.pushed = 0
        self.replaced = 0
        self.last_stamp_ns: int | None = None
        self.trouble = ""
        self.closed = False
        self._desk = desk
        self.opened.set_running_or_notify_cancel()

    def problem(self) -> str:
        """Say why no frame can be pushed, for people; "" if it can."""
        return self.trouble

    def push(self, frame: StreamFrame) -> int:
        """Hand over a frame without waiting and return its sequence number; the newest waiting frame wins.

        Raises:
            EngineClosedError: the stream has been closed.
            EngineUnavailableError: the method could not open the stream.
            InvalidRequestError: an unknown target, a size that is not the stream's, depth of another size or
                type, a stamp that does not increase.
            InvalidPoseError: a pose of the source that is not a finite rigid transform.
        """
        return self._desk.push(self, frame)

    def close(self) -> None:
        """End the stream. No outcome follows but one that is being delivered. Closing twice is harmless."""
        self._desk.close_stream(self, "the stream has been closed; open another")

    def is_set(self) -> bool:
        """Whether the method should stop working for this stream."""
        return self.closed

    def let_pass(self, frame: StreamFrame) -> None:
        """Keep a frame of which no view is made, as long as the clip of the waiting frame, or a later one, takes it in.

        Called with the engine's lock held.
        """
        if not self.clip_context:
            return
        passed = sorted([*self.passed, frame], key=lambda one: one.stamp_ns)
        turn_ns = passed[-1].stamp_ns if self.waiting is None else self.waiting[1].stamp_ns
        before = [one for one in passed if one.stamp_ns <= turn_ns]
        after = [one for one in passed if one.stamp_ns > turn_ns]
        self.passed = before[-self.clip_context :] + after[-self.clip_context :]

    def take_passed(self, before_ns: int) -> list[StreamFrame]:
        """Take those of the passed frames that are older. Called with the engine's lock held."""
        older = [one for one in self.passed if one.stamp_ns < before_ns]
        self.passed = self.passed[len(older) :]
        return older

    @property
    def ready(self) -> bool:
        """Whether the worker has something to do for this stream."""
        if self.native is None:
            return True
        return self.waiting is not None and self.undelivered < _MOST_UNDELIVERED


class StreamDesk:
    """The streams of an engine. Callbacks run on the dispatcher's thread, for each stream in the order of its
    frames.

    Args:
        lock: the engine's; its worker waits on it.
        dispatcher: runs callbacks.
        counters: of the engine.
        limit: streams that may be open.
    """

    def __init__(
        self, lock: Condition, dispatcher: Dispatcher, counters: EngineCounters, *, limit: int
    ) -> None:
        """Open the desk."""
        self._lock = lock
        self._dispatcher = dispatcher
        self._counters = counters
        self._limit = limit
        self._streams: deque[EngineStream] = deque()  # in the order of their turns
        self._to_free: deque[SynthesisStream] = deque()
        self._running = 0  # frames on the device: 0 or 1

    def open(self, spec: StreamSpec, on_outcome: Callable[[StreamOutcome], None]) -> EngineStream:
        """Open a stream; the worker has the method open its side soon.

        Raises:
            EngineBusyError: too many streams.
            InvalidRequestError: no target.
        """
        if not spec.targets:
            raise InvalidRequestError("targets is empty; name at least one virtual camera")
        with self._lock:
            if len(self._streams) >= self._limit:
                raise EngineBusyError(
                    f"{len(self._streams)} streams are open and {self._limit} may be (max_streams); "
                    "close one first"
                )
            stream = EngineStream(spec, on_outcome, self)
            self._streams.append(stream)
            self._lock.notify_all()
            return stream

    def push(self, stream: EngineStream, frame: StreamFrame) -> int:
        """See :meth:`EngineStream.push`."""
        with self._lock:
            if stream.closed:
                raise EngineClosedError(stream.trouble)
            if stream.trouble:
                raise EngineUnavailableError(stream.trouble)
            check_stream_frame(frame, stream.spec, after_ns=stream.last_stamp_ns)
            sequence = stream.pushed
            stream.pushed += 1
            stream.last_stamp_ns = frame.stamp_ns
            if not frame.targets and stream.clip_context:
                stream.let_pass(frame)
                return sequence
            replaced, stream.waiting = stream.waiting, (sequence, frame, time.monotonic())
            if replaced is not None:
                wanted = replaced[1].by_products | frame.by_products
                stream.waiting = (sequence, replace(frame, by_products=wanted), time.monotonic())
                stream.replaced += 1
                stream.let_pass(replaced[1])
                self._counters.frames_dropped["replaced"] += 1
            self._counters.frames_received += 1
            self._lock.notify_all()
            return sequence

    def take(self) -> EngineStream | None:
        """Take the stream whose turn it is; None if none has work. Called with the lock held, by the worker."""
        for _ in range(len(self._streams)):
            stream = self._streams[0]
            self._streams.rotate(-1)
            if stream.ready:
                return stream
        return None

    def serve(
        self, stream: EngineStream, synthesizer: Synthesizer, description: MethodDescription, device: str
    ) -> None:
        """Open the stream, or make the views of its waiting frame. Called by the worker."""
        if stream.native is None:
            self._open_native(stream, synthesizer, description, device)
            return
        with self._lock:
            if stream.closed or stream.waiting is None:
                return
            (sequence, frame, pushed_s), stream.waiting = stream.waiting, None
            passed = stream.take_passed(frame.stamp_ns)
            self._running = 1
        outcome = self._synthesize(stream, stream.native, passed, sequence, frame, device)
        with self._lock:
            self._running = 0
            if stream.closed:
                self._counters.frames_dropped["closed"] += 1
                return
            self._counters.frames_failed += bool(outcome.error)
            self._counters.frames_done += not outcome.error
            self._counters.stream_latency.add(time.monotonic() - pushed_s)
            stream.undelivered += 1
            self._dispatcher.post(partial(self._deliver, stream, outcome))

    def _open_native(
        self, stream: EngineStream, synthesizer: Synthesizer, description: MethodDescription, device: str
    ) -> None:
        try:
            native = _open_native(stream, synthesizer, description)
        except Exception as err:  # noqa: BLE001 - whatever a method raises ends the stream, not the engine
            error = as_synthesis_error(err, _sizes_of(stream.spec), device)
            with self._lock:
                already_closed = stream.closed
                self._lose(stream, str(error))
                self._dispatcher.post(partial(_fail, stream, error))
                if not already_closed:
                    self._dispatcher.post(partial(stream.on_outcome, StreamOutcome(-1, 0, error=str(error))))
            return
        with self._lock:
            if stream.closed:
                self._to_free.append(native)
                return
            stream.native = native
            stream.clip_context = native.frames_before if isinstance(native, WindowedStream) else 0
            self._dispatcher.post(partial(_succeed, stream, native.provenance))

    def _synthesize(
        self,
        stream: EngineStream,
        native: SynthesisStream,
        passed: list[StreamFrame],
        sequence: int,
        frame: StreamFrame,
        device: str,
    ) -> StreamOutcome:
        names = list(stream.spec.targets)
        begun_s = time.monotonic()
        try:
            _remember(native, passed)
            views = native.push(
                frame.frame,
                frame.camera_to_world,
                target_camera_to_world=[frame.targets.get(name) for name in names],
                stamp_ns=frame.stamp_ns,
                depth=frame.depth,
            )
            check_view_count(len(views), len(names))
        except Exception as err:  # noqa: BLE001 - whatever a method raises loses a frame, not the engine
            error = str(as_synthesis_error(err, _sizes_of(stream.spec), device))
            return StreamOutcome(sequence, frame.stamp_ns, dropped=stream.replaced, error=error)
        told, trouble = _by_products(native, frame, device)
        return StreamOutcome(
            sequence,
            frame.stamp_ns,
            {name: view for name, view in zip(names, views, strict=True) if view is not None},
            native.provenance,
            (time.monotonic() - begun_s) * 1e3,
            stream.replaced,
            asked=frame.by_products,
            by_products=told,
            by_products_error=trouble,
        )

    def _deliver(self, stream: EngineStream, outcome: StreamOutcome) -> None:
        try:
            if not stream.closed:
                stream.on_outcome(outcome)
        finally:
            with self._lock:
                stream.undelivered -= 1
                self._lock.notify_all()

    def close_stream(self, stream: EngineStream, reason: str) -> None:
        """End a stream; what the method holds for it is freed by the worker."""
        with self._lock:
            if stream.closed:
                return
            stream.closed = True
            self._lose(stream, reason)

    def _lose(self, stream: EngineStream, reason: str) -> None:
        """Take a stream off the desk; called with the lock held."""
        stream.trouble = reason
        stream.passed.clear()
        if stream.waiting is not None:
            stream.waiting = None
            self._counters.frames_dropped["closed"] += 1
        if stream in self._streams:
            self._streams.remove(stream)
        if stream.native is not None:
            self._to_free.append(stream.native)
        elif stream.closed and not stream.opened.done():
            self._dispatcher.post(partial(_fail, stream, EngineClosedError(reason)))
        self._lock.notify_all()

    def has_to_free(self) -> bool:
        """Whether the worker should call :meth:`free`; called with the lock held."""
        return bool(self._to_free)

    def free(self) -> None:
        """Free what the method holds for streams that have ended. Called by the worker."""
        while True:
            with self._lock:
                if not self._to_free:
                    return
                native = self._to_free.popleft()
            try:
                native.close()
            except Exception:  # noqa: BLE001 - a stream that fails to close must not end the engine
                _log.exception("a stream of the method failed to close")

    def close(self, reason: str) -> None:
        """End all streams and tell each that it is lost."""
        with self._lock:
            for stream in list(self._streams):
                self.close_stream(stream, reason)
                self._dispatcher.post(partial(stream.on_outcome, StreamOutcome(-1, 0, error=reason)))

    @property
    def count(self) -> int:
        """Streams open; called with the lock held."""
        return len(self._streams)

    @property
    def frames_pending(self) -> int:
        """Frames waiting or on the device; called with the lock held."""
        return sum(stream.waiting is not None for stream in self._streams) + self._running


def _open_native(
    stream: EngineStream, synthesizer: Synthesizer, description: MethodDescription
) -> SynthesisStream:
    spec = stream.spec
    targets = tuple(spec.targets.values())
    if description.needs_depth and not spec.source_has_depth:
        raise InvalidRequestError(
            f"the stream has no depth and method '{description.name}' needs it; "
            "give depth or choose another method"
        )
    if not description.streams:
        return WindowedStream(
            synthesizer,
            spec.source,
            targets,
            steps=spec.steps,
            seed=spec.seed,
            options=spec.options,
            rate_hz=spec.rate_hz,
            cancel=stream,
        )
    return synthesizer.open_stream(
        spec.source, targets, steps=spec.steps, seed=spec.seed, options=spec.options
    )


def _remember(native: SynthesisStream, passed: list[StreamFrame]) -> None:
    """Let a sliding window have the frames of which no view was made; other streams see what they answer only."""
    if isinstance(native, WindowedStream):
        for frame in passed:
            native.remember(frame.frame, frame.camera_to_world, stamp_ns=frame.stamp_ns, depth=frame.depth)


def _by_products(native: SynthesisStream, frame: StreamFrame, device: str) -> tuple[ByProducts, str]:
    """What is wanted besides views, as far as the method makes it, and "" or why that failed."""
    if not frame.by_products or not isinstance(native, ByProductStream):
        return ByProducts(), ""
    try:
        return native.by_products(frame.by_products), ""
    except Exception as err:  # noqa: BLE001 - whatever a method raises here must not cost the views that are made
        wanted = ", ".join(sorted(kind.value for kind in frame.by_products))
        return ByProducts(), str(as_synthesis_error(err, wanted, device))


def _sizes_of(spec: StreamSpec) -> str:
    targets = ", ".join(f"{target.width}x{target.height}" for target in spec.targets.values())
    return f"a stream of {spec.source.width}x{spec.source.height} into {targets}"


def _succeed(stream: EngineStream, provenance: Provenance) -> None:
    if not stream.opened.done():
        stream.opened.set_result(provenance)


def _fail(stream: EngineStream, error: Any) -> None:
    if not stream.opened.done():
        stream.opened.set_exception(error)
