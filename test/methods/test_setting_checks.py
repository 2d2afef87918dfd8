from __future__ import annotations

import math
from dataclasses import dataclass

import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.setting_checks import check_least, check_shares


@dataclass(frozen=True)
class Brew:
    cups: int = 1
    water: float = 0.5
    milk: float = 1.0


def test_numbers_in_range_pass() -> None:
    check_least(Brew(), 1, "cups")
    check_least(Brew(cups=0, water=0.0), 0, "cups", "water")
    check_shares(Brew(water=0.0), "water", "milk")


@pytest.mark.parametrize("water", [-0.1, math.nan])
def test_the_number_that_is_too_low_is_named(water: float) -> None:
    with pytest.raises(InvalidInputError, match=f"^water is {water}; give 0 or more$"):
        check_least(Brew(water=water), 0, "cups", "water")
    with pytest.raises(InvalidInputError, match=r"^brew\.cups is 0; give 1 or more$"):
        check_least(Brew(cups=0), 1, "cups", section="brew.")


@pytest.mark.parametrize("milk", [-0.1, 1.1, math.nan])
def test_the_number_that_is_no_share_is_named(milk: float) -> None:
    with pytest.raises(InvalidInputError, match=f"^milk is {milk}; give 0 to 1$"):
        check_shares(Brew(milk=milk), "water", "milk")
    with pytest.raises(InvalidInputError, match=r"^brew\.milk is"):
        check_shares(Brew(milk=milk), "milk", section="brew.")
