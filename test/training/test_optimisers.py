from __future__ import annotations

import math

import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.training.optimisers import OptimiserConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rate", 0.0),
        ("rate", math.nan),
        ("clip", math.inf),
        ("warm_up", -1),
        ("weight_decay", -0.1),
        ("decay_share", 1.1),
        ("ema", -0.1),
        ("ema", math.nan),
    ],
)
def test_numbers_out_of_range_are_named(name: str, value: float) -> None:
    with pytest.raises(InvalidInputError, match=f"{name} is "):
        OptimiserConfig(**{name: value})
