from __future__ import annotations

from types import SimpleNamespace

import pytest

from anyview_ros.cli.demo import _seconds_between, counted
from anyview_ros.cli.main import main


def status(received: int, drops: dict[str, int], views: dict[str, int]) -> SimpleNamespace:
    return SimpleNamespace(
        frames_received=received,
        drop_reasons=list(drops),
        drop_counts=list(drops.values()),
        cameras=[SimpleNamespace(name=name, published=count) for name, count in views.items()],
    )


def test_what_was_before_the_observation_does_not_count() -> None:
    before = status(40, {"tf_late": 30}, {"overhead": 5})
    after = status(140, {"idle": 2, "tf_late": 30}, {"overhead": 95, "wrist": 7})
    assert counted(before, after) == (100, {"idle": 2}, {"overhead": 90, "wrist": 7})
    assert counted(None, after) == (140, {"idle": 2, "tf_late": 30}, {"overhead": 95, "wrist": 7})


def test_rates_are_of_the_time_between_the_counts() -> None:
    first, last = (
        SimpleNamespace(header=SimpleNamespace(stamp=SimpleNamespace(sec=sec, nanosec=nanosec)))
        for sec, nanosec in ((10, 900_000_000), (15, 100_000_000))
    )
    assert _seconds_between(first, last) == 4.2
    assert _seconds_between(None, last) == 0


@pytest.mark.parametrize("duration", ["-1", "nan", "0", "inf", "soon"])
def test_a_duration_is_a_positive_number(duration: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["demo", "--duration", duration])
    assert "--duration" in capsys.readouterr().err
