from __future__ import annotations

import pytest

from anyview_ros.wording import counted, noun_of


@pytest.mark.parametrize(
    ("number", "told"), [(0, "0 views"), (1, "1 view"), (2, "2 views"), (21, "21 views")]
)
def test_one_thing_is_told_in_the_singular(number: int, told: str) -> None:
    assert counted(number, "view") == told
    assert told == f"{number} {noun_of(number, 'view')}"
