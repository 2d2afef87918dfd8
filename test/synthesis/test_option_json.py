from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyview_ros.errors import InvalidRequestError
from anyview_ros.synthesis.option_json import options_by_name, options_from_json, options_to_json


@dataclass
class Options:
    guidance: float = 1.0
    prompt: str = "a robot"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_options_round_trip(options: dict[str, Any]) -> None:
    assert options_from_json(options_to_json(options)) == options


def test_options_may_be_the_methods_dataclass_or_nothing() -> None:
    assert options_from_json(options_to_json(Options())) == {"guidance": 1.0, "prompt": "a robot"}
    assert options_from_json(options_to_json(None)) is None


@given(st.text(max_size=30))
def test_any_text_is_options_or_a_clear_error(text: str) -> None:
    try:
        options = options_from_json(text)
    except InvalidRequestError as error:
        options, said = None, str(error)
        if "options_json" not in said:
            raise
    assert options is None or isinstance(options, dict)


@pytest.mark.parametrize("options", [[1], Options, {"f": print}])
def test_options_that_cannot_be_sent(options: Any) -> None:
    with pytest.raises(InvalidRequestError):
        options_to_json(options)


def test_options_by_name_are_a_dictionary_of_its_own() -> None:
    given = {"guidance": 2.0}
    named = options_by_name(given)
    assert named == given
    assert named is not given
    assert options_by_name(Options()) == {"guidance": 1.0, "prompt": "a robot"}
    assert options_by_name(None) is None
    with pytest.raises(InvalidRequestError, match="must be a mapping or a dataclass, got str"):
        options_by_name("guidance")


@pytest.mark.parametrize(
    ("text", "told"),
    [("[1]", "options_json is a list; give a JSON object"), ("{", "options_json cannot be parsed: .*; give")],
)
def test_what_is_no_object_is_told(text: str, told: str) -> None:
    with pytest.raises(InvalidRequestError, match=told):
        options_from_json(text)
    assert options_from_json(" ") is None
