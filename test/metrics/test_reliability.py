from __future__ import annotations

import json

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.metrics import Reliability, brier_score, good_pixels


def test_by_hand() -> None:
    """Two at .95 of which one is good, two at .15 which both are: gaps of .45 above and .85 below, each for half."""
    counted = Reliability.of([0.95, 0.95, 0.15, 0.15], np.array([True, False, True, True]))
    assert counted.expected_calibration_error == pytest.approx((0.45 + 0.85) / 2)
    assert counted.brier == pytest.approx((0.05**2 + 0.95**2 + 2 * 0.85**2) / 4)
    assert counted.curve() == [
        (pytest.approx(0.15), pytest.approx(1.0), pytest.approx(0.5)),
        (pytest.approx(0.95), pytest.approx(0.5), pytest.approx(0.5)),
    ]


def test_confidence_that_comes_true_has_little_error_and_boasting_has_much() -> None:
    rng = np.random.default_rng(0)
    stated = rng.uniform(size=200_000)
    outcome = rng.uniform(size=stated.size) < stated
    assert Reliability.of(stated, outcome).expected_calibration_error < 0.005
    assert Reliability.of(np.sqrt(stated), outcome).expected_calibration_error == pytest.approx(
        1 / 6, abs=0.01
    )


def test_sets_add_up_and_survive_json() -> None:
    rng = np.random.default_rng(1)
    stated, outcome = rng.uniform(size=100).astype(np.float32), rng.uniform(size=100) < 0.5
    whole = Reliability.of(stated, outcome)
    parts = Reliability.of(stated[:30], outcome[:30]) + Reliability.of(stated[30:], outcome[30:])
    back = Reliability.from_json(json.loads(json.dumps(parts.as_json())))
    assert back.total == 100
    assert back.brier == pytest.approx(brier_score(stated, outcome))
    assert back.expected_calibration_error == pytest.approx(whole.expected_calibration_error)


def test_certainty_falls_into_the_last_bin_and_nothing_has_no_error() -> None:
    assert Reliability.of([1.0, 0.0], np.array([True, True])).count.tolist() == [1, *[0] * 8, 1]
    nothing = Reliability.of([], np.zeros(0, np.bool_))
    assert nothing.expected_calibration_error is None
    assert nothing.brier is None


def test_good_is_a_tenth_of_the_range_or_less() -> None:
    truth = np.full((1, 3, 3), 100, np.uint8)
    view = truth.copy()
    view[0, 1] += 25  # 25 / 255 < 0.1
    view[0, 2] += np.array([26, 26, 26], np.uint8)
    assert good_pixels(view, truth).tolist() == [[True, True, False]]
    view[0, 2] = truth[0, 2] + np.array([75, 0, 0], np.uint8)  # the mean counts
    assert good_pixels(view, truth).tolist() == [[True, True, True]]


def test_what_is_no_probability() -> None:
    with pytest.raises(InvalidInputError, match=r"1\.5"):
        Reliability.of([1.5], np.array([True]))
    with pytest.raises(InvalidInputError, match="one per confidence"):
        Reliability.of([0.5, 0.5], np.array([True]))
    with pytest.raises(InvalidInputError, match="differ"):
        good_pixels(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 3, 3), np.uint8))


@pytest.mark.parametrize("stated", [-0.1, 1.1, float("nan")])
def test_one_confidence_out_of_range_spoils_all(stated: float) -> None:
    with pytest.raises(InvalidInputError, match="it is a probability"):
        Reliability.of([0.5, stated], np.array([True, False]))


def test_outcomes_and_pictures_of_another_type_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="good must be bool"):
        Reliability.of([0.5, 0.5], np.array([1, 0]))
    picture = np.zeros((2, 2, 3), np.uint8)
    for view, truth in ((picture / 255, picture), (picture, picture / 255)):
        with pytest.raises(InvalidInputError, match="give uint8"):
            good_pixels(view, truth)
