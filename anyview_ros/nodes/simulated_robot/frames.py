"""The robot's TF over one loop, computed once, and as messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from geometry_msgs.msg import Quaternion, TransformStamped, Vector3
from numpy.typing import NDArray

from anyview_ros.geometry import quaternion_from_matrix
from anyview_ros.nodes.conversions import matrix_to_transform

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time

    from anyview_ros.scenes import World


class MovingFrames:
    """The frames that move, at every tick of a loop.

    Args:
        world: the world.
        times_s: (M,), the world's times of the loop's ticks.
    """

    def __init__(self, world: World, times_s: NDArray[np.float64]) -> None:
        tree = world.motion(times_s)
        self._count = len(times_s)
        self._frames = [
            (name, parent, poses[:, :3, 3], quaternion_from_matrix(poses[:, :3, :3]))
            for name, (parent, poses) in tree.items()
            if name not in world.hidden_frames
        ]

    def messages(self, tick: int, stamp: Time) -> list[TransformStamped]:
        """Return the transforms at a tick; ticks go round."""
        index = tick % self._count
        return [
            _stamped(parent, name, stamp, positions[index], quaternions[index])
            for name, parent, positions, quaternions in self._frames
        ]


def fixed_messages(
    frames: Mapping[str, tuple[str, NDArray[np.float64]]], stamp: Time
) -> list[TransformStamped]:
    """Return static transforms of frames: name → parent and (4, 4)."""
    messages = []
    for name, (parent, pose) in frames.items():
        message = TransformStamped(child_frame_id=name, transform=matrix_to_transform(pose))
        message.header.stamp = stamp
        message.header.frame_id = parent
        messages.append(message)
    return messages


def _stamped(
    parent: str, name: str, stamp: Time, position: NDArray[np.float64], xyzw: NDArray[np.float64]
) -> TransformStamped:
    message = TransformStamped(child_frame_id=name)
    message.header.stamp = stamp
    message.header.frame_id = parent
    x, y, z = map(float, position)
    message.transform.translation = Vector3(x=x, y=y, z=z)
    x, y, z, w = map(float, xyzw)
    message.transform.rotation = Quaternion(x=x, y=y, z=z, w=w)
    return message
