"""Lengths and directions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def vector_norm(data: ArrayLike, axis: int | None = None) -> float | np.ndarray:
    """Return the Euclidean length, of the whole vector or along an axis."""
    data = np.asarray(data, np.float64)
    if axis is None and data.ndim == 1:
        return float(np.sqrt(data @ data))
    return np.atleast_1d(np.sqrt(np.sum(data * data, axis=axis)))


def unit_vector(data: ArrayLike, axis: int | None = None) -> np.ndarray:
    """Return data scaled to length one, as a whole or along an axis."""
    data = np.asarray(data, np.float64)
    return data / np.sqrt(np.sum(data * data, axis=axis, keepdims=axis is not None))


def random_vector(size: int | tuple[int, ...]) -> np.ndarray:
    """Return numbers drawn evenly from [0, 1)."""
    return np.random.random(size)  # noqa: NPY002 - numpy.random.seed() governs this function upstream
