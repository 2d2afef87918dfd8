from __future__ import annotations

import pytest

from anyview_ros.errors import InvalidRequestError
from anyview_ros.methods.zeronvs.distillation import DistillOptions
from anyview_ros.offline.synthesize import parse_options


def test_options_are_read_as_people_type_them() -> None:
    options = parse_options(
        [
            "anchors=0",
            "elevation_deg=-10,40",
            "look_at_m=1.5",
            "weights=a/b",
            "render_side=none",
            "anchor_guidance=none",
        ],
        DistillOptions,
        "zeronvs",
    )
    assert options == DistillOptions(
        anchors=0, elevation_deg=(-10.0, 40.0), look_at_m=1.5, weights="a/b", render_side=None
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"anchors": -1}, "anchors is -1"),
        ({"anchors": True}, "anchors is True"),
        ({"fit_steps": 2.5}, "fit_steps is 2.5"),
        ({"render_side": 3}, "render_side is 3"),
        ({"guidance": float("nan")}, "guidance is nan"),
        ({"anchor_guidance": -1}, "anchor_guidance is -1"),
        ({"guidance": "much"}, "guidance is 'much'"),
        ({"sds_weight": -0.1}, "sds_weight is -0.1"),
        ({"scale_m": 0}, "scale_m is 0"),
        ({"look_at_m": -2.0}, "look_at_m is -2.0"),
        ({"azimuth_deg": (20, -20)}, "azimuth_deg is 20 to -20"),
        ({"elevation_deg": (0, 90)}, "elevation_deg is 0 to 90"),
        ({"distance": (1.0,)}, "distance is .* give 2 finite numbers"),
        ({"up": (0, 0, 0)}, "up is 0, 0, 0"),
        ({"up": "z"}, "up is 'z'"),
        ({"widening": 1.5}, "widening is 1.5"),
    ],
)
def test_values_that_make_no_sense_are_refused_by_name(given: dict, told: str) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        DistillOptions(**given)
