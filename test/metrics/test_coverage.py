from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.metrics import coverage


def test_the_part_selected() -> None:
    mask = np.zeros((4, 5), np.bool_)
    mask[0] = True
    assert coverage(mask) == 0.25


@pytest.mark.parametrize("mask", [np.zeros((2, 2), np.uint8), np.zeros((0, 3), np.bool_)])
def test_what_is_no_mask(mask: np.ndarray) -> None:
    with pytest.raises(InvalidInputError, match="mask must be bool"):
        coverage(mask)
