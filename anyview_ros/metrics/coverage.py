"""How much of an image a score speaks of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError


def coverage(mask: NDArray[np.bool_]) -> float:
    """The part of pixels, in [0, 1], that ``mask`` (bool, any shape but empty) selects.

    Raises:
        InvalidInputError: a mask that is not bool, or empty.
    """
    checked = np.asarray(mask)
    if checked.dtype != np.bool_ or checked.size == 0:
        raise InvalidInputError(f"mask must be bool and not empty, got {checked.dtype} {checked.shape}")
    return float(checked.mean())
