from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyview_ros.errors import InvalidRequestError
from anyview_ros.synthesis.step_budget import StepBudget


def settle(budget: StepBudget, step_s: float, views: int = 60) -> int:
    for _ in range(views):
        budget.spent(step_s * budget.steps)
    return budget.steps


def test_the_first_view_gets_all_steps_and_the_next_ones_what_fits():
    budget = StepBudget(rate_hz=5, most=35)
    assert budget.steps == 35
    budget.spent(35 * 0.01)
    assert budget.steps == 17  # 0.85 of 200 ms at 10 ms a step


def test_steps_come_back_when_there_is_time():
    budget = StepBudget(rate_hz=5, most=35)
    assert settle(budget, 0.02) == 8
    assert settle(budget, 0.002) == 35


def test_a_little_more_time_changes_nothing():
    budget = StepBudget(rate_hz=5, most=35)
    settle(budget, 0.01)
    assert settle(budget, 0.0095) == 17
    assert settle(budget, 0.0080) == 17  # 21 would fit, less than 1.2 times 18
    assert settle(budget, 0.0078) == 21


@given(st.floats(0.1, 60), st.integers(1, 100), st.floats(1e-5, 10))
def test_steps_stay_in_range_and_fit_where_they_can(rate_hz: float, most: int, step_s: float) -> None:
    budget = StepBudget(rate_hz, most)
    steps = settle(budget, step_s)
    assert 1 <= steps <= most
    assert steps * step_s <= 1 / rate_hz or steps == 1


@pytest.mark.parametrize(("rate_hz", "most"), [(0, 5), (float("nan"), 5), (float("inf"), 5), (5, 0), (5, -1)])
def test_what_makes_no_sense_is_refused(rate_hz: float, most: int) -> None:
    with pytest.raises(InvalidRequestError, match="give"):
        StepBudget(rate_hz, most)
