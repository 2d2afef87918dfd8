"""Short ways to write poses, and smooth motion."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def move(x: ArrayLike = 0.0, y: ArrayLike = 0.0, z: ArrayLike = 0.0) -> Array:
    """Return translations (…, 4, 4) of the broadcast shape of ``x``, ``y``, ``z``, metres."""
    pose = _unmoved(np.broadcast_shapes(np.shape(x), np.shape(y), np.shape(z)))
    pose[..., 0, 3], pose[..., 1, 3], pose[..., 2, 3] = x, y, z
    return pose


def _unmoved(shape: tuple[int, ...]) -> Array:
    pose = np.zeros((*shape, 4, 4))
    pose[...] = np.eye(4)
    return pose


def turn(axis: str, angle: ArrayLike) -> Array:
    """Return rotations (…, 4, 4) by ``angle`` radians (…,) about "x", "y" or "z"."""
    a, b = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    angles = np.asarray(angle, np.float64)
    pose = _unmoved(angles.shape)
    pose[..., a, a] = pose[..., b, b] = np.cos(angles)
    pose[..., b, a] = np.sin(angles)
    pose[..., a, b] = -pose[..., b, a]
    return pose


def between(start: ArrayLike, end: ArrayLike) -> tuple[Array, float]:
    """Return the pose (4, 4) whose z axis runs from ``start`` to ``end`` (3,), centred, and their distance."""
    first, last = np.asarray(start, np.float64), np.asarray(end, np.float64)
    length = float(np.linalg.norm(last - first))
    z = (last - first) / length
    helper = np.eye(3)[np.argmin(np.abs(z))]
    x = np.cross(helper, z)
    x /= np.linalg.norm(x)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    pose[:3, 3] = (first + last) / 2
    return pose, length


def room_sides(length: float, width: float, height: float) -> tuple[Array, ...]:
    """Return poses (4, 4) of floor, ceiling and walls, z into the room; metres from the middle of its floor."""
    upright = turn("x", np.pi / 2)
    return (
        np.eye(4),
        move(z=height) @ turn("x", np.pi),
        move(x=-length / 2) @ turn("z", np.pi / 2) @ upright,
        move(x=length / 2) @ turn("z", -np.pi / 2) @ upright,
        move(y=width / 2) @ upright,
        move(y=-width / 2) @ turn("z", np.pi) @ upright,
    )


def eased(fraction: ArrayLike) -> Array:
    """Return 0…1 for 0…1 with no velocity and no acceleration at the ends (minimum jerk)."""
    f = np.clip(np.asarray(fraction, np.float64), 0, 1)
    return f * f * f * (10 + f * (-15 + 6 * f))
