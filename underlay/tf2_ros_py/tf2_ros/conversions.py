"""Between ROS messages and times, and the buffer's own tuples."""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import TransformStamped

from .rigid import Rigid, canonical


def nanoseconds(time: Any) -> int:
    """Read an instant from an rclpy Time or Duration, or from a message with sec and nanosec."""
    if hasattr(time, "sec") and hasattr(time, "nanosec"):
        return int(time.sec) * 1_000_000_000 + int(time.nanosec)
    if hasattr(time, "nanoseconds"):
        return int(time.nanoseconds)
    raise TypeError(
        f"time must have sec and nanosec, or nanoseconds; got {time!r}. "
        "Pass an rclpy.time.Time or a Time message."
    )


def rigid_from_message(message: TransformStamped) -> Rigid:
    """Read the numbers of a transform, as they are."""
    q, t = message.transform.rotation, message.transform.translation
    return Rigid((q.x, q.y, q.z, q.w), (t.x, t.y, t.z))


def message_from_rigid(rigid: Rigid, target_frame: str, source_frame: str, stamp_ns: int) -> TransformStamped:
    """Write a lookup's result: the header names the target frame, the child is the source frame."""
    message = TransformStamped(child_frame_id=source_frame)
    message.header.frame_id = target_frame
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)
    q, t = message.transform.rotation, message.transform.translation
    q.x, q.y, q.z, q.w = canonical(rigid.rotation)
    t.x, t.y, t.z = rigid.translation
    return message
