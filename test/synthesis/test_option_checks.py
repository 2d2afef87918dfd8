"""Options of any type are refused by name, or are what they should be."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyview_ros.errors import InvalidRequestError
from anyview_ros.synthesis.option_checks import check_counts, check_numbers, check_truths

ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.just(10**400)
    | st.floats()
    | st.text(max_size=3)
    | st.lists(st.none())
)


@given(ANYTHING)
def test_what_passes_is_what_it_should_be(value: Any) -> None:
    options = SimpleNamespace(x=value)
    whole = type(value) is int
    number = whole or (type(value) is float and abs(value) < float("inf"))
    for check, fine in (
        (lambda: check_truths(options, "x"), type(value) is bool),
        (lambda: check_counts(options, 1, "x"), whole and value >= 1),
        (lambda: check_numbers(options, "x"), number and value > 0),
        (lambda: check_numbers(options, "x", zero=True), number and value >= 0),
    ):
        if fine:
            check()
        else:
            with pytest.raises(InvalidRequestError, match=r"^x is "):
                check()


def test_every_name_is_looked_at() -> None:
    with pytest.raises(InvalidRequestError, match="b is 'no'; give True or False"):
        check_truths(SimpleNamespace(a=True, b="no"), "a", "b")
    with pytest.raises(InvalidRequestError, match="b is 1; give a whole number, 2 or more"):
        check_counts(SimpleNamespace(a=2, b=1), 2, "a", "b")
