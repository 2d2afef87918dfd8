"""Sets of messages with nearly equal stamps."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from rclpy.duration import Duration

from .simple_filter import SimpleFilter
from .stamps import time_of
from .time_synchronizer import TimeSynchronizer


class ApproximateTimeSynchronizer(TimeSynchronizer):
    """Calls back with one message of each filter, all of whose stamps lie within slop seconds.

    A message completes a set when it arrives: of the messages waiting, those nearest in time are tried first.
    The search grows with queue_size to the power of the number of other filters: keep it at 10 or below.
    Messages without a header are dropped, or with allow_headerless take the time of their arrival.
    """

    def __init__(
        self, fs: Sequence[SimpleFilter], queue_size: int, slop: float, allow_headerless: bool = False
    ) -> None:
        super().__init__(fs, queue_size)
        self.slop = Duration(seconds=slop)
        self.allow_headerless = allow_headerless

    def add(self, msg: Any, my_queue: dict[int, Any], my_queue_index: int | None = None) -> None:
        """Take a message of one filter."""
        time = time_of(msg, allow_headerless=self.allow_headerless, logger="message_filters_approx")
        if time is None:
            return
        stamp_ns = time.nanoseconds
        with self.lock:
            self._enqueue(msg, my_queue, stamp_ns)
            if stamp_ns not in my_queue:
                return  # older than all that wait in a full queue
            for stamps_ns in self._candidates(my_queue, stamp_ns):
                if max(stamps_ns) - min(stamps_ns) < self.slop.nanoseconds:
                    self._signal(stamps_ns)
                    return

    def _candidates(self, my_queue: dict[int, Any], stamp_ns: int) -> Iterator[tuple[int, ...]]:
        """Choose the new message from its queue and one within slop of it from each other, nearest first."""
        choices = []
        for queue in self.queues:
            if queue is my_queue:
                choices.append([stamp_ns])
                continue
            near = [other_ns for other_ns in queue if abs(other_ns - stamp_ns) <= self.slop.nanoseconds]
            choices.append(sorted(near, key=lambda other_ns: abs(other_ns - stamp_ns)))
        return itertools.product(*choices)
