"""Which transforms and which frame names the buffer accepts."""

from __future__ import annotations

import math

from geometry_msgs.msg import TransformStamped

from .exceptions import InvalidArgumentException

SHORTEST_QUATERNION = 1e-100
"""Longer ones are scaled to length one."""


def stripped(frame: str) -> str:
    """Drop one leading slash: broadcasters of old still send it."""
    return frame[1:] if frame.startswith("/") else frame


def fault_of(message: TransformStamped) -> str | None:
    """Say what is wrong with a transform, or None. The codes are those TF users know."""
    parent, child = stripped(message.header.frame_id), stripped(message.child_frame_id)
    q, t = message.transform.rotation, message.transform.translation
    numbers = (t.x, t.y, t.z, q.x, q.y, q.z, q.w)
    if not child:
        return "TF_NO_CHILD_FRAME_ID: child_frame_id is empty"
    if not parent:
        return "TF_NO_FRAME_ID: frame_id is empty"
    if parent == child:
        return "TF_SELF_TRANSFORM: frame_id and child_frame_id are the same"
    if any(math.isnan(number) for number in numbers) or not math.isfinite(math.hypot(*numbers[3:])):
        return f"TF_NAN_INPUT: not a number in the transform {numbers}"
    if not math.hypot(*numbers[3:]) > SHORTEST_QUATERNION:
        return f"TF_DENORMALIZED_QUATERNION: the rotation {numbers[3:]} has no direction"
    return None


def check_frame_name(frame: str, argument: str) -> None:
    """Raise InvalidArgumentException for a name that no frame can have."""
    if not frame:
        raise InvalidArgumentException(f'Invalid argument "{frame}" passed to {argument}: frames have a name')
    if frame.startswith("/"):
        raise InvalidArgumentException(
            f'Invalid argument "{frame}" passed to {argument}: no slash at the start, use "{frame[1:]}"'
        )
