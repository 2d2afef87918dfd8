"""Arrays that may be kept: held without a copy, but never holding much more memory than they show."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)

_MOST_OVERHEAD = 1.2


def owned(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """Return ``array`` itself if keeping it costs no more than its own bytes, else a contiguous copy.

    A view of a larger buffer (a crop, a row-padded image) is copied, because keeping it would keep the whole
    buffer; so is a view of a buffer whose size cannot be told. At most 1.2 times the array's bytes are kept.
    """
    if array.flags.c_contiguous and _kept_bytes(array) <= _MOST_OVERHEAD * array.nbytes:
        return array
    return np.array(array, order="C")


def _kept_bytes(array: NDArray[Any]) -> float:
    base: Any = array
    while isinstance(base, np.ndarray):
        if base.base is None:
            return base.nbytes
        base = base.base
    try:
        return memoryview(base).nbytes
    except TypeError:
        return float("inf")
