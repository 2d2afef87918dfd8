"""Waiting, in a coroutine of a node, for work done by a thread of our own."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from rclpy.node import Node
from rclpy.task import Future as RosFuture


async def ended(future: Future[Any], node: Node) -> None:
    """Suspend the calling callback until ``future`` has ended, leaving the node's executor free.

    The executor is woken when the future ends: setting a ROS future from another thread does not do that.
    """
    waiter = RosFuture()
    waiter.add_done_callback(lambda _: _wake(node))
    future.add_done_callback(lambda _: waiter.set_result(None))
    await waiter


def _wake(node: Node) -> None:
    executor = node.executor
    if executor is not None:
        executor.wake()
