"""An executor for nodes with lifecycle transitions that take long."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.executors import (
    ConditionReachedException,
    Executor,
    ExternalShutdownException,
    ShutdownException,
    TimeoutException,
)


class SlowCallbackGroup(MutuallyExclusiveCallbackGroup):
    """Plain functions, no coroutines, that may take seconds, such as a transition that loads a model."""


class PatientExecutor(Executor):
    """Runs callbacks in the spinning thread, and those of a :class:`SlowCallbackGroup` in a thread beside it.

    Coroutines that wait for work elsewhere cost one look each time the executor wakes.
    ``MultiThreadedExecutor`` would serve as well, but keeps a list entry for every such look until the coroutine
    ends, and walks through that list at every wake.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._beside = ThreadPoolExecutor(1, thread_name_prefix="slow_callback")
        self._slow: list[Any] = []

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Wait for one callback and run it, or hand it to the thread for slow ones."""
        self._spin_once(timeout_sec, _never)

    def spin_once_until_future_complete(self, future: Any, timeout_sec: Any = None) -> None:
        """As :meth:`spin_once`, but end early once the future is done."""
        future.add_done_callback(lambda _: self.wake())
        self._spin_once(timeout_sec, future.done)

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """End spinning; a slow callback that runs is left to itself."""
        self._beside.shutdown(wait=False, cancel_futures=True)
        return bool(super().shutdown(timeout_sec))

    def _spin_once(self, timeout_sec: Any, condition: Any) -> None:
        try:
            ready: tuple[Any, Any, Any] = self.wait_for_ready_callbacks(timeout_sec, None, condition)
        except (ConditionReachedException, ExternalShutdownException, ShutdownException, TimeoutException):
            return
        task, entity, _ = ready
        if isinstance(getattr(entity, "callback_group", None), SlowCallbackGroup):
            if task not in self._slow:  # a task that waits for the thread is offered at every wake
                self._slow.append(task)
                self._beside.submit(task)
        else:
            task()
            _raise_of(task)
        for ended in [slow for slow in self._slow if slow.done()]:
            self._slow.remove(ended)
            _raise_of(ended)


def _never() -> bool:
    """A condition that is always the same object: with another one, the executor starts its round anew."""
    return False


def _raise_of(task: Any) -> None:
    error = task.exception()
    if error is not None:
        raise error
