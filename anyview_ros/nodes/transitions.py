"""Lifecycle transitions that do not fail without a word, and those that a node goes through by itself."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import wraps
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn

Transition = Callable[[Any, LifecycleState], TransitionCallbackReturn]


def logged(transition: Transition) -> Transition:
    """Have the node's logger tell what a transition raises: rclpy turns it into ERROR and says nothing.

    Once the context is down, every call on ROS that was under way fails in its own manner: that is the end of the
    process, not a fault, and nothing is told.
    """

    @wraps(transition)
    def run(node: Any, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(node, state)
        except Exception:
            if node.context.ok():
                node.get_logger().error(
                    f"{transition.__name__} failed unexpectedly: {traceback.format_exc()}"
                )
            raise

    return run


def start_by_itself(node: Any, group: CallbackGroup) -> None:
    """Have a lifecycle node configure, and where that succeeds activate itself, as soon as it is spun.

    Args:
        node: lifecycle node; unconfigured.
        group: in which the transitions run.
    """

    def start() -> None:
        node.destroy_timer(timer)
        if node.trigger_configure() is TransitionCallbackReturn.SUCCESS:
            node.trigger_activate()

    timer = node.create_timer(0.0, start, callback_group=group, clock=Clock(clock_type=ClockType.STEADY_TIME))
