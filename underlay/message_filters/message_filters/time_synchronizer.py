"""Sets of messages with equal stamps."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from rclpy.time import Time

from .simple_filter import SimpleFilter


class TimeSynchronizer(SimpleFilter):
    """Calls back with one message of each filter as soon as all have one of the same stamp.

    At most queue_size messages of each filter wait; beyond that the oldest stamp goes first. After a jump of
    the clock back in time, messages older than those waiting go first: make a new synchroniser then.
    Callbacks run one at a time, in order.
    """

    def __init__(self, fs: Sequence[SimpleFilter], queue_size: int) -> None:
        super().__init__()
        self.queue_size = queue_size
        self.lock = threading.RLock()
        self.connectInput(fs)

    def connectInput(self, fs: Sequence[SimpleFilter]) -> None:
        """Listen to filters, with empty queues."""
        self.queues: list[dict[int, Any]] = [{} for _ in fs]
        self.input_connections = [
            f.registerCallback(self.add, queue, index)
            for index, (f, queue) in enumerate(zip(fs, self.queues, strict=True))
        ]

    def add(self, msg: Any, my_queue: dict[int, Any], my_queue_index: int | None = None) -> None:
        """Take a message of one filter."""
        with self.lock:
            self._enqueue(msg, my_queue, Time.from_msg(msg.header.stamp).nanoseconds)
            complete = set.intersection(*(set(queue) for queue in self.queues))
            for stamp_ns in sorted(complete):
                self._signal([stamp_ns] * len(self.queues))

    def _enqueue(self, msg: Any, queue: dict[int, Any], stamp_ns: int) -> None:
        queue[stamp_ns] = msg
        while len(queue) > self.queue_size:
            del queue[min(queue)]

    def _signal(self, stamps_ns: Sequence[int]) -> None:
        """Take one message out of each queue and call back with them."""
        self.signalMessage(
            *[queue.pop(stamp_ns) for queue, stamp_ns in zip(self.queues, stamps_ns, strict=True)]
        )
