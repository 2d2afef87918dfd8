"""Ending a child that takes too long over a call."""

from __future__ import annotations

import math
import threading
import time
from types import TracebackType

from anyview_ros.synthesis.child_process.process import POLL_S, ChildProcess
from anyview_ros.synthesis.protocol import CancelToken


class Watchdog:
    """Kills a child that takes too long over a call, whatever the parent waits in meanwhile; a context manager.

    Args:
        child: at work while the context is entered.
        cancel: looked at meanwhile.
        patience_s: how long the child may go on once it is set.
        limit_s: how long in all; None for no limit.
    """

    def __init__(
        self, child: ChildProcess, cancel: CancelToken | None, *, patience_s: float, limit_s: float | None
    ) -> None:
        """Watch from ``__enter__`` on; see the class for the arguments."""
        self.killed = False
        """Whether the child was killed."""
        self.cancelled = False
        """Whether that was since it did not stop when it was told to."""
        self._child, self._cancel = child, cancel
        self._patience_s = patience_s
        self._limit_s = math.inf if limit_s is None else limit_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        stop_by, told = time.monotonic() + self._limit_s, False
        while not self._over.wait(POLL_S):
            if not told and self._cancel is not None and self._cancel.is_set():
                told = True
                stop_by = min(stop_by, time.monotonic() + self._patience_s)
            if time.monotonic() > stop_by:
                self.killed, self.cancelled = True, told
                self._child.kill()
                return
