from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.simulated_robot.timeline import Grid, Timeline

SECOND = 1_000_000_000


@given(loop_s=st.floats(1, 60), rate_hz=st.floats(1, 60), tf_rate_hz=st.floats(1, 200))
def test_a_grid_has_whole_images_per_loop_and_enough_ticks(
    loop_s: float, rate_hz: float, tf_rate_hz: float
) -> None:
    grid = Grid.of(loop_s=loop_s, rate_hz=rate_hz, tf_rate_hz=tf_rate_hz)
    assert abs(grid.images * grid.ticks * grid.step_ns - loop_s * 1e9) <= grid.images * grid.ticks
    assert abs(grid.rate_hz - rate_hz) <= 0.51 / loop_s
    assert grid.rate_hz * grid.ticks >= tf_rate_hz * (1 - 1e-6)
    assert grid.ticks == 1 or grid.rate_hz * (grid.ticks - 1) < tf_rate_hz * (1 + 1e-6)


def test_a_loop_too_short_for_an_image_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"loop_s is 1 and rate_hz 0\.1: not one image"):
        Grid.of(loop_s=1.0, rate_hz=0.1, tf_rate_hz=50)


def test_every_tick_is_due_once_and_none_before_its_stamp() -> None:
    timeline = Timeline(20_000_000, 5 * SECOND)
    seen: list[int] = []
    for now in range(5 * SECOND, 7 * SECOND, 33_000_000):
        due = timeline.due(now)
        assert all(timeline.stamp_ns(tick) <= now for tick in due)
        seen += due
    assert seen == list(range(len(seen)))
    assert len(seen) == 100


def test_after_a_long_pause_only_the_newest_tick_is_due() -> None:
    timeline = Timeline(20_000_000, 0)
    assert list(timeline.due(0)) == [0]
    assert list(timeline.due(10 * SECOND)) == [500]
    assert list(timeline.due(10 * SECOND + 40_000_000)) == [501, 502]


def test_after_a_clock_that_jumps_back_ticks_go_on_with_stamps_from_there() -> None:
    timeline = Timeline(20_000_000, 100 * SECOND)
    assert list(timeline.due(101 * SECOND))[-1] == 50
    assert list(timeline.due(3 * SECOND)) == [51]
    assert timeline.stamp_ns(51) == 3 * SECOND
    assert list(timeline.due(3 * SECOND + 20_000_000)) == [52]


def test_a_clock_that_trembles_is_waited_for() -> None:
    timeline = Timeline(20_000_000, 0)
    timeline.due(SECOND // 2)
    assert list(timeline.due(SECOND // 2 - 100_000_000)) == []
    assert list(timeline.due(SECOND // 2 + 20_000_000)) == [26]
