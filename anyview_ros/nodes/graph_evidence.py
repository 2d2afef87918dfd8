"""What a live ROS graph shows of cameras, poses and connections."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from tf2_msgs.msg import TFMessage

from anyview_ros.diagnosis import (
    Connection,
    Evidence,
    Origin,
    QosProfile,
    VirtualCamerasState,
    VirtualCameraState,
)
from anyview_ros.nodes.qos import latched_qos
from anyview_ros.offline.bag_evidence import cameras_to_look_at, gatherer_of, make_takers
from anyview_ros.offline.bag_items import BagTopic
from anyview_ros.offline.bags import BagCamera
from anyview_ros.offline.gathering import TransformGatherer, gathered

_TYPES: dict[str, type[Any]] = {
    "sensor_msgs/msg/Image": Image,
    "sensor_msgs/msg/CompressedImage": CompressedImage,
    "sensor_msgs/msg/CameraInfo": CameraInfo,
    "tf2_msgs/msg/TFMessage": TFMessage,
}
_STATUS = "anyview_ros/msg/Status"
_NAME = "anyview_doctor"
_DISCOVERY_S = 6.0
_SETTLED_S = 1.5
_INFINITE_NS = 2**62

# Best effort matches every publisher; who holds the latched ones back is told by the check of connections.
_SENSOR = QoSProfile(depth=20, reliability=ReliabilityPolicy.BEST_EFFORT)
_LATCHED = latched_qos(100)
_LISTENER = "every TF listener"


def graph_evidence(*, image: str = "", fixed_frame: str = "", duration_s: float = 5.0) -> Evidence:
    """Listen for a while and gather what the checks need.

    Args:
        image: topic of the pictures; "" for every camera.
        fixed_frame: TF frame that stands still; "" for the root above each camera.
        duration_s: how long to listen, after a few seconds of discovery.

    Raises:
        ReadError: no pictures are published on ``image``.
    """
    context = Context()
    rclpy.init(context=context)
    node = rclpy.create_node(_NAME, context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    try:
        return _GraphLook(node, executor, image).evidence(fixed_frame.removeprefix("/"), duration_s)
    finally:
        executor.shutdown(0)
        node.destroy_node()
        context.try_shutdown()


class _GraphLook:
    """One look at a graph."""

    def __init__(self, node: Node, executor: SingleThreadedExecutor, image: str) -> None:
        self._node = node
        self._executor = executor
        self._image = image
        self._simulated = False
        self._transforms = TransformGatherer()
        self._states: dict[str, VirtualCamerasState] = {}

    def evidence(self, fixed_frame: str, duration_s: float) -> Evidence:
        topics = self._discover()
        if self._node.count_publishers("/clock"):
            self._node.set_parameters([Parameter("use_sim_time", value=True)])
            self._simulated = True
            self._spin(0.5)
        cameras = cameras_to_look_at(topics, self._image)
        gatherers = {camera.image: gatherer_of(camera) for camera in cameras}
        self._subscribe(topics, make_takers(topics, cameras, gatherers, self._transforms))
        began_ns = self._now_ns()
        self._spin(duration_s)
        return gathered(
            Origin.GRAPH,
            "live graph",
            gatherers.values(),
            self._transforms,
            fixed_frame=fixed_frame,
            span_ns=(began_ns, self._now_ns()),
            connections=self._connections(cameras),
            virtual_cameras=tuple(self._states.values()),
        )

    def _discover(self) -> tuple[BagTopic, ...]:
        """Wait until topics of cameras or TF are there and no more appear."""
        deadline = time.monotonic() + _DISCOVERY_S
        topics = self._topics()
        while time.monotonic() < deadline:
            self._spin(_SETTLED_S)
            before, topics = topics, self._topics()
            if topics == before and any(topic.type in _TYPES for topic in topics):
                break
        return topics

    def _spin(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)

    def _topics(self) -> tuple[BagTopic, ...]:
        """Topics with their number of publishers; those that nobody publishes are left out."""
        known = self._node.get_topic_names_and_types()
        counted = [BagTopic(name, types[0], self._node.count_publishers(name)) for name, types in known]
        return tuple(topic for topic in counted if topic.count)

    def _subscribe(
        self, topics: Collection[BagTopic], takers: dict[str, list[Callable[[Any, int], None]]]
    ) -> None:
        for topic in topics:
            if topic.name in takers:
                profile = _LATCHED if topic.name.endswith("tf_static") else _SENSOR
                callback = self._receiver(takers[topic.name])
                self._node.create_subscription(_TYPES[topic.type], topic.name, callback, profile)
            elif topic.type == _STATUS:
                from anyview_ros.msg import Status

                self._node.create_subscription(
                    Status, topic.name, partial(self._take_status, topic.name), _LATCHED
                )

    def _receiver(self, takers: list[Callable[[Any, int], None]]) -> Any:
        def receive(message: Any, info: Any) -> None:
            receipt_ns = self._now_ns() if self._simulated else int(info["received_timestamp"])
            for take in takers:
                take(message, receipt_ns)

        return receive

    def _take_status(self, topic: str, status: Any) -> None:
        namespace = topic.rpartition("/")[0]
        cameras = tuple(
            VirtualCameraState(
                name=camera.name,
                state=_state_name(camera),
                reason=camera.reason,
                is_published=self._node.count_publishers(f"{namespace}/{camera.name}/image") > 0,
            )
            for camera in status.cameras
        )
        self._states[topic] = VirtualCamerasState(
            topic=topic,
            summary=status.summary,
            server=status.server,
            server_available=bool(status.server_available),
            received=int(status.frames_received),
            drops=dict(zip(status.drop_reasons, map(int, status.drop_counts), strict=False)),
            cameras=cameras,
        )

    def _connections(self, cameras: Collection[BagCamera]) -> tuple[Connection, ...]:
        """Every publisher with every subscription of the cameras' topics and of TF, ours left out."""
        names = {name for c in cameras for name in (c.image, c.camera_info, c.depth) if name}
        found = []
        for topic in sorted(names | {"/tf", "/tf_static"}):
            requests = [
                (_full_name(end), _profile(end.qos_profile))
                for end in self._node.get_subscriptions_info_by_topic(topic)
                if end.node_name != _NAME
            ]
            if topic == "/tf_static":
                requests.append((_LISTENER, QosProfile(reliable=True, latched=True)))
            elif topic == "/tf":
                requests.append((_LISTENER, QosProfile(reliable=True, latched=False)))
            for end in self._node.get_publishers_info_by_topic(topic):
                offered = _profile(end.qos_profile)
                found += [
                    Connection(topic, _full_name(end), who, offered, wanted) for who, wanted in requests
                ]
        return tuple(found)


def _state_name(camera: Any) -> str:
    names = {
        camera.IDLE: "idle",
        camera.WAITING: "waiting",
        camera.STREAMING: "streaming",
        camera.FALLBACK: "fallback",
    }
    return names.get(camera.state, f"unknown state {camera.state}")


def _full_name(end: Any) -> str:
    return f"{end.node_namespace.rstrip('/')}/{end.node_name}"


def _profile(profile: QoSProfile) -> QosProfile:
    deadline_ns = int(profile.deadline.nanoseconds)
    return QosProfile(
        reliable=profile.reliability == ReliabilityPolicy.RELIABLE,
        latched=profile.durability == DurabilityPolicy.TRANSIENT_LOCAL,
        deadline_ns=deadline_ns if 0 < deadline_ns < _INFINITE_NS else None,
    )
