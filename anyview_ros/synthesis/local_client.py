"""The way to an engine in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from weakref import WeakSet

from anyview_ros.errors import EngineClosedError
from anyview_ros.synthesis.client import EngineDescription, StreamOutcome, StreamSpec
from anyview_ros.synthesis.engine import Engine
from anyview_ros.synthesis.jobs import Job
from anyview_ros.synthesis.protocol import Progress
from anyview_ros.synthesis.request import SynthesisRequest
from anyview_ros.synthesis.stream_desk import EngineStream


class LocalEngineClient:
    """An EngineClient of an engine in this process: frames are handed over without a copy.

    Whoever pushes a frame no longer writes to it. Several clients may share an engine.

    Args:
        engine: stays open when the client closes, unless it is owned.
        owns_engine: whether closing the client closes the engine too.
    """

    def __init__(self, engine: Engine, *, owns_engine: bool = False) -> None:
        """Make a client of ``engine``."""
        self._engine = engine
        self._owns_engine = owns_engine
        self._lock = threading.Lock()
        self._jobs: WeakSet[Job] = WeakSet()
        self._streams: WeakSet[EngineStream] = WeakSet()
        self._closed = False

    def problem(self) -> str:
        """Say why the engine takes no work, for people; "" if it does."""
        if self._closed:
            return "this client of the engine has been closed"
        return self._engine.problem()

    def description(self) -> EngineDescription | None:
        """What is loaded and how busy the engine is; None unless a method is loaded."""
        return self._engine.description()

    def submit(
        self,
        request: SynthesisRequest,
        *,
        client: str = "",
        timeout_s: float | None = None,
        progress: Progress | None = None,
    ) -> Job:
        """Queue a request; see :meth:`Engine.submit`."""
        with self._lock:
            self._check_open()
            job = self._engine.submit(request, client=client, timeout_s=timeout_s, progress=progress)
            self._jobs.add(job)
            return job

    def open_stream(self, spec: StreamSpec, on_outcome: Callable[[StreamOutcome], None]) -> EngineStream:
        """Open a live stream; see :meth:`Engine.open_stream`."""
        with self._lock:
            self._check_open()
            stream = self._engine.open_stream(spec, on_outcome)
            self._streams.add(stream)
            return stream

    def close(self) -> None:
        """Cancel what was asked through this client, close its streams, and the engine if it is owned."""
        with self._lock:
            self._closed = True
            jobs, streams = list(self._jobs), list(self._streams)
        for job in jobs:
            job.cancel()
        for stream in streams:
            stream.close()
        if self._owns_engine:
            self._engine.close()

    def _check_open(self) -> None:
        if self._closed:
            raise EngineClosedError("this client of the engine has been closed; make another")
