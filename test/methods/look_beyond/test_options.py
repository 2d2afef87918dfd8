from __future__ import annotations

from typing import Any

import pytest

from anyview_ros.errors import InvalidRequestError
from anyview_ros.methods.look_beyond import LookBeyondOptions


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("panorama", 1),
        ("sharp", "yes"),
        ("use_depth", None),
        ("panorama_steps", 0),
        ("panorama_steps", 1001),
        ("max_passes", 2.0),
        ("panorama_guidance", 0),
        ("keyframe_angle_deg", -1),
        ("keyframe_distance_m", float("inf")),
        ("rotation_temperature_deg", 0),
        ("translation_temperature_m", "far"),
        ("temperature_share", True),
        ("fusion", "mean"),
        ("moving", "freeze"),
        ("guidance", 3.0),
        ("guidance", (1.0, -1.0)),
        ("guidance", (1.0, 2.0, 3.0)),
    ],
)
def test_wrong_values_are_named(name: str, value: Any) -> None:
    with pytest.raises(InvalidRequestError, match=name):
        LookBeyondOptions(**{name: value})


def test_guidance_may_be_a_list() -> None:
    assert LookBeyondOptions(guidance=[1, 2]).guidance == (1.0, 2.0)
