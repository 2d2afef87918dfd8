"""How old stamps are when they come."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.clock import Clock, ClockType
from rclpy.time import Time

from .diagnostic_status_wrapper import DiagnosticStatusWrapper
from .diagnostic_task import DiagnosticTask


@dataclass
class TimeStampStatusParam:
    """Bounds, in seconds, of the present time minus a stamp: negative is a stamp in the future."""

    min_acceptable: float = -1
    max_acceptable: float = 5


class TimeStampStatus(DiagnosticTask):
    """ERROR when a stamp since the last run was too old, in the future or zero; WARN when there was none.

    Stamps are compared with the system's clock, as upstream does: of no use under simulated time.
    """

    def __init__(self, params: TimeStampStatusParam | None = None, name: str = "Timestamp Status") -> None:
        super().__init__(name)
        self.params = TimeStampStatusParam() if params is None else params
        self.lock = threading.Lock()
        self.early_count = self.late_count = self.zero_count = 0
        self._clock = Clock(clock_type=ClockType.ROS_TIME)
        self._start_over()

    def tick(self, stamp: Time | float) -> None:
        """Take a stamp: an rclpy Time, or seconds."""
        stamp_s = stamp if isinstance(stamp, float) else stamp.nanoseconds * 1e-9
        with self.lock:
            if stamp_s == 0.0:
                self.zero_seen = True
                return
            delay_s = self._clock.now().nanoseconds * 1e-9 - stamp_s
            self.min_delta = min(delay_s, self.min_delta) if self.deltas_valid else delay_s
            self.max_delta = max(delay_s, self.max_delta) if self.deltas_valid else delay_s
            self.deltas_valid = True

    def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        """Judge the stamps since the last run."""
        with self.lock:
            self._judge(stat)
            stat.add("Earliest timestamp delay:", f"{self.min_delta:f}")
            stat.add("Latest timestamp delay:", f"{self.max_delta:f}")
            stat.add("Earliest acceptable timestamp delay:", f"{self.params.min_acceptable:f}")
            stat.add("Latest acceptable timestamp delay:", f"{self.params.max_acceptable:f}")
            stat.add("Late diagnostic update count:", f"{self.late_count}")
            stat.add("Early diagnostic update count:", f"{self.early_count}")
            stat.add("Zero seen diagnostic update count:", f"{self.zero_count}")
            self._start_over()
        return stat

    def _judge(self, stat: DiagnosticStatusWrapper) -> None:
        stat.summary(DiagnosticStatus.OK, "Timestamps are reasonable.")
        if not self.deltas_valid and not self.zero_seen:
            stat.summary(DiagnosticStatus.WARN, "No data since last update.")
        if self.deltas_valid and self.min_delta < self.params.min_acceptable:
            stat.summary(DiagnosticStatus.ERROR, "Timestamps too far in future seen.")
            self.early_count += 1
        if self.deltas_valid and self.max_delta > self.params.max_acceptable:
            stat.summary(DiagnosticStatus.ERROR, "Timestamps too far in past seen.")
            self.late_count += 1
        if self.zero_seen:
            stat.summary(DiagnosticStatus.ERROR, "Zero timestamp seen.")
            self.zero_count += 1

    def _start_over(self) -> None:
        self.min_delta = self.max_delta = 0.0
        self.deltas_valid = self.zero_seen = False
