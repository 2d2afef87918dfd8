"""Poses from a TF buffer that lives through a jump of the clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("rclpy", reason="needs ROS: run through tools/with_ros")

import rclpy
from geometry_msgs.msg import TransformStamped
from rclpy.clock import ROSClock
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.time import Time
from tf2_ros import ExtrapolationException

from anyview_ros.nodes.conversions import ns_to_time
from anyview_ros.nodes.virtual_camera.poses import WakingBuffer

SECOND = 10**9


@pytest.fixture
def node() -> Iterator[Node]:
    rclpy.init()
    node = Node("test_poses", parameter_overrides=[Parameter("use_sim_time", value=True)])
    yield node
    node.destroy_node()
    rclpy.shutdown()


@pytest.fixture
def news() -> list[int]:
    return []


@pytest.fixture
def buffer(node: Node, news: list[int]) -> WakingBuffer:
    return WakingBuffer(Duration(seconds=30), node, lambda: news.append(1))


def turn_clock_to(node: Node, now_s: float) -> None:
    clock = node.get_clock()
    assert isinstance(clock, ROSClock)
    clock.set_ros_time_override(Time(nanoseconds=round(now_s * SECOND), clock_type=clock.clock_type))


def transform(stamp_s: float, x_m: float) -> TransformStamped:
    message = TransformStamped()
    message.header.stamp = ns_to_time(round(stamp_s * SECOND))
    message.header.frame_id, message.child_frame_id = "map", "base"
    message.transform.translation.x = x_m
    message.transform.rotation.w = 1.0
    return message


def x_at(buffer: WakingBuffer, stamp_s: float) -> float:
    found = buffer.lookup_transform("map", "base", Time(nanoseconds=round(stamp_s * SECOND)))
    return float(found.transform.translation.x)


def test_a_transform_that_a_jump_back_overtook_does_not_shadow_those_of_the_new_time(
    node: Node, buffer: WakingBuffer, news: list[int]
) -> None:
    turn_clock_to(node, 60.0)
    buffer.set_transform(transform(60.0, 6.0), "test")
    turn_clock_to(node, 1.0)
    buffer.set_transform(transform(60.1, 6.1), "test")  # was queued
    assert len(news) == 1
    for stamp_s in (1.0, 1.1):
        buffer.set_transform(transform(stamp_s, stamp_s), "test")
    assert x_at(buffer, 1.05) == pytest.approx(1.05)
    with pytest.raises(ExtrapolationException):
        x_at(buffer, 30.0)


def test_postdated_transforms_are_kept(node: Node, buffer: WakingBuffer) -> None:
    turn_clock_to(node, 60.0)
    turn_clock_to(node, 1.0)
    for stamp_s in (1.9, 2.0):
        buffer.set_transform(transform(stamp_s, stamp_s), "test")
    assert x_at(buffer, 2.0) == 2.0
