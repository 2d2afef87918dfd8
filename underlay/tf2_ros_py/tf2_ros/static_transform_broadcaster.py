"""Fixed transforms onto the topic /tf_static."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import TYPE_CHECKING

from geometry_msgs.msg import TransformStamped
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from .transform_broadcaster import as_list

if TYPE_CHECKING:
    from rclpy.node import Node


class StaticTransformBroadcaster:
    """Sends transforms that never change, and keeps them for listeners that come later.

    The first transform of a child frame is the one that holds: a later one is not sent, as in the upstream
    package of Jazzy, but here with a warning. Frames that move belong to TransformBroadcaster.
    """

    def __init__(self, node: Node, qos: QoSProfile | int | None = None) -> None:
        if qos is None:
            qos = QoSProfile(
                depth=1, history=HistoryPolicy.KEEP_LAST, durability=DurabilityPolicy.TRANSIENT_LOCAL
            )
        self.pub_tf = node.create_publisher(TFMessage, "/tf_static", qos)
        self.net_message = TFMessage()
        self._logger = node.get_logger()
        self._sent: dict[str, TransformStamped] = {}

    def sendTransform(self, transform: TransformStamped | Iterable[TransformStamped]) -> None:
        """Add one transform or several, and send all that were given so far."""
        for new in as_list(transform):
            known = self._sent.setdefault(new.child_frame_id, deepcopy(new))
            if (known.header.frame_id, known.transform) != (new.header.frame_id, new.transform):
                self._logger.warning(
                    f'The static transform of "{new.child_frame_id}" has been sent already and stays. '
                    "Send frames that move with a TransformBroadcaster."
                )
        self.net_message.transforms = list(self._sent.values())
        self.pub_tf.publish(self.net_message)
