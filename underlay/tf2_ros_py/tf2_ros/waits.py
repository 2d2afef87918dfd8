"""Futures of transforms that are not there yet. None is kept longer than it can matter."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

from geometry_msgs.msg import TransformStamped
from rclpy.task import Future

from .exceptions import ExtrapolationException, InvalidArgumentException, TransformException


class Wait(NamedTuple):
    """What is waited for, and whether waiting is vain."""

    lookup: Callable[[], TransformStamped]
    is_vain: Callable[[], bool]

    def outcome(self) -> TransformStamped | TransformException | None:
        """Return the transform, the error that ends the waiting, or None: not yet."""
        try:
            return self.lookup()
        except InvalidArgumentException as error:
            return error
        except ExtrapolationException as error:
            return error if self.is_vain() else None
        except TransformException:
            return None


class Waits:
    """The pending futures of one buffer; `news` is notified at each new transform."""

    def __init__(self, lock: threading.RLock) -> None:
        self.news = threading.Condition(lock)
        self._pending: dict[Future, Wait] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, wait: Wait) -> Future:
        """Return a future that completes now if it can, else when a new transform lets it."""
        future = Future()
        with self.news:
            outcome = wait.outcome()
            if outcome is None:
                self._pending[future] = wait
                future.add_done_callback(self._forget)
        complete(future, outcome)
        return future

    def settle(self) -> None:
        """Complete what can be completed. Callbacks of the futures run outside the lock."""
        with self.news:
            self.news.notify_all()
            outcomes = [(future, wait.outcome()) for future, wait in self._pending.items()]
            for future, outcome in outcomes:
                if outcome is not None:
                    del self._pending[future]
        for future, outcome in outcomes:
            complete(future, outcome)

    def _forget(self, future: Future) -> None:
        with self.news:
            self._pending.pop(future, None)


def complete(future: Future, outcome: TransformStamped | TransformException | None) -> None:
    """Pass an outcome to a future that nobody has cancelled meanwhile."""
    if outcome is None or future.done():
        return
    if isinstance(outcome, TransformException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
