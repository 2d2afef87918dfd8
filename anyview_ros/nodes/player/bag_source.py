"""Replays a bag as it was recorded, with its clock, where no ``ros2 bag play`` is at hand."""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock

from anyview_ros.nodes.conversions import ns_to_time
from anyview_ros.nodes.qos import latched_qos
from anyview_ros.offline.bag_items import BagMessage, BagTopic
from anyview_ros.offline.bags import Bag

_TICK_S = 0.01


class BagSource:
    """Publishes the messages of a bag, byte for byte, in the rhythm of their log times, and ``/clock``.

    Nodes that follow it need ``use_sim_time``. Topics whose type is not installed are left out, which is logged.
    """

    def __init__(self, node: Node, path: str, *, loop: bool, speed: float) -> None:
        """Open the bag and begin to play on the node's executor.

        Raises:
            ReadError: no such bag, or one without messages.
        """
        self.finished = False
        self._node = node
        self._bag = Bag(path)
        self._loop = loop
        self._speed = speed
        self._publishers = self._make_publishers(self._bag.topics)
        self._clock = node.create_publisher(Clock, "/clock", 10)
        self._rewind()
        self._timer = node.create_timer(_TICK_S, self._publish_due)
        for loss in self._bag.losses:
            node.get_logger().warning(loss)
        node.get_logger().info(
            f"playing {path}, {len(self._publishers)} topics, at {speed:g} times its speed"
        )

    def _make_publishers(self, topics: tuple[BagTopic, ...]) -> dict[str, Any]:
        publishers = {}
        for topic in topics:
            kind = _message_type(topic.type)
            if kind is None:
                self._node.get_logger().warning(
                    f"{topic.name} is left out: {topic.type} is not installed here"
                )
            elif topic.name != "/clock":
                publishers[topic.name] = self._node.create_publisher(kind, topic.name, _profile(topic.name))
        return publishers

    def _rewind(self) -> None:
        self._messages: Iterator[BagMessage] = self._bag.messages(set(self._publishers))
        self._waiting = next(self._messages, None)
        self._began_ns = self._bag.span_ns[0]
        self._began = time.monotonic()

    def _publish_due(self) -> None:
        now_ns = self._began_ns + round((time.monotonic() - self._began) * 1e9 * self._speed)
        self._clock.publish(Clock(clock=ns_to_time(now_ns)))
        while self._waiting is not None and self._waiting.log_ns <= now_ns:
            self._publishers[self._waiting.topic].publish(self._waiting.cdr)
            self._waiting = next(self._messages, None)
        if self._waiting is None:
            self._end()

    def _end(self) -> None:
        if self._loop:
            self._rewind()
        else:
            self._timer.cancel()
            self.finished = True

    def close(self) -> None:
        """Stop playing and close the bag."""
        self._timer.cancel()
        self._bag.close()


def _message_type(name: str) -> type | None:
    """The class of a type such as "sensor_msgs/msg/Image", or None if its package is not installed."""
    package, _, kind = name.partition("/msg/")
    try:
        return getattr(importlib.import_module(f"{package}.msg"), kind, None)
    except ImportError:
        return None


def _profile(topic: str) -> QoSProfile:
    if topic.endswith("tf_static"):
        return latched_qos(100)  # a bag holds one /tf_static message per broadcaster
    return QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
