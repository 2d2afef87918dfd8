from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyview_ros.geometry import PinholeCamera
from anyview_ros.offline.augment.view_sampling import (
    Rhythm,
    ViewSettings,
    draw_seed,
    synthesis_seed,
    told_draws,
    topic_name,
)


@given(text=st.text(max_size=30))
def test_any_text_becomes_a_name_for_a_topic(text: str) -> None:
    name = topic_name(text)
    assert name.isascii()
    assert name[0].isalpha()
    assert name.replace("_", "a").isalnum()
    assert "__" not in name
    assert topic_name(name) == name


def test_seeds_differ_with_everything_and_are_exact_in_json() -> None:
    first = (0, "episode", "sampler", 0, 0)
    others = [
        (1, *first[1:]),
        (0, "other", *first[2:]),
        (0, "episode", "s", 0, 0),
        (*first[:3], 1, 0),
        (*first[:4], 1),
    ]
    seeds = {draw_seed(*each) for each in (first, *others)}
    assert len(seeds) == 6
    assert all(0 <= seed < 2**53 for seed in seeds)
    assert draw_seed(*first) == draw_seed(*first)


def test_the_first_attempt_is_synthesised_with_the_runs_own_seed() -> None:
    assert synthesis_seed(7, 0) == 7
    later = {synthesis_seed(7, attempt) for attempt in range(1, 5)}
    assert len(later) == 4
    assert all(0 <= seed < 2**31 for seed in later)  # what every generator takes


@given(seconds=st.lists(st.floats(0.01, 1), min_size=1, max_size=30), period=st.floats(0.05, 5))
def test_a_smooth_rhythm_has_a_knot_for_every_period(seconds: list[float], period: float) -> None:
    stamps = (np.cumsum(seconds) * 1e9).astype(np.int64)
    rhythm = Rhythm("smooth", period)
    knots = rhythm.draws(stamps)
    span, rounding = (stamps[-1] - stamps[0]) / 1e9, 1e-9
    assert (knots - 2) * period - rounding <= span < (knots - 1) * period + rounding
    drawn = np.random.default_rng(0).normal(size=(knots, 3))
    values = rhythm.spread(drawn, stamps)
    assert values.shape == (len(stamps), 3)
    np.testing.assert_array_equal(values[0], drawn[0])


def test_many_draws_are_counted_few_are_told() -> None:
    assert told_draws(a=np.zeros((1, 2)), b=np.ones(1)) == {"a": [0, 0], "b": 1}
    assert told_draws(a=np.zeros((2, 1))) == {"a": [[0], [0]]}
    assert told_draws(a=np.zeros((500, 3))) == {"draws": 500}


@given(width=st.integers(8, 400), height=st.integers(8, 400))
def test_a_view_of_another_shape_sees_no_more_than_the_source(width: int, height: int) -> None:
    source = PinholeCamera(500, 490, 310, 250, 640, 480)
    camera = ViewSettings("v", "v", size=(width, height)).camera(source)
    assert camera.size == (width, height)
    assert camera.fx / camera.fy == pytest.approx(source.fx / source.fy)
    for mine, its, sides in ((camera.fx, source.fx, (width, 640)), (camera.fy, source.fy, (height, 480))):
        assert sides[0] / mine <= sides[1] / its * (1 + 1e-9)
    corners = np.array([[-0.5, -0.5, 1], [width - 0.5, height - 0.5, 1]])
    rays = (corners[:, :2] - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
    seen = rays * (source.fx, source.fy) + (source.cx, source.cy)
    assert np.all(seen >= -0.5 - 1e-6)
    assert np.all(seen <= (639.5 + 1e-6, 479.5 + 1e-6))
    np.testing.assert_allclose(seen.mean(axis=0), (319.5, 239.5), atol=1e-6)  # the middle
