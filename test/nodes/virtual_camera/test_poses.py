"""Poses from a TF buffer that lives through a jump of the clock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("rclpy", reason="needs ROS: run through tools/with_ros")

import numpy as np
import rclpy
from geometry_msgs.msg import TransformStamped
from rclpy.clock import ROSClock
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.time import Time
from tf2_ros import ExtrapolationException

from anyview_ros.nodes.conversions import ns_to_time
from anyview_ros.nodes.virtual_camera.poses import TfFollower, WakingBuffer

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


@pytest.fixture
def follower(node: Node) -> Iterator[TfFollower]:
    made = TfFollower(node, cache_s=30.0, on_news=lambda: None)
    yield made
    made.close()


def tell(follower: TfFollower, parent: str, child: str, x_m: float) -> None:
    message = transform(0.0, x_m)
    message.header.frame_id, message.child_frame_id = parent, child
    follower._buffer.set_transform_static(message, "test")


def at(x_m: float) -> np.ndarray:
    pose = np.eye(4)
    pose[0, 3] = x_m
    return pose


def test_a_frame_that_tf_does_not_know_may_be_had_and_moved(follower: TfFollower) -> None:
    tell(follower, "map", "base", 0.0)
    tell(follower, "base", "arm", 1.0)
    assert follower.claim_static("base", "cam", at(1.0)) == ""
    assert follower.claim_static("base", "cam", at(2.0)) == "", "the first has not come back from TF yet"
    tell(follower, "base", "cam", 1.0)
    assert follower.claim_static("base", "cam", at(2.0)) == ""
    assert follower.claim_static("arm", "cam", at(5.0)) == "", "another parent; TF still has the one before"
    tell(follower, "base", "cam", 2.0)
    tell(follower, "arm", "cam", 5.0)
    assert follower.claim_static("arm", "cam", at(5.0)) == ""


def test_a_frame_of_somebody_else_is_not_taken(follower: TfFollower) -> None:
    tell(follower, "map", "base", 0.0)
    tell(follower, "base", "cam", 1.0)
    assert "TF has a frame 'cam' of somebody else's" in follower.claim_static("base", "cam", at(2.0))
    tell(follower, "elsewhere", "lost", 1.0)
    assert "set publish_tf to false" in follower.claim_static("base", "lost", at(1.0)), "in a tree of its own"


def test_a_frame_that_somebody_else_takes_later_is_noticed(follower: TfFollower) -> None:
    tell(follower, "map", "base", 0.0)
    assert follower.claim_static("base", "cam", at(1.0)) == ""
    tell(follower, "base", "cam", 3.0)
    assert "of somebody else's" in follower.claim_static("base", "cam", at(1.0))


def test_a_frame_from_a_former_life_is_still_ones_own(follower: TfFollower) -> None:
    tell(follower, "map", "base", 0.0)
    tell(follower, "base", "cam", 1.0)  # as a bag tells it that was recorded while the node ran
    assert follower.claim_static("base", "cam", at(1.0)) == ""
