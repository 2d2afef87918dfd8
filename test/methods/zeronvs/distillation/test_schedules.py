from __future__ import annotations

import pytest

from anyview_ros.errors import InvalidRequestError
from anyview_ros.methods.zeronvs.distillation.schedules import ANCHOR_USE, Ramp, TimestepRange


def test_a_ramp_goes_evenly_between_its_ends_and_stays_there() -> None:
    ramp = Ramp(4.0, 2.0, 0.25, 0.75)
    assert [ramp.at(share) for share in (0.0, 0.25, 0.5, 0.625, 0.75, 1.0)] == [4.0, 4.0, 3.0, 2.5, 2.0, 2.0]
    assert Ramp(1.0, 5.0, 0.5, 0.5).at(0.5) == 5.0
    with pytest.raises(InvalidRequestError, match=r"goes from 0.7 to 0.2 of the fit"):
        Ramp(0.0, 1.0, 0.7, 0.2)


def test_noise_levels_fall_as_in_the_published_distillation_of_4000_steps() -> None:
    levels = TimestepRange()
    found = {step: levels.at(step / 4000, 1000) for step in (0, 500, 1000, 1750, 2500, 4000)}
    assert found[0] == (750, 980)
    assert found[500] == (385, 980)
    assert found[1000] == (20, 980)
    assert found[1750] == (20, 502)
    assert found[2500] == found[4000] == (20, 25)


def test_the_range_is_never_empty_and_never_outside() -> None:
    crossed = TimestepRange(Ramp(0.9, 0.9), Ramp(0.1, 0.1))
    assert crossed.at(0.5, 1000) == (900, 900)
    assert TimestepRange(Ramp(0.0, 0.0), Ramp(1.0, 1.0)).at(0.5, 50) == (0, 49)


def test_anchors_are_used_less_and_less_over_the_first_half() -> None:
    assert [ANCHOR_USE.at(step / 4000) for step in (0, 1000, 2000, 3000)] == [1.0, 0.5, 0.0, 0.0]
