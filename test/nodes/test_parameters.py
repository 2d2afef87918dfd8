from __future__ import annotations

import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.parameters import Change, Parameter, check_values

TABLE = {
    "left.rate_hz": Parameter("rate_hz", 5.0, "Views per second.", Change.LIVE, 0.1, 120.0),
    "mode": Parameter("mode", "live", "How it runs.", Change.NEVER, choices=("live", "replay")),
}


def test_values_of_the_table_in_its_own_types_and_no_others() -> None:
    checked = check_values(TABLE, {"left.rate_hz": 3, "mode": "replay", "seed": 1})
    assert checked == {"left.rate_hz": 3.0, "mode": "replay"}
    assert type(checked["left.rate_hz"]) is float


def test_what_cannot_be_is_told_by_its_full_name() -> None:
    with pytest.raises(InvalidInputError, match=r"left\.rate_hz is 0\.0; give 0\.1 to 120"):
        check_values(TABLE, {"left.rate_hz": 0.0, "mode": "live"})
