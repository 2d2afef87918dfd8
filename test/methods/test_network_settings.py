from __future__ import annotations

from dataclasses import dataclass

import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.network_settings import NetworkSettings


@dataclass(frozen=True)
class Kite(NetworkSettings):
    tails: int = 1
    span_m: float = 0.5
    box: bool = False
    colour: str = "red"


def test_settings_survive_being_told() -> None:
    kite = Kite(3, 1.5, box=True, colour="blue")
    assert Kite.from_dict(kite.as_dict()) == kite
    assert Kite.from_dict({"tails": 2}) == Kite(2)
    assert Kite.from_dict({"span_m": 2}) == Kite(span_m=2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"wings": 2, "motor": 1},
            "unknown network setting 'motor', 'wings'; it knows box, colour, span_m, tails",
        ),
        ({"tails": "three"}, "tails is 'three'; give a value of type int"),
        ({"tails": 1.0}, "tails is 1.0"),
        ({"tails": True}, "tails is True"),
        ({"span_m": True}, "span_m is True; give a value of type float"),
        ({"box": 1}, "box is 1; give a value of type bool"),
        ({"colour": None}, "colour is None"),
    ],
)
def test_what_does_not_fit_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Kite.from_dict(values)
