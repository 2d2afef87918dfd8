"""Subscribers on a node, synchronised with messages of another."""

from __future__ import annotations

import time

import pytest
import rclpy
from message_filters import ApproximateTimeSynchronizer, Subscriber
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image

PATIENCE_S = 30.0


@pytest.fixture
def graph():
    """Two nodes and the executor that spins them."""
    rclpy.init()
    camera, viewer = rclpy.create_node("camera"), rclpy.create_node("viewer")
    executor = SingleThreadedExecutor()
    executor.add_node(camera)
    executor.add_node(viewer)
    yield camera, viewer, executor
    executor.shutdown()
    camera.destroy_node()
    viewer.destroy_node()
    rclpy.shutdown()


def test_images_meet_their_calibration(graph) -> None:
    camera, viewer, executor = graph
    images = camera.create_publisher(Image, "image", 10)
    infos = camera.create_publisher(CameraInfo, "camera_info", 10)
    subscribers = [
        Subscriber(viewer, Image, "image", qos_profile=qos_profile_sensor_data),
        Subscriber(viewer, CameraInfo, "camera_info"),
    ]
    sets = []
    synchronizer = ApproximateTimeSynchronizer(subscribers, 5, 0.02)
    synchronizer.registerCallback(lambda *messages: sets.append(messages))

    assert [subscriber.getTopic() for subscriber in subscribers] == ["image", "camera_info"]
    assert subscribers[0].topic_name == "/image"
    assert subscribers[0].sub.qos_profile.reliability == qos_profile_sensor_data.reliability
    with pytest.raises(AttributeError):
        _ = subscribers[0].no_such_thing

    deadline_s = time.monotonic() + PATIENCE_S
    while len(sets) < 3 and time.monotonic() < deadline_s:
        now = camera.get_clock().now().to_msg()
        image, info = Image(width=4), CameraInfo(width=4)
        image.header.stamp = info.header.stamp = now
        images.publish(image)
        infos.publish(info)
        for _ in range(4):
            executor.spin_once(timeout_sec=0.02)
    assert len(sets) >= 3
    for image, info in sets:
        assert isinstance(image, Image)
        assert isinstance(info, CameraInfo)
        assert image.header.stamp == info.header.stamp
