"""Quaternions in the order x, y, z, w."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from .vectors import random_vector, unit_vector

Quaternion = tuple[float, float, float, float]


def quaternion_about_axis(angle: float, axis: ArrayLike) -> Quaternion:
    """Return the rotation by an angle about an axis, whose length does not matter."""
    x, y, z = unit_vector(np.asarray(axis, np.float64)[:3]) * math.sin(angle / 2.0)
    return (float(x), float(y), float(z), math.cos(angle / 2.0))


def quaternion_matrix(quaternion: ArrayLike) -> np.ndarray:
    """Return the 4x4 matrix of a rotation. Its length does not matter; length zero gives the identity."""
    q = np.asarray(quaternion, np.float64)
    squared = float(q @ q)
    matrix = np.eye(4)
    if squared < np.finfo(np.float64).eps:
        return matrix
    x, y, z, w = q * math.sqrt(2.0 / squared)
    matrix[:3, :3] = [
        [1.0 - y * y - z * z, x * y - z * w, x * z + y * w],
        [x * y + z * w, 1.0 - x * x - z * z, y * z - x * w],
        [x * z - y * w, y * z + x * w, 1.0 - x * x - y * y],
    ]
    return matrix


def quaternion_from_matrix(matrix: ArrayLike) -> Quaternion:
    """Return the rotation of a 4x4 matrix, with w >= 0.

    Scale and shear are taken off first (the matrix is a rotation times an upper triangle). The result is the
    dominant eigenvector of a symmetric 4x4 matrix, which is exact and stable for all angles: I. Bar-Itzhack, "New
    method for extracting the quaternion from a rotation matrix", J. Guidance 23(6), 2000.
    """
    turn = rotation_part(np.asarray(matrix, np.float64)[:3, :3])
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = turn
    symmetric = np.array(
        [
            [xx - yy - zz, xy + yx, xz + zx, zy - yz],
            [xy + yx, yy - xx - zz, yz + zy, xz - zx],
            [xz + zx, yz + zy, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    x, y, z, w = np.linalg.eigh(symmetric)[1][:, 3]
    sign = math.copysign(1.0, w)
    return (float(sign * x), float(sign * y), float(sign * z), float(sign * w))


def rotation_part(matrix: np.ndarray) -> np.ndarray:
    """Return the rotation R of a 3x3 matrix R U, U upper triangular with positive diagonal.

    For a matrix that mirrors, the first diagonal element is negative. Raises numpy.linalg.LinAlgError if singular.
    """
    turn, triangle = np.linalg.qr(matrix)
    signs = np.sign(np.diag(triangle))
    if not signs.all():
        raise np.linalg.LinAlgError(f"no rotation in the singular matrix {matrix.tolist()}")
    turn = turn * signs
    if np.linalg.det(turn) < 0.0:
        turn[:, 0] *= -1.0
    return turn


def quaternion_multiply(quaternion1: ArrayLike, quaternion0: ArrayLike) -> Quaternion:
    """Return the rotation that turns by quaternion0 first, then by quaternion1."""
    x1, y1, z1, w1 = quaternion1
    x0, y0, z0, w0 = quaternion0
    return (
        w1 * x0 + x1 * w0 + y1 * z0 - z1 * y0,
        w1 * y0 - x1 * z0 + y1 * w0 + z1 * x0,
        w1 * z0 + x1 * y0 - y1 * x0 + z1 * w0,
        w1 * w0 - x1 * x0 - y1 * y0 - z1 * z0,
    )


def quaternion_conjugate(quaternion: ArrayLike) -> np.ndarray:
    """Return the quaternion with its axis turned round."""
    return np.asarray(quaternion, np.float64) * (-1.0, -1.0, -1.0, 1.0)


def quaternion_inverse(quaternion: ArrayLike) -> np.ndarray:
    """Return the quaternion whose product with this one is (0, 0, 0, 1)."""
    q = np.asarray(quaternion, np.float64)
    return quaternion_conjugate(q) / (q @ q)


def quaternion_slerp(
    quat0: ArrayLike, quat1: ArrayLike, fraction: float, spin: int = 0, shortestpath: bool = True
) -> np.ndarray:
    """Return the rotation at a fraction of the great arc from quat0 to quat1.

    spin adds half turns on the way. Without shortestpath the arc may be the long one.
    """
    start, end = unit_vector(np.asarray(quat0)[:4]), unit_vector(np.asarray(quat1)[:4])
    if fraction in (0.0, 1.0):
        return end if fraction else start
    cosine = float(start @ end)
    if shortestpath and cosine < 0.0:
        end, cosine = -end, -cosine
    if abs(cosine) > 1.0 - 4.0 * np.finfo(np.float64).eps:
        return start
    angle = math.acos(cosine) + spin * math.pi
    return (math.sin((1.0 - fraction) * angle) * start + math.sin(fraction * angle) * end) / math.sin(angle)


def random_quaternion(rand: ArrayLike | None = None) -> np.ndarray:
    """Return a rotation drawn evenly from all, or the one that three numbers in [0, 1] stand for.

    K. Shoemake, "Uniform random rotations", Graphics Gems III, 1992.
    """
    u, first, second = random_vector(3) if rand is None else np.asarray(rand, np.float64)
    a, b = 2.0 * math.pi * first, 2.0 * math.pi * second
    inner, outer = math.sqrt(1.0 - u), math.sqrt(u)
    return np.array([math.sin(a) * inner, math.cos(a) * inner, math.sin(b) * outer, math.cos(b) * outer])


def random_rotation_matrix(rand: ArrayLike | None = None) -> np.ndarray:
    """Return the 4x4 matrix of random_quaternion."""
    return quaternion_matrix(random_quaternion(rand))
