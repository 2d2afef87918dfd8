from __future__ import annotations

from anyview_ros.synthesis import Provenance


def test_a_scale_is_told_only_where_there_is_one() -> None:
    told = {"method": "ddr", "weights_hash": "ab", "seed": 3, "steps": 7}
    assert Provenance("ddr", "ab", 3, 7).as_entries() == told
    scale = {"scale_m": 0.5, "scale_origin": "depth"}
    assert Provenance("ddr", "ab", 3, 7, **scale).as_entries() == told | scale
