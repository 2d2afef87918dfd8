from __future__ import annotations

import pytest

from anyview_ros.synthesis.engine_statistics import DurationLog, Percentiles


def test_percentiles_by_hand() -> None:
    log = DurationLog()
    assert log.percentiles() == Percentiles(0, 0.0, 0.0, 0.0)
    for ms in range(101):
        log.add(ms / 1e3)
    told = log.percentiles()
    assert told.count == 101
    assert (told.p50_ms, told.p95_ms, told.p99_ms) == pytest.approx((50.0, 95.0, 99.0))


def test_only_the_newest_durations_are_held() -> None:
    log = DurationLog()
    for seconds in (9.0,) * 5000 + (1.0,) * 1024:
        log.add(seconds)
    assert log.percentiles() == Percentiles(1024, 1000.0, 1000.0, 1000.0)
