"""Euler angles about any of the 24 sequences of axes.

A sequence is named by four letters: s for axes that stand still or r for axes that turn along, then the axes in the
order of the angles. "sxyz", the default, is roll, pitch and yaw: first about x, then y, then z.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .quaternions import Quaternion, quaternion_about_axis, quaternion_matrix, quaternion_multiply

DEGENERATE = 4.0 * np.finfo(np.float64).eps
"""A cosine (sine, for the proper sequences) of the middle angle below this leaves only a sum of the others."""


class Sequence(NamedTuple):
    """Three axes (0 x, 1 y, 2 z), those of the angles when all axes turn along."""

    axes: tuple[int, int, int]
    reverse: bool


def sequence_of(axes: str) -> Sequence:
    """Parse the name of a sequence. Raises ValueError if there is none of this name."""
    frame, letters = axes[:1], axes[1:]
    valid = frame in ("s", "r") and len(letters) == 3 and set(letters) <= set("xyz")
    if not valid or letters[0] == letters[1] or letters[1] == letters[2]:
        raise ValueError(f"no sequence of axes {axes!r}: use s or r and three axes, such as 'sxyz' or 'rzyx'")
    first, second, third = ("xyz".index(letter) for letter in letters)
    # Turning about still axes a, b, c is turning about moving axes c, b, a.
    return Sequence((third, second, first), True) if frame == "s" else Sequence((first, second, third), False)


def quaternion_from_euler(ai: float, aj: float, ak: float, axes: str = "sxyz") -> Quaternion:
    """Return the rotation of three angles."""
    sequence = sequence_of(axes)
    angles = (ak, aj, ai) if sequence.reverse else (ai, aj, ak)
    first, second, third = (
        quaternion_about_axis(angle, np.eye(3)[axis])
        for angle, axis in zip(angles, sequence.axes, strict=True)
    )
    return quaternion_multiply(quaternion_multiply(first, second), third)


def euler_matrix(ai: float, aj: float, ak: float, axes: str = "sxyz") -> np.ndarray:
    """Return the 4x4 matrix of three angles."""
    return quaternion_matrix(quaternion_from_euler(ai, aj, ak, axes))


def euler_from_matrix(matrix: ArrayLike, axes: str = "sxyz") -> tuple[float, float, float]:
    """Return three angles of a rotation.

    Where only a sum of two angles is defined (pitch of 90 degrees for "sxyz"), the last of the angles about moving
    axes, the first about still ones, is as the matrix has it and the other is zero.
    """
    sequence = sequence_of(axes)
    turn = np.asarray(matrix, np.float64)[:3, :3]
    angles = (
        _proper(turn, sequence.axes) if sequence.axes[0] == sequence.axes[2] else _cardan(turn, sequence.axes)
    )
    return angles[::-1] if sequence.reverse else angles


def euler_from_quaternion(quaternion: ArrayLike, axes: str = "sxyz") -> tuple[float, float, float]:
    """Return three angles of a rotation, under the rules of euler_from_matrix."""
    return euler_from_matrix(quaternion_matrix(quaternion), axes)


def _cardan(turn: np.ndarray, axes: tuple[int, int, int]) -> tuple[float, float, float]:
    """Angles about three different moving axes i, j, k."""
    i, j, k = axes
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    cosine = math.hypot(turn[i, i], turn[i, j])
    second = math.atan2(sign * turn[i, k], cosine)
    if cosine > DEGENERATE:
        return (
            math.atan2(-sign * turn[j, k], turn[k, k]),
            second,
            math.atan2(-sign * turn[i, j], turn[i, i]),
        )
    return (0.0, second, math.atan2(sign * turn[j, i], turn[j, j]))


def _proper(turn: np.ndarray, axes: tuple[int, int, int]) -> tuple[float, float, float]:
    """Angles about moving axes i, j and i again; k is the third axis. The middle angle has the sign of i, j, k."""
    i, j, _ = axes
    k = 3 - i - j
    sign = 1.0 if (j - i) % 3 == 1 else -1.0
    sine = math.hypot(turn[i, j], turn[i, k])
    second = sign * math.atan2(sine, turn[i, i])
    if sine > DEGENERATE:
        return (math.atan2(sign * turn[j, i], -turn[k, i]), second, math.atan2(sign * turn[i, j], turn[i, k]))
    return (0.0, second, math.atan2(-sign * turn[j, k], turn[j, j]))
