"""Noise that is the same on every device and in every batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError

_SEEDS_PER_REQUEST = 100
_LARGEST = (2**32 - _SEEDS_PER_REQUEST) // _SEEDS_PER_REQUEST


def check_seed(seed: int) -> None:
    """Check that a seed can be used.

    Raises:
        InvalidInputError: a seed out of range.
    """
    if not 0 <= seed <= _LARGEST:
        raise InvalidInputError(f"seed is {seed}; give 0 to {_LARGEST}")


def view_noise(seed: int, view: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Standard normal noise of a view: ``RandomState(seed * 100 + view)``, drawn in C order.

    The noise of a shape whose *first* axis is shorter is the beginning of the longer one's: leading channels can be
    drawn alone.

    Args:
        seed: of the request, 0 to 42949671.
        view: index of the view, 0 to 99.
        shape: of the result.

    Returns:
        float32 of ``shape``.

    Raises:
        InvalidInputError: a seed or a view out of range.
    """
    check_seed(seed)
    if not 0 <= view < _SEEDS_PER_REQUEST:
        raise InvalidInputError(f"view is {view}; give 0 to {_SEEDS_PER_REQUEST - 1}")
    generator = np.random.RandomState(seed * _SEEDS_PER_REQUEST + view)  # the release's generator
    return generator.standard_normal(shape).astype(np.float32)
