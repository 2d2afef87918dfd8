"""The main function of every node process: start, spin, and end cleanly whenever it is told to."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from rclpy.executors import Executor
    from rclpy.node import Node

_GRACE_S = 5.0


class RunningNode(Protocol):
    """A node that has something to free before it is destroyed."""

    def close(self) -> None:
        """Free what the node holds; closing twice is harmless."""
        ...

    def destroy_node(self) -> None:
        """As ``rclpy.node.Node``."""
        ...


def run(start: Callable[[], Sequence[RunningNode]], args: Sequence[str] | None = None) -> int:
    """Spin nodes until SIGINT, SIGTERM or a shutdown of the context.

    Args:
        start: imports and makes the nodes; called once ROS is initialised. What it imports is interruptible too.
        args: command line, ``sys.argv`` if None.

    Returns:
        The process's exit code: 0 at a shutdown, 1 if the nodes could not start (the reason is on stderr).
        Where work that cannot be interrupted still goes on, the process ends here, with that code.
    """
    try:
        code = _run(start, args)
    except KeyboardInterrupt:
        code = 0
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not _others_end(_GRACE_S):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _run(start: Callable[[], Sequence[RunningNode]], args: Sequence[str] | None) -> int:
    interrupted = _interrupts_noted()
    with _interrupts_held():
        import rclpy
        from rclpy.exceptions import InvalidParameterException, ParameterException

        from anyview_ros.errors import AnyViewError, InvalidInputError
        from anyview_ros.nodes.executor import PatientExecutor

    nodes: Sequence[RunningNode] = ()
    executor: Executor | None = None
    begun = False
    try:
        try:
            rclpy.init(args=None if args is None else list(args))
        except RuntimeError as err:  # of ROS, about its arguments, such as a parameter file that is not there
            raise InvalidInputError(f"ROS does not take the arguments: {err}") from err
        begun = True
        executor = PatientExecutor()
        nodes = start()
        for node in nodes:
            executor.add_node(cast("Node", node))
        executor.spin()
    except KeyboardInterrupt:
        return 0
    except (AnyViewError, InvalidParameterException, ParameterException) as err:
        print(f"cannot start: {err}", file=sys.stderr)  # noqa: T201 - the node's logger may not exist
        return 1
    except Exception:
        if not interrupted() and (rclpy.ok() or not begun):
            raise
        return 0  # an import fails in its own manner, and so does every call on ROS once the context is down
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not break the clean-up
        _end(nodes, executor)
        rclpy.try_shutdown()
    return 0


def _interrupts_noted() -> Callable[[], bool]:
    """Raise KeyboardInterrupt at SIGINT, as ever, and tell whether it came: some imports make another error of it."""
    came: list[int] = []

    def interrupt(number: int, _: object) -> None:
        came.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    return lambda: bool(came)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold SIGINT back until the end: the import of an extension module turns it into an ImportError."""
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt


def _end(nodes: Sequence[RunningNode], executor: Executor | None) -> None:
    for node in nodes:
        node.close()
    if executor is not None:
        executor.shutdown(0)
    for node in nodes:
        node.destroy_node()


def _others_end(grace_s: float) -> bool:
    """Whether all other threads end, in time or by themselves; a daemon in the midst of work may crash the exit."""
    deadline = time.monotonic() + grace_s
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(max(deadline - time.monotonic(), 0))
    return threading.active_count() == 1
