from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.nodes.virtual_camera.rate import DueClock


def taken(rate_hz: float, stamps_ns: list[int]) -> list[int]:
    clock = DueClock(rate_hz)
    chosen = []
    for stamp in stamps_ns:
        if clock.is_due(stamp):
            clock.take(stamp)
            chosen.append(stamp)
    return chosen


@pytest.mark.parametrize(
    ("source_hz", "rate_hz"), [(30, 10), (30, 30), (30, 12), (29.97, 15), (10, 30), (60, 7)]
)
@pytest.mark.parametrize("jitter_s", [0.0, 0.001])
def test_the_mean_rate_is_kept(source_hz: float, rate_hz: float, jitter_s: float) -> None:
    rng = np.random.default_rng(0)
    stamps = np.arange(0, 20, 1 / source_hz) + rng.uniform(0, jitter_s + 1e-12, int(np.ceil(20 * source_hz)))
    count = len(taken(rate_hz, [int(1e9 + s * 1e9) for s in stamps]))
    assert count / 20 == pytest.approx(min(source_hz, rate_hz), rel=0.03)


def test_every_third_of_30_hz_makes_10_hz() -> None:
    stamps = [round(1e9 + i * 1e9 / 30) for i in range(30)]
    assert taken(10, stamps) == stamps[::3]


def test_after_a_pause_no_burst() -> None:
    stamps = [0, 10_000_000_000] + [10_000_000_000 + i * 10_000_000 for i in range(1, 10)]
    assert taken(10, stamps) == [0, 10_000_000_000, 10_090_000_000]


def test_after_reset_an_earlier_stamp_is_due() -> None:
    clock = DueClock(10)
    clock.take(50_000_000_000)
    assert not clock.is_due(1)
    clock.reset()
    assert clock.is_due(1)
