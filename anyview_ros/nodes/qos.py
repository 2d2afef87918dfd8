"""Quality of service that both ends of a link must agree on."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

SERVICE_QOS = QoSProfile(depth=256, reliability=ReliabilityPolicy.RELIABLE)
"""Of services and actions: how many requests or answers one side may send before the other looks. With ROS's own 10, a
burst of 100 requests loses most of them without a word."""


def stream_qos() -> QoSProfile:
    """Of ``stream_frames`` and ``stream_views``; a new profile each time, because overrides are written into it.

    Reliable, because a best-effort image of many packets is lost whole with one of them; short, because a newer frame
    is worth more than an older one.
    """
    return QoSProfile(depth=8, reliability=ReliabilityPolicy.RELIABLE)


def latched_qos(depth: int = 1) -> QoSProfile:
    """Of what is told once and kept for those who come later; ``depth`` is how many messages are kept."""
    return QoSProfile(
        depth=depth, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
    )


def sensor_qos() -> QoSProfile:
    """Of cameras that we play: as ROS's own for sensors, but a new profile each time."""
    return QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


def view_qos() -> QoSProfile:
    """Of what virtual cameras show; a new profile each time, because overrides are written into it.

    Reliable, so that recorders lose nothing; shallow, because a newer view is worth more than an older one.
    """
    return QoSProfile(depth=2, reliability=ReliabilityPolicy.RELIABLE)
