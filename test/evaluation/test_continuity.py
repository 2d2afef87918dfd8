from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from anyview_ros.evaluation.continuity import continuity, time_strip
from anyview_ros.evaluation.live import LiveSample


def grey(level: int) -> NDArray[np.uint8]:
    return np.full((48, 64, 3), level, np.uint8)


def samples(
    views: Sequence[int], truths: Sequence[int] | None, *, latency_ms: float = 10.0
) -> list[LiveSample]:
    return [
        LiveSample(
            grey(0), grey(view), None, None if truths is None else grey(truths[index]), None,
            latency_ms, latency_ms, 0.2 * index,
        )
        for index, view in enumerate(views)
    ]  # fmt: skip


def test_flicker_is_the_change_beside_the_truths() -> None:
    found = continuity("x", samples([10, 16, 10], [50, 52, 54]), published=3, duration_s=0.6)
    assert (found.change, found.truth_change) == (pytest.approx(6), pytest.approx(2))
    assert found.flicker == pytest.approx(3)
    assert found.shortfall == ""


def test_a_truth_that_stands_still_gives_no_ratio() -> None:
    found = continuity("x", samples([10, 16], [50, 50]), published=2, duration_s=1)
    assert found.truth_change == 0
    assert found.flicker is None


def test_without_truth_only_the_change_is_told() -> None:
    found = continuity("x", samples([10, 12], None), published=2, duration_s=1)
    assert found.change == pytest.approx(2)
    assert found.truth_change is None
    assert found.flicker is None
    assert continuity("x", [], published=0, duration_s=1).change is None


@pytest.mark.parametrize(
    ("published", "source_hz", "latency_ms", "told"),
    [
        (46, 30, 10, ""),
        (30, 2.0, 10, "since the source gives 2.0 pictures per second only"),
        (30, 30, 400, "a view takes 400 ms, more than the 200 ms between two"),
        (30, 30, 10, "see the frames that were lost"),
    ],
)
def test_a_rate_that_was_not_kept_is_told_with_its_reason(
    published: int, source_hz: float, latency_ms: float, told: str
) -> None:
    found = continuity(
        "wrist", samples([1, 2], None, latency_ms=latency_ms),
        published=published, duration_s=10, asked_hz=5, source_hz=source_hz,
    )  # fmt: skip
    assert found.kept_hz == pytest.approx(published / 10)
    if told:
        assert told in found.shortfall
        assert found.shortfall.startswith("wrist: 5 views per second are asked for, 3.0 were published")
    else:
        assert found.shortfall == ""


def test_the_strip_shows_columns_in_order_of_time_above_those_of_the_truth() -> None:
    strip = time_strip(samples([0, 100, 200], [5, 105, 205]))
    assert strip is not None
    middle = strip[22 + 90]
    assert [int(middle[x, 0]) for x in (100, 480, 860)] == [0, 100, 200]
    below = strip[22 + 180 + 22 + 90]
    assert [int(below[x, 0]) for x in (100, 480, 860)] == [5, 105, 205]


def test_one_view_has_no_strip() -> None:
    assert time_strip(samples([1], [1])) is None
