"""From the topics /tf and /tf_static into a buffer."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from .buffer_core import BufferCore

if TYPE_CHECKING:
    from rclpy.node import Node

AUTHORITY = "default_authority"


class TransformListener:
    """Fills a buffer from the TF topics until it is unregistered.

    The names are absolute: a namespaced robot remaps /tf and /tf_static. With spin_thread the node gets a
    thread of its own that spins it; otherwise whoever spins the node feeds the buffer.
    """

    def __init__(
        self,
        buffer: BufferCore,
        node: Node,
        *,
        spin_thread: bool = False,
        qos: QoSProfile | int | None = None,
        static_qos: QoSProfile | int | None = None,
    ) -> None:
        if qos is None:
            qos = QoSProfile(depth=100, history=HistoryPolicy.KEEP_LAST, durability=DurabilityPolicy.VOLATILE)
        if static_qos is None:
            static_qos = QoSProfile(
                depth=100, history=HistoryPolicy.KEEP_LAST, durability=DurabilityPolicy.TRANSIENT_LOCAL
            )
        self.buffer = buffer
        self.node = node
        # Re-entrant, so that transforms arrive while another callback of the node waits for them.
        self.group = ReentrantCallbackGroup()
        self.tf_sub = node.create_subscription(
            TFMessage, "/tf", self.callback, qos, callback_group=self.group
        )
        self.tf_static_sub = node.create_subscription(
            TFMessage, "/tf_static", self.static_callback, static_qos, callback_group=self.group
        )
        self._is_registered = True
        if spin_thread:
            self.executor = SingleThreadedExecutor(context=node.context)
            self.dedicated_listener_thread = Thread(target=_spin, args=(self.executor, node))
            self.dedicated_listener_thread.start()

    def unregister(self) -> None:
        """Stop listening: end the thread, if any, and destroy the subscriptions."""
        if not self._is_registered:
            return
        self._is_registered = False
        if hasattr(self, "dedicated_listener_thread"):
            self.executor.shutdown()
            self.dedicated_listener_thread.join()
        self.node.destroy_subscription(self.tf_sub)
        self.node.destroy_subscription(self.tf_static_sub)

    def callback(self, data: TFMessage) -> None:
        """Pass on moving transforms."""
        for transform in data.transforms:
            self.buffer.set_transform(transform, AUTHORITY)

    def static_callback(self, data: TFMessage) -> None:
        """Pass on static transforms."""
        for transform in data.transforms:
            self.buffer.set_transform_static(transform, AUTHORITY)


def _spin(executor: SingleThreadedExecutor, node: Node) -> None:
    executor.add_node(node)
    try:
        executor.spin()
    except ExternalShutdownException:
        return  # the context went first: there is nothing left to spin
    executor.remove_node(node)
