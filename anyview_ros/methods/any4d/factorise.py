"""From measured motions to coefficients: the weights, time courses and generators that come nearest to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_SWEEPS = 12


@dataclass(frozen=True, eq=False)
class Factors:
    """What a motion is made of.

    Attributes:
        weights: (C, B) of each part.
        courses: (K, B) over time.
        learned: (B - frozen, 6), unit twists.
        unexplained: share in [0, 1] of the motions' squared size that is left over.
    """

    weights: Array
    courses: Array
    learned: Array
    unexplained: float


def factorise(twists: Array, importance: Array, *, frozen: int, learned: int) -> Factors:
    """Write motions as sums of generators times weights times time courses.

    First each frozen generator gets the weights and the course that fit its entry of the twists best; of what is left,
    one generator after the other takes the most it can (alternating least squares).

    Args:
        twists: (C, K, 6) of C parts at K instants, counted from the reference.
        importance: (C,), how much each part counts.
        frozen: 6 or 0; the frozen generators are the unit twists.
        learned: how many more generators there may be.
    """
    root = np.sqrt(importance / max(float(importance.sum()), 1e-12))[:, None, None]
    left = root * twists
    whole = float(np.square(left).sum())
    parts, instants = twists.shape[:2]
    weights, courses = np.zeros((parts, frozen + learned)), np.zeros((instants, frozen + learned))
    found = np.zeros((learned, 6))
    for b in range(frozen):
        u, s, vt = np.linalg.svd(left[:, :, b], full_matrices=False)
        weights[:, b], courses[:, b] = u[:, 0], s[0] * vt[0]
        left[:, :, b] -= np.outer(weights[:, b], courses[:, b])
    for j in range(learned):
        u, course, twist = _best_product(left)
        weights[:, frozen + j], courses[:, frozen + j], found[j] = u, course, twist
        left = left - np.einsum("c,k,x->ckx", u, course, twist)
    unexplained = float(np.square(left).sum()) / whole if whole > 0 else 0.0
    weights /= np.maximum(root[:, :, 0], 1e-12)
    largest = np.abs(weights).max(0)
    largest = np.where(largest > 1e-9, largest, 1.0)
    return Factors(weights / largest, courses * largest, found, unexplained)


def _best_product(rest: Array) -> tuple[Array, Array, Array]:
    """The product u ⊗ course ⊗ twist nearest to ``rest`` (C, K, 6); u and twist have length 1."""
    parts, instants, _ = rest.shape
    _, _, vt = np.linalg.svd(rest.reshape(parts, -1), full_matrices=False)
    left, s, right = np.linalg.svd(vt[0].reshape(instants, 6), full_matrices=False)
    course, twist = left[:, 0] * s[0], right[0]
    u = np.zeros(parts)
    for _ in range(_SWEEPS):
        u = _unit(np.einsum("ckx,k,x->c", rest, course, twist))
        twist = _unit(np.einsum("ckx,c,k->x", rest, u, course))
        course = np.einsum("ckx,c,x->k", rest, u, twist)
    return u, course, twist


def _unit(vector: Array) -> Array:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 1e-12 else vector
