"""What a call on ROS raises once its context is down, and what an error raises while it is up; the context is real."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="needs ROS: run through tools/with_ros")

import rclpy
from rclpy.context import Context
from std_msgs.msg import String

from anyview_ros.nodes.ending import while_up


def test_what_is_published_once_the_context_is_down_is_no_fault() -> None:
    context = Context()
    rclpy.init(context=context)
    node = rclpy.create_node("ending", context=context)
    publisher = node.create_publisher(String, "said", 1)
    with while_up(context):
        publisher.publish(String(data="up"))
    context.shutdown()
    with pytest.raises(Exception, match="context is invalid"):
        publisher.publish(String(data="down"))
    with while_up(context):
        publisher.publish(String(data="down"))
    node.destroy_node()


def test_errors_of_a_context_that_is_up_are_raised() -> None:
    context = Context()
    rclpy.init(context=context)
    with pytest.raises(ValueError, match="a fault"), while_up(context):
        raise ValueError("a fault")
    context.shutdown()
