from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyview_ros.errors import InvalidRequestError
from anyview_ros.methods.anyview.options import AnyViewOptions
from anyview_ros.methods.reprojection import ReprojectionOptions
from anyview_ros.offline.synthesize import parse_options


@dataclass(frozen=True)
class Everything:
    whole: int = 1
    number: float = 1.0
    maybe: float | None = 2.0
    either: str | int = 3
    text: str = ""
    on: bool = False
    size: tuple[int, int] | None = None
    many: tuple[float, ...] = ()


def parsed(*assignments: str) -> Any:
    return parse_options(assignments, Everything, "m")


def test_values_have_the_types_of_their_options() -> None:
    assert parsed() == Everything()
    assert parsed("whole=5", "number=2", "maybe=none", "either=7", "text=7", "on=yes", "size=3,4") == (
        Everything(5, 2.0, None, 7, "7", True, (3, 4))
    )
    assert type(parsed("number=2").number) is float
    assert parsed("either=seven").either == "seven"
    assert parsed("many=1, 2.5,3").many == (1.0, 2.5, 3.0)
    assert parsed("size=(3, 4)").size == (3, 4)
    assert parsed("text=a=b").text == "a=b"


@given(st.floats(allow_nan=False))
def test_numbers_survive(number: float) -> None:
    assert parsed(f"number={number!r}", f"maybe={number!r}") == Everything(number=number, maybe=number)


def test_options_of_our_methods() -> None:
    options = parse_options(
        ["plane_point=0,0,0", "plane_normal=0,0,1", "fill_holes=false"], ReprojectionOptions, "reprojection"
    )
    assert options == ReprojectionOptions(None, (0.0, 0.0, 0.0), (0.0, 0.0, 1.0), False)
    options = parse_options(
        ["domain=robotics", "source_size=576,432", "samples=2"], AnyViewOptions, "anyview"
    )
    assert options == AnyViewOptions(domain="robotics", source_size=(576, 432), samples=2)


@pytest.mark.parametrize(
    ("assignment", "told"),
    [
        ("whole=1.5", "option whole is '1.5'; give a whole number"),
        ("maybe=much", "option maybe is 'much'; give a number or none"),
        ("on=2", "option on is '2'; give true or false"),
        ("size=3", "option size is '3'; give int,int or none"),
        ("size=3,4,5", "option size"),
        ("wohle=1", "unknown option 'wohle' for method 'm'; it knows .*whole"),
        ("whole", "option is 'whole'; give NAME=VALUE"),
        ("=3", "option is '=3'; give NAME=VALUE"),
    ],
)
def test_what_is_no_option_is_named(assignment: str, told: str) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        parsed(assignment)


def test_options_given_twice_or_to_a_method_without_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="option whole is given twice; give it once"):
        parsed("whole=1", "whole=2")
    assert parse_options([], None, "copy_source") is None
    with pytest.raises(InvalidRequestError, match="has no options"):
        parse_options(["a=1"], None, "copy_source")
