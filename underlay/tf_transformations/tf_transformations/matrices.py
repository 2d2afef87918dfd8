"""4x4 matrices of translations, rotations and scalings."""

from __future__ import annotations

from functools import reduce

import numpy as np
from numpy.typing import ArrayLike

from .vectors import unit_vector


def identity_matrix() -> np.ndarray:
    """Return the matrix that leaves everything where it is."""
    return np.eye(4)


def translation_matrix(direction: ArrayLike) -> np.ndarray:
    """Return the matrix that moves by a vector."""
    matrix = np.eye(4)
    matrix[:3, 3] = np.asarray(direction, np.float64)[:3]
    return matrix


def translation_from_matrix(matrix: ArrayLike) -> np.ndarray:
    """Return the vector by which a matrix moves the origin."""
    return np.array(matrix, np.float64)[:3, 3]


def rotation_matrix(angle: float, direction: ArrayLike, point: ArrayLike | None = None) -> np.ndarray:
    """Return the matrix that turns about an axis (Rodrigues), through the origin or through point."""
    x, y, z = unit_vector(np.asarray(direction, np.float64)[:3])
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    matrix = np.eye(4)
    matrix[:3, :3] += np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross
    if point is not None:
        centre = np.asarray(point, np.float64)[:3]
        matrix[:3, 3] = centre - matrix[:3, :3] @ centre
    return matrix


def rotation_from_matrix(matrix: ArrayLike) -> tuple[float, np.ndarray, np.ndarray]:
    """Return angle, axis and a point (x, y, z, 1) of the axis of a rotation. Raises ValueError for other matrices."""
    matrix = np.asarray(matrix, np.float64)
    turn, moved = matrix[:3, :3], matrix[:3, 3]
    if not np.allclose(turn @ turn.T, np.eye(3), atol=1e-6) or np.linalg.det(turn) < 0.0:
        raise ValueError(f"no rotation: {turn.tolist()} is not orthonormal. Remove scale and shear first.")
    # The axis is what the rotation leaves as it is; likewise its points for the whole matrix.
    axis = np.linalg.svd(turn - np.eye(3))[2][2]
    skew = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]) / 2.0
    angle = float(np.arctan2(skew @ axis, (np.trace(turn) - 1.0) / 2.0))
    point = np.linalg.lstsq(np.eye(3) - turn, moved, rcond=1e-9)[0]
    if not np.allclose(turn @ point + moved, point, atol=1e-6 * max(1.0, float(np.abs(moved).max()))):
        raise ValueError(
            f"no rotation about a fixed axis: the translation {moved.tolist()} runs along the axis."
        )
    return angle, axis, np.append(point, 1.0)


def scale_matrix(
    factor: float, origin: ArrayLike | None = None, direction: ArrayLike | None = None
) -> np.ndarray:
    """Return the matrix that scales about origin, in all directions or in one."""
    matrix = np.eye(4)
    if direction is None:
        matrix[:3, :3] *= factor
    else:
        axis = unit_vector(np.asarray(direction, np.float64)[:3])
        matrix[:3, :3] -= (1.0 - factor) * np.outer(axis, axis)
    if origin is not None:
        centre = np.asarray(origin, np.float64)[:3]
        matrix[:3, 3] = centre - matrix[:3, :3] @ centre
    return matrix


def inverse_matrix(matrix: ArrayLike) -> np.ndarray:
    """Return the matrix that undoes another."""
    return np.linalg.inv(matrix)


def concatenate_matrices(*matrices: ArrayLike) -> np.ndarray:
    """Return the product, from left to right: the last one acts first."""
    return reduce(np.dot, (np.asarray(matrix, np.float64) for matrix in matrices), np.eye(4))


def is_same_transform(matrix0: ArrayLike, matrix1: ArrayLike) -> bool:
    """Return whether two matrices do the same, up to a factor of the whole matrix and rounding."""
    a, b = np.asarray(matrix0, np.float64), np.asarray(matrix1, np.float64)
    return bool(np.allclose(a / a[3, 3], b / b[3, 3]))
