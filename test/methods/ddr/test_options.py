from __future__ import annotations

import math

import pytest

from anyview_ros.errors import InvalidRequestError
from anyview_ros.methods.ddr import DdrOptions
from anyview_ros.offline.synthesize import parse_options


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("depth_loss", "l2"),
        ("depth_kind", "sonar"),
        ("space", "sphere"),
        ("fit_steps", 0),
        ("rays", 1.5),
        ("samples", 3),
        ("draws", True),
        ("voxels", 10),
        ("temperature", 0.0),
        ("temperature", math.nan),
        ("depth_weight", -1),
        ("depth_weight", "much"),
        ("before_surface_margin", math.inf),
        ("memory_mb", 0),
        ("fit_seconds", 0),
        ("steps_per_frame", -1),
        ("refine_ms", -0.1),
        ("refine_poses", 1),
        ("static_scene", "yes"),
        ("depth_range_m", (2.0, 1.0)),
        ("depth_range_m", (0.0, 1.0)),
        ("depth_range_m", 3.0),
        ("depth_range_m", (1.0, 2.0, 3.0)),
    ],
)
def test_values_that_make_no_sense_are_refused_by_name(name: str, value) -> None:
    with pytest.raises(InvalidRequestError, match=f"{name} is"):
        DdrOptions(**{name: value})


def test_options_are_read_from_a_command_line() -> None:
    texts = ["depth_loss=closed", "depth_range_m=0.5,3", "refine_poses=true", "fit_seconds=none", "rays=64"]
    options = parse_options(texts, DdrOptions, "ddr")
    assert options == DdrOptions(depth_loss="closed", depth_range_m=(0.5, 3.0), refine_poses=True, rays=64)
    with pytest.raises(
        InvalidRequestError, match="option depth_loss is 'best'; give ddr, plain, closed, none"
    ):
        parse_options(["depth_loss=best"], DdrOptions, "ddr")
