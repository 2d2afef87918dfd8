from __future__ import annotations

import threading

import pytest

from anyview_ros.errors import InvalidRequestError, SynthesisCancelled
from anyview_ros.methods.steps import StepCount, check_cancel, check_most_steps


def test_there_are_no_more_steps_than_levels_of_noise() -> None:
    check_most_steps(None, "dreamer")
    check_most_steps(1000, "dreamer")
    with pytest.raises(InvalidRequestError, match="steps is 1001; method 'dreamer' takes 1 to 1000"):
        check_most_steps(1001, "dreamer")


def test_work_stops_once_its_token_is_set() -> None:
    cancel = threading.Event()
    check_cancel(None, "dreamer")
    check_cancel(cancel, "dreamer")
    cancel.set()
    with pytest.raises(SynthesisCancelled, match="method 'dreamer' was cancelled"):
        check_cancel(cancel, "dreamer")
    steps = StepCount("dreamer", 1, None, cancel)
    for stopped in (steps.check, steps.step):
        with pytest.raises(SynthesisCancelled, match="method 'dreamer' was cancelled"):
            stopped()


def test_steps_are_counted_whether_or_not_anybody_asks() -> None:
    told: list[tuple[int, int]] = []
    for progress in (lambda step, total: told.append((step, total)), None):
        steps = StepCount("dreamer", 4, progress, threading.Event())
        steps.count()
        steps.step()
        steps.finish()
        steps.finish()
    assert told == [(1, 4), (2, 4), (4, 4)]


def test_a_count_that_is_told_from_elsewhere_never_goes_back_nor_beyond_all() -> None:
    told: list[tuple[int, int]] = []
    steps = StepCount("dreamer", 5, lambda step, total: told.append((step, total)), None)
    for reached in (2, 1, 2, 9):
        steps.reach(reached)
    assert told == [(2, 5), (5, 5)]
    StepCount("dreamer", 5, None, None).reach(3)
