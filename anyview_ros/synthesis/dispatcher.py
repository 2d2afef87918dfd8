"""A thread that runs callbacks in order, so that what they do never holds up the worker that posted them."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

_log = logging.getLogger(__name__)

_RETRY_S = 1.0  # after a tick that raised


class Dispatcher:
    """Runs posted callbacks one after the other on a thread of its own, and a clock besides.

    A callback that raises is logged and harms nobody else; so is a tick, which is tried again a second later.

    Args:
        name: of the thread.
        tick: called between callbacks, and again after as many seconds as it returns (None: when woken).
    """

    def __init__(self, name: str, tick: Callable[[], float | None]) -> None:
        """Make a dispatcher; :meth:`start` sets it going."""
        self._tick = tick
        self._posted: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._woken = self._closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def post(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` run after those posted before."""
        with self._changed:
            self._posted.append(callback)
            self._changed.notify_all()

    def wake(self) -> None:
        """Have ``tick`` called now."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def close(self, timeout_s: float) -> None:
        """Run what was posted, then end the thread.

        If a callback blocks for longer than ``timeout_s``, the others are run here instead. May be called
        from a
        callback: then the rest runs after it returns.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if threading.current_thread() is self._thread:
            return
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        while (callback := self._take()) is not None:
            _call(callback)

    def _take(self) -> Callable[[], None] | None:
        with self._changed:
            return self._posted.popleft() if self._posted else None

    def _ticked(self) -> float | None:
        """Seconds until the next tick, no longer than a lock can wait; None: when woken."""
        try:
            delay_s = self._tick()
        except Exception:  # noqa: BLE001 - a clock that fails must not end the thread that callbacks rely on
            _log.exception("the clock of the synthesis engine raised")
            delay_s = _RETRY_S
        return None if delay_s is None else min(delay_s, threading.TIMEOUT_MAX)

    def _run(self) -> None:
        while True:
            delay_s = self._ticked()
            with self._changed:
                if not (self._posted or self._woken or self._closing):
                    self._changed.wait(delay_s)
                self._woken = False
                if self._closing and not self._posted:
                    return
                callback = self._posted.popleft() if self._posted else None
            if callback is not None:
                _call(callback)


def _call(callback: Callable[[], None]) -> None:
    try:
        callback()
    except Exception:  # noqa: BLE001 - whatever a callback raises must not end the thread that others rely on
        _log.exception("a callback of the synthesis engine raised")
