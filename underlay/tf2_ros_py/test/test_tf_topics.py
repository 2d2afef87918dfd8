"""Broadcasters and listeners on two nodes of a real graph."""

from __future__ import annotations

import time

import pytest
import rclpy
from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.time import Time
from tf2_msgs.srv import FrameGraph
from tf2_ros import Buffer, StaticTransformBroadcaster, TransformBroadcaster, TransformListener

LATEST = Time()
PATIENCE_S = 30.0


def link(parent: str, child: str, at_s: float, x: float = 0.0) -> TransformStamped:
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    message.header.stamp = Time(seconds=at_s).to_msg()
    message.transform.translation.x = x
    message.transform.rotation.w = 1.0
    return message


@pytest.fixture
def graph():
    """Two nodes and the executor that spins them."""
    rclpy.init()
    robot = rclpy.create_node("robot")
    watcher = rclpy.create_node("watcher")
    executor = SingleThreadedExecutor()
    executor.add_node(robot)
    executor.add_node(watcher)
    yield robot, watcher, executor
    executor.shutdown()
    robot.destroy_node()
    watcher.destroy_node()
    rclpy.shutdown()


def spin_until(executor, condition) -> bool:
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition() and time.monotonic() < deadline_s:
        executor.spin_once(timeout_sec=0.1)
    return condition()


def test_a_late_listener_gets_static_transforms_and_the_moving_ones_to_come(graph) -> None:
    robot, watcher, executor = graph
    static = StaticTransformBroadcaster(robot)
    static.sendTransform(link("base", "camera", 0.0, 1.0))
    static.sendTransform([link("base", "lidar", 0.0, 2.0), link("base", "gripper", 0.0, 3.0)])
    moving = TransformBroadcaster(robot)

    buffer = Buffer(node=watcher)
    listener = TransformListener(buffer, watcher)
    for child, x in (("camera", 1.0), ("lidar", 2.0), ("gripper", 3.0)):
        assert spin_until(executor, lambda child=child: buffer.can_transform("base", child, LATEST))
        assert buffer.lookup_transform("base", child, LATEST).transform.translation.x == x

    assert spin_until(executor, lambda: moving.pub_tf.get_subscription_count() == 1)
    future = buffer.wait_for_transform_async("map", "camera", Time(seconds=1.5))
    moving.sendTransform(link("map", "base", 1.0, 10.0))
    moving.sendTransform((link("map", "base", 2.0, 20.0), link("map", "other", 2.0)))
    assert spin_until(executor, future.done)
    assert future.result().transform.translation.x == pytest.approx(16.0)

    frames = robot.create_client(FrameGraph, "tf2_frames")
    assert frames.wait_for_service(PATIENCE_S)
    answer = frames.call_async(FrameGraph.Request())
    assert spin_until(executor, answer.done)
    assert "camera" in answer.result().frame_yaml

    listener.unregister()
    assert spin_until(executor, lambda: moving.pub_tf.get_subscription_count() == 0)


def test_a_static_frame_keeps_its_first_transform(graph) -> None:
    robot, watcher, executor = graph
    static = StaticTransformBroadcaster(robot)
    static.sendTransform(link("base", "camera", 0.0, 1.0))
    static.sendTransform(link("base", "camera", 0.0, 5.0))
    static.sendTransform(link("base", "last", 0.0))
    buffer = Buffer()
    listener = TransformListener(buffer, watcher)
    assert spin_until(executor, lambda: buffer.can_transform("base", "last", LATEST))
    assert buffer.lookup_transform("base", "camera", LATEST).transform.translation.x == 1.0
    listener.unregister()


def test_a_listener_with_its_own_thread_feeds_a_blocking_lookup(graph) -> None:
    robot, *_ = graph
    watcher = rclpy.create_node("blocked_watcher")
    buffer = Buffer()
    listener = TransformListener(buffer, watcher, spin_thread=True)
    try:
        StaticTransformBroadcaster(robot).sendTransform(link("base", "camera", 0.0, 1.0))
        found = buffer.lookup_transform("base", "camera", LATEST, timeout=Duration(seconds=PATIENCE_S))
        assert found.transform.translation.x == 1.0
    finally:
        listener.executor.shutdown()
        listener.dedicated_listener_thread.join()
        listener.unregister()
        watcher.destroy_node()


@pytest.mark.skipif(not hasattr(Buffer(), "_waits"), reason="goes beyond the upstream package")
def test_unregistering_a_listener_ends_its_thread() -> None:
    rclpy.init()
    watcher = rclpy.create_node("watcher")
    listener = TransformListener(Buffer(), watcher, spin_thread=True)
    listener.unregister()
    listener.unregister()
    assert not listener.dedicated_listener_thread.is_alive()
    watcher.destroy_node()
    rclpy.shutdown()


@pytest.mark.skipif(not hasattr(Buffer(), "_waits"), reason="goes beyond the upstream package")
def test_a_context_that_ends_ends_the_thread_of_a_listener() -> None:
    rclpy.init()
    watcher = rclpy.create_node("watcher")
    listener = TransformListener(Buffer(), watcher, spin_thread=True)
    rclpy.shutdown()
    listener.dedicated_listener_thread.join(PATIENCE_S)
    assert not listener.dedicated_listener_thread.is_alive()
    listener.unregister()
