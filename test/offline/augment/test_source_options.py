from __future__ import annotations

import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.settings import AugmentSettings
from anyview_ros.offline.augment.source_options import known_options, parse_assignments


def test_a_reader_gets_its_own_options() -> None:
    given = {"calibration": "c.yaml", "task": "pick"}
    settings = AugmentSettings(("vista_small",), source_options=given)
    assert known_options(settings, "a dataset", ("calibration",)) == {"calibration": "c.yaml"}


def test_a_mistyped_option_is_told() -> None:
    settings = AugmentSettings(("vista_small",), source_options={"calibratoin": "c.yaml"})
    with pytest.raises(
        InvalidInputError, match=r"a dataset knows no option calibratoin; there are action, .*calibration"
    ):
        known_options(settings, "a dataset", ("calibration",))


def test_assignments_are_texts_by_name() -> None:
    assert parse_assignments(["task=pick = place", " fps = 10"]) == {"task": "pick = place", "fps": "10"}


@pytest.mark.parametrize(
    ("assignments", "told"),
    [
        (["fps"], "--source-option is 'fps'; give NAME=VALUE"),
        (["=10"], "--source-option is '=10'; give NAME=VALUE"),
        (["fps="], "--source-option fps has no value; give NAME=VALUE"),
        (["fps=10", "fps=20"], "--source-option fps is given twice; give it once"),
    ],
)
def test_what_is_no_assignment_is_told(assignments: list[str], told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        parse_assignments(assignments)
