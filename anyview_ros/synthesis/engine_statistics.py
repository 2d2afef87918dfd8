"""What an engine counts and measures."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

_SAMPLES = 1024


@dataclass(frozen=True)
class Percentiles:
    """Durations of the last 1024 samples: median, 95th and 99th percentile in milliseconds; 0 without samples."""

    count: int = 0
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    p99_ms: float = 0.0


class DurationLog:
    """The last durations, bounded in number."""

    def __init__(self) -> None:
        """Make an empty log."""
        self._samples_s: deque[float] = deque(maxlen=_SAMPLES)

    def add(self, duration_s: float) -> None:
        """Note a duration."""
        self._samples_s.append(duration_s)

    def percentiles(self) -> Percentiles:
        """Percentiles of what is held."""
        if not self._samples_s:
            return Percentiles()
        p50, p95, p99 = np.percentile(np.array(self._samples_s) * 1e3, (50, 95, 99))
        return Percentiles(len(self._samples_s), float(p50), float(p95), float(p99))


@dataclass(frozen=True)
class EngineStatistics:
    """A snapshot of an engine's counters. They count since the engine was made.

    ``submitted == queued + running + completed + failed + cancelled + timed_out``;
    ``frames_received == frames_pending + frames_done + frames_failed + sum(frames_dropped.values())``.

    Attributes:
        submitted: requests accepted.
        queued: requests waiting now.
        running: requests that run now; more than 1 while a batch of them does.
        device_busy: whether the worker works; True with nothing running if a method goes on after its time limit.
        completed, failed, cancelled, timed_out: how accepted requests ended; those ended by ``close`` are cancelled.
        rejected: requests refused because the queue was full.
        streams: streams open now.
        frames_received: frames pushed into streams.
        frames_pending: those waiting or on the device now.
        frames_done: those answered with views.
        frames_failed: those answered with an error.
        frames_dropped: those never answered: "replaced" by a newer one, or "closed" with their stream.
        queue_time: waiting time of requests.
        synthesis_time: time of completed requests on the device; requests of one batch share it, and count it each.
        stream_latency: time from push to answer of stream frames.
        memory_bytes: resident memory of this process.
        device_memory_bytes: what torch holds on CUDA devices; 0 where it does not use any.
        restarts: how often the process of a method that has one of its own died and was replaced.
        splits: how often memory ran out and a request, or a batch of them, went on in smaller parts.
        batched: requests that were begun in one batch with others.
    """

    submitted: int
    queued: int
    running: int
    device_busy: bool
    completed: int
    failed: int
    cancelled: int
    timed_out: int
    rejected: int
    streams: int
    frames_received: int
    frames_pending: int
    frames_done: int
    frames_failed: int
    frames_dropped: Mapping[str, int]
    queue_time: Percentiles
    synthesis_time: Percentiles
    stream_latency: Percentiles
    memory_bytes: int
    device_memory_bytes: int
    restarts: int = 0
    splits: int = 0
    batched: int = 0


@dataclass
class EngineCounters:
    """The running counters behind :class:`EngineStatistics`; whoever holds the engine's lock changes them."""

    submitted: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    timed_out: int = 0
    rejected: int = 0
    batched: int = 0
    frames_received: int = 0
    frames_done: int = 0
    frames_failed: int = 0
    frames_dropped: Counter[str] = field(default_factory=lambda: Counter({"replaced": 0, "closed": 0}))
    queue_time: DurationLog = field(default_factory=DurationLog)
    synthesis_time: DurationLog = field(default_factory=DurationLog)
    stream_latency: DurationLog = field(default_factory=DurationLog)
