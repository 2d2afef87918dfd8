"""The end of a process, as threads of our own meet it in the midst of their calls on ROS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rclpy.context import Context


@contextmanager
def while_up(context: Context) -> Iterator[None]:
    """Let errors pass only while the context is up.

    SIGINT takes a context down at any instant, also between a look at it and the call that follows. Every call on ROS
    that a thread has under way then fails in its own manner: that is the end of the process, not a fault.

    Args:
        context: of the node that is called.

    Raises:
        Exception: whatever the block raises, while the context is up.
    """
    try:
        yield
    except Exception:
        if context.ok():
            raise
