"""How often something happens."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from diagnostic_msgs.msg import DiagnosticStatus

from .diagnostic_status_wrapper import DiagnosticStatusWrapper
from .diagnostic_task import DiagnosticTask


@dataclass
class FrequencyStatusParam:
    """Bounds in hertz, read anew at each run.

    freq_bound has "min" and may have "max"; tolerance widens them by a fraction. The rate is taken over the last
    window_size runs of the updater.
    """

    freq_bound: dict[str, float]
    tolerance: float = 0.1
    window_size: int = 5


class Mark(NamedTuple):
    """How many events there had been at a run."""

    time_s: float
    count: int


class FrequencyStatus(DiagnosticTask):
    """WARN when events come too seldom or too often, ERROR when none came in the window."""

    def __init__(self, params: FrequencyStatusParam, name: str = "FrequencyStatus") -> None:
        super().__init__(name)
        self.params = params
        self.lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Start counting anew."""
        with self.lock:
            self.count = 0
            start = Mark(time.monotonic(), 0)
            self._marks = deque([start] * self.params.window_size, maxlen=self.params.window_size)

    def tick(self) -> None:
        """Count an event."""
        with self.lock:
            self.count += 1

    def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        """Judge the rate since the run window_size runs ago."""
        with self.lock:
            now, start = Mark(time.monotonic(), self.count), self._marks[0]
            self._marks.append(now)
        events, window_s = now.count - start.count, now.time_s - start.time_s
        rate = events / window_s if window_s > 0.0 else 0.0
        bound, tolerance = self.params.freq_bound, self.params.tolerance
        lowest = bound["min"] * (1.0 - tolerance)
        highest = bound["max"] * (1.0 + tolerance) if "max" in bound else None
        if events == 0:
            stat.summary(DiagnosticStatus.ERROR, "No events recorded.")
        elif rate < lowest:
            stat.summary(DiagnosticStatus.WARN, "Frequency too low.")
        elif highest is not None and rate > highest:
            stat.summary(DiagnosticStatus.WARN, "Frequency too high.")
        else:
            stat.summary(DiagnosticStatus.OK, "Desired frequency met")
        stat.add("Events in window", f"{events}")
        stat.add("Events since startup", f"{now.count}")
        stat.add("Duration of window (s)", f"{window_s:f}")
        stat.add("Actual frequency (Hz)", f"{rate:f}")
        if bound["min"] == bound.get("max"):
            stat.add("Target frequency (Hz)", f"{bound['min']:f}")
        if bound["min"] > 0.0:
            stat.add("Minimum acceptable frequency (Hz)", f"{lowest:f}")
        if highest is not None:
            stat.add("Maximum acceptable frequency (Hz)", f"{highest:f}")
        return stat
