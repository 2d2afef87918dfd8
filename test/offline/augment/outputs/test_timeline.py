from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyview_ros.errors import InvalidInputError
from anyview_ros.offline.augment.outputs.timeline import (
    Timeline,
    held_values,
    increasing,
    make_timeline,
    nearest_pictures,
    state_hold_s,
    whole_rate,
)

PERIOD_NS = 100_000_000


def stamps(count: int, *, begin: int = 0, period: int = PERIOD_NS) -> np.ndarray:
    return begin + period * np.arange(count, dtype=np.int64)


def test_a_timeline_lasts_while_all_is_there() -> None:
    cameras = {"a": stamps(20), "b": stamps(20, begin=30_000_000)}
    timeline = make_timeline(
        Fraction(10), cameras, {"/state": stamps(500, begin=150_000_000, period=10**6)}, "bag"
    )
    assert timeline.stamps_ns[0] == 150_000_000
    assert timeline.stamps_ns[-1] <= 1_900_000_000 < timeline.stamps_ns[-1] + PERIOD_NS
    with pytest.raises(InvalidInputError, match=r"/state begins 3\.100 s after a has ended"):
        make_timeline(Fraction(10), cameras, {"/state": stamps(3, begin=5_000_000_000)}, "bag")


@settings(max_examples=50)
@given(st.integers(5, 60), st.integers(0, 2**32 - 1), st.fractions(1, 60, max_denominator=1001))
def test_instants_are_exact_and_pictures_the_nearest(count: int, seed: int, rate: Fraction) -> None:
    rng = np.random.default_rng(seed)
    period = round(Fraction(10**9) / rate)
    jittered = stamps(count, period=period) + rng.integers(0, period // 5, count)
    timeline = make_timeline(rate, {"a": jittered}, {}, "bag")
    elapsed = [Fraction(int(stamp - timeline.stamps_ns[0])) for stamp in timeline.stamps_ns]
    assert all(
        abs(each - Fraction(index * 10**9) / rate) <= Fraction(1, 2) for index, each in enumerate(elapsed)
    )
    numbers = nearest_pictures(timeline, jittered, "a", None)
    assert numbers == sorted(numbers)
    apart = np.abs(jittered[None] - timeline.stamps_ns[:, None])
    np.testing.assert_array_equal(apart[np.arange(len(timeline)), numbers], apart.min(axis=1))


def test_a_gap_is_told_where_it_is() -> None:
    pictures = np.delete(stamps(20), [7, 8])
    timeline = Timeline(Fraction(10), stamps(20))
    with pytest.raises(InvalidInputError, match=r"camera a has no picture within 0\.0750 s of second 0\.700"):
        nearest_pictures(timeline, pictures, "a", None)
    assert nearest_pictures(timeline, pictures, "a", 0.2)[6:10] == [6, 6, 7, 7]


def test_values_are_held_until_the_next() -> None:
    timeline = Timeline(Fraction(10), stamps(4, begin=50_000_000))
    values = np.array([[0.0], [1.0], [2.0]])
    known = np.array([0, 150_000_000, 250_000_001], np.int64)
    assert held_values(timeline, known, values, "/state", None).ravel().tolist() == [0, 1, 1, 2]
    with pytest.raises(InvalidInputError, match=r"/state is 0\.100 s old at second 0\.200"):
        held_values(timeline, known, values, "/state", 0.09)
    with pytest.raises(InvalidInputError, match="has no value at the first frame"):
        held_values(timeline, known + 10**9, values, "/state", None)
    assert (state_hold_s(None), state_hold_s(2.0)) == (0.5, 2.0)


def test_values_are_put_in_order() -> None:
    times, values = increasing(np.array([3, 1, 3, 2], np.int64), np.array([[0.0], [1.0], [2.0], [3.0]]))
    assert times.tolist() == [1, 2, 3]
    assert values.ravel().tolist() == [1, 3, 2]


def test_the_rate_is_a_whole_number_near_the_camera_s() -> None:
    assert [whole_rate([rate], "bag") for rate in (29.97, 30.2, 4.9)] == [30, 30, 5]
    with pytest.raises(InvalidInputError, match=r"gives 7\.500 pictures per second, .* with fps"):
        whole_rate([7.5], "bag")
