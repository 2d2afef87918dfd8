"""What is published of a method's scene besides views: points, a look into its fit, and poses after refinement."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from geometry_msgs.msg import TransformStamped
from rclpy.exceptions import InvalidHandle
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import Header
from tf2_ros import TransformBroadcaster

from anyview_ros.nodes.conversions import matrix_to_transform, ns_to_time, rgb_to_image
from anyview_ros.nodes.conversions.points import points_to_cloud
from anyview_ros.nodes.qos import view_qos
from anyview_ros.nodes.virtual_camera.parameters import SceneSettings
from anyview_ros.nodes.virtual_camera.poses import TfFollower
from anyview_ros.nodes.virtual_camera.rate import DueClock
from anyview_ros.nodes.virtual_camera.session import Answer
from anyview_ros.synthesis.by_products import ByProduct, RefinedPoses
from anyview_ros.synthesis.description import MethodDescription

if TYPE_CHECKING:
    from anyview_ros.nodes.virtual_camera.node import VirtualCameraNode

_TOPICS: dict[ByProduct, tuple[str, type[Any]]] = {
    ByProduct.POINTS: ("~/points", PointCloud2),
    ByProduct.RAY_WEIGHTS: ("~/debug/ray_weights", Image),
}
_TELL_AGAIN_S = 10.0  # of what fails time and again
_NOT_MADE = (
    "the engine makes none: a synthesis_server sends views alone (set engine to local), few methods keep a scene "
    "(any4d, ddr), and refined poses want a method that refines them (ddr with the option refine_poses)"
)


class SceneOutputs:
    """Publishes what the parameters name, if the engine's method makes it and somebody subscribes.

    What the method does not make is told once, in the log, and asked for no more until :meth:`change`. Safe between
    threads.

    Args:
        node: publishes.
        settings: what the parameters say.
        fixed_frame: TF frame in which the window's poses are given.
        tf: tells which frames there are already.
    """

    def __init__(
        self, node: VirtualCameraNode, settings: SceneSettings, fixed_frame: str, tf: TfFollower
    ) -> None:
        self._node = node
        self._settings = settings
        self._fixed_frame = fixed_frame
        self._tf = tf
        self._lock = threading.Lock()
        self._due = DueClock(settings.by_products_rate_hz)
        self._refused: set[ByProduct] = set()
        self._published_ns = 0
        self._broadcaster = TransformBroadcaster(node) if settings.refined_frame else None
        self._publishers = {
            kind: node.create_lifecycle_publisher(
                message,
                topic,
                view_qos(),
                qos_overriding_options=QoSOverridingOptions.with_default_policies(),
            )
            for kind, (topic, message) in _TOPICS.items()
            if kind.value in settings.by_products
        }

    def change(self, settings: SceneSettings) -> None:
        """Take over settings that may change at any time; what was refused is asked for again.

        For changes of these settings or of the engine's alone: each time, what is refused again is told again.
        """
        with self._lock:
            if settings.by_products_rate_hz != self._settings.by_products_rate_hz:
                self._due = DueClock(settings.by_products_rate_hz)
            self._settings = settings
            self._refused.clear()

    def is_wanted(self) -> bool:
        """Whether anything is to be published of coming frames."""
        with self._lock:
            return bool(self._subscribed()) or self._refines()

    def ask(self, stamp_ns: int, method: MethodDescription | None) -> frozenset[ByProduct]:
        """What is to be asked for with the frame of this instant, which is pushed next.

        Args:
            stamp_ns: of the frame.
            method: that is going to be asked; None while it is not known.
        """
        with self._lock:
            due = self._subscribed() if self._due.is_due(stamp_ns) else frozenset()
            wanted = due | {ByProduct.REFINED_POSES} if self._refines() else due
            if method is not None and method.streams:
                if due:
                    self._due.take(stamp_ns)
                return wanted
        if method is not None:
            self._refuse(wanted, f"method '{method.name}' keeps no scene from frame to frame")
        return frozenset()

    def take(self, answer: Answer) -> None:
        """Publish what was made of a frame; an instant is shown once, and never an earlier one."""
        outcome = answer.outcome
        made, stamp_ns = outcome.by_products, outcome.stamp_ns
        if outcome.by_products_error:
            self._node.get_logger().warning(
                f"points, ray weights or poses failed at an instant: {outcome.by_products_error}",
                throttle_duration_sec=_TELL_AGAIN_S,
            )
            return
        self._refuse(frozenset(kind for kind in outcome.asked if not made.has(kind)), _NOT_MADE)
        with self._lock:
            if stamp_ns <= self._published_ns or not answer.is_current():
                return
            self._published_ns = stamp_ns
        stamp = ns_to_time(stamp_ns)
        if made.points is not None:
            header = Header(stamp=stamp, frame_id=self._fixed_frame)
            self._send(ByProduct.POINTS, points_to_cloud(made.points.points, made.points.colours, header))
        if made.ray_weights is not None:
            self._send(ByProduct.RAY_WEIGHTS, rgb_to_image(made.ray_weights, Header(stamp=stamp)))
        if made.refined_poses is not None:
            self._broadcast(made.refined_poses)

    def rewound(self) -> None:
        """The stamps went back: earlier instants are new again."""
        with self._lock:
            self._due.reset()
            self._published_ns = 0

    def close(self) -> None:
        """Destroy the publishers."""
        with self._lock:
            publishers, self._publishers = self._publishers, {}
            broadcaster, self._broadcaster = self._broadcaster, None
        for publisher in publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        if broadcaster is not None:
            self._node.destroy_publisher(broadcaster.pub_tf)

    def _refuse(self, kinds: frozenset[ByProduct], reason: str) -> None:
        """Ask for these no more, and say why."""
        with self._lock:
            fresh = kinds - self._refused
            self._refused |= fresh
        for kind in sorted(fresh, key=lambda kind: kind.value):
            self._node.get_logger().warning(f"{self._told(kind)} stays empty: {reason}")

    def _subscribed(self) -> frozenset[ByProduct]:
        try:
            return frozenset(
                kind
                for kind, publisher in self._publishers.items()
                if kind not in self._refused and publisher.get_subscription_count() > 0
            )
        except InvalidHandle:  # closed by another thread in the meantime
            return frozenset()

    def _refines(self) -> bool:
        return self._broadcaster is not None and ByProduct.REFINED_POSES not in self._refused

    def _told(self, kind: ByProduct) -> str:
        return _TOPICS[kind][0] if kind in _TOPICS else f"TF frame {self._settings.refined_frame}"

    def _send(self, kind: ByProduct, message: Any) -> None:
        publisher = self._publishers.get(kind)
        if publisher is None:
            return
        try:
            publisher.publish(message)
        except InvalidHandle:
            self._node.get_logger().debug(f"{self._told(kind)} came after its publisher was destroyed")

    def _broadcast(self, poses: RefinedPoses) -> None:
        """The newest pose, under a frame that nobody else has; once somebody else has it, no more."""
        frame, broadcaster = self._settings.refined_frame, self._broadcaster
        pose = poses.camera_to_world[-1]
        taken = self._tf.claim(self._fixed_frame, frame, pose)
        if taken:
            self._refuse(frozenset({ByProduct.REFINED_POSES}), taken)
        elif broadcaster is not None:
            transform = TransformStamped()
            transform.header = Header(stamp=ns_to_time(int(poses.stamps_ns[-1])), frame_id=self._fixed_frame)
            transform.child_frame_id = frame
            transform.transform = matrix_to_transform(pose)
            try:
                broadcaster.sendTransform(transform)
            except InvalidHandle:
                self._node.get_logger().debug(f"a pose of {frame} came after its broadcaster was destroyed")
