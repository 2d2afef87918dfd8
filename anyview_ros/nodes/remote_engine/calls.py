"""Service calls that end in time, answered or not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(eq=False)
class _Call:
    client: Any
    future: Any
    deadline_s: float
    on_timeout: Callable[[], None]
    overdue: bool = False


class Calls:
    """Calls under way. ROS itself waits for ever for the answer of a server that has died."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._lock = threading.Lock()

    def send(
        self,
        client: Any,
        request: Any,
        timeout_s: float,
        on_answer: Callable[[Any], None],
        on_timeout: Callable[[], None],
    ) -> None:
        """Call a service; one of the two callbacks runs on the node's executor, unless the call is dropped."""
        future = client.call_async(request)
        call = _Call(client, future, time.monotonic() + timeout_s, on_timeout)
        with self._lock:
            self._calls.append(call)
        future.add_done_callback(lambda done: self._answer(call, on_answer, done))

    def expire(self) -> None:
        """Give up calls whose time is up, at the second look.

        Where the executor itself was held up, answers may have come and wait to be taken between the two looks.
        """
        now_s = time.monotonic()
        for call in [call for call in self._all() if call.deadline_s <= now_s]:
            if not call.overdue:
                call.overdue = True
            elif self._take(call):
                call.client.remove_pending_request(call.future)
                call.on_timeout()

    def drop(self) -> None:
        """Give up all calls; no callback runs."""
        for call in self._all():
            if self._take(call):
                call.client.remove_pending_request(call.future)

    def _answer(self, call: _Call, on_answer: Callable[[Any], None], done: Any) -> None:
        if self._take(call):
            on_answer(done.result())

    def _all(self) -> list[_Call]:
        with self._lock:
            return list(self._calls)

    def _take(self, call: _Call) -> bool:
        """Whether the call was still under way; it no longer is."""
        with self._lock:
            if call not in self._calls:
                return False
            self._calls.remove(call)
            return True
