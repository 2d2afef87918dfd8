from __future__ import annotations

import itertools
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError, SynthesisError
from anyview_ros.evaluation.speed import (
    SpeedCase,
    SpeedSettings,
    Timing,
    make_request,
    measure,
    requests_of,
    sweep,
)
from anyview_ros.methods.copy_source import CopySource

SMALL = (32, 24)


class Slow(CopySource):
    """Copy-source that sleeps for each picture, and refuses more than two targets."""

    def __init__(self, picture_s: float) -> None:
        super().__init__()
        self.picture_s = picture_s
        self.order: list[tuple[int, int]] = []

    def synthesize(self, request: Any, **more: Any) -> Any:
        if len(request.targets) > 2:
            raise SynthesisError("three are too many")
        self.order.append((len(request.sources[0]), len(request.targets)))
        return super().synthesize(request, **more)

    def render(self, *arguments: Any) -> Any:
        time.sleep(self.picture_s)
        return super().render(*arguments)


def test_cases_differ_from_the_first_in_one_thing() -> None:
    cases = sweep([1, 5], [1, 2], [SMALL, (64, 48)])
    assert cases == [
        SpeedCase(1, 1, SMALL),
        SpeedCase(5, 1, SMALL),
        SpeedCase(1, 2, SMALL),
        SpeedCase(1, 1, (64, 48)),
    ]
    assert sweep([1, 1], [1], [SMALL]) == [SpeedCase(1, 1, SMALL)]


def test_times_follow_the_work_and_rounds_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """No case can be quicker than it sleeps; ratios within one run, not times, are asserted above that."""
    method = Slow(0.02)
    cases = [SpeedCase(1, 1, SMALL), SpeedCase(2, 2, SMALL)]
    settings = SpeedSettings(rounds=2, pushes=3)
    monkeypatch.setattr(time, "process_time", itertools.count(step=7.0).__next__)
    one, four = measure(method, cases, settings)
    assert method.order == [(1, 1), (2, 2), (1, 1), (2, 2), (1, 1), (2, 2)]
    assert one.request.count == four.request.count == 2
    assert one.request.best_s >= 0.02
    assert four.request.best_s >= 0.08
    assert four.per_view_s == four.request.best_s / 4
    assert four.per_video_second_s == pytest.approx(10 * four.per_view_s)
    assert four.step.best_s >= 0.02
    assert (one.step, four.steps) == (None, 4)
    assert four.stream.best_s >= 0.04
    assert four.stream.count == 2
    assert four.cpu == Timing(7.0, 7.0, 2)


def test_progress_counts_up_to_what_was_said() -> None:
    settings = SpeedSettings(rounds=2, stream=False)
    cases = [SpeedCase(1, 1, SMALL), SpeedCase(1, 2, SMALL)]
    told: list[float] = []
    measure(CopySource(), cases, settings, report=lambda done, _what: told.append(done))
    assert told == sorted(told)
    assert told[-1] == requests_of(cases, settings)


def test_a_refused_case_is_told_and_the_others_go_on() -> None:
    settings = SpeedSettings(rounds=1, stream=False)
    fine, refused = measure(Slow(0), [SpeedCase(1, 1, SMALL), SpeedCase(1, 3, SMALL)], settings)
    assert fine.request is not None
    assert refused.request is None
    assert refused.refused == "three are too many"
    assert refused.per_view_s is None


class Failing(Slow):
    """Fails at its second request of two frames, and with every frame pushed into a stream for two targets."""

    def synthesize(self, request: Any, **more: Any) -> Any:
        result = super().synthesize(request, **more)
        if self.order[-1] == (2, 1) and self.order.count((2, 1)) > 1:
            raise RuntimeError("the device is gone")
        return result

    def open_stream(self, source: Any, targets: Any, **more: Any) -> Any:
        stream = super().open_stream(source, targets, **more)
        if len(targets) > 1:
            stream.push = lambda *_arguments, **_more: 1 // 0
        return stream


def test_what_fails_later_is_told_and_the_figures_of_others_are_kept() -> None:
    settings = SpeedSettings(rounds=2, pushes=2)
    cases = [SpeedCase(1, 1, SMALL), SpeedCase(2, 1, SMALL), SpeedCase(1, 2, SMALL)]
    fine, gone, broken = measure(Failing(0), cases, settings)
    assert fine.stream is not None
    assert "the device is gone" in gone.refused
    assert "a pushed frame: ZeroDivisionError" in broken.refused


def test_requests_are_as_large_as_asked() -> None:
    case = SpeedCase(3, 2, (64, 48))
    request = make_request(CopySource().describe(), case, SpeedSettings(seed=7))
    (source,) = request.sources
    assert source.frames.shape == (3, 48, 64, 3)
    assert source.frames.std() > 10
    assert [len(target) for target in request.targets] == [3, 3]
    assert request.seed == 7
    first, second = (target.camera_to_world[0] for target in request.targets)
    assert np.linalg.norm(first[:3, 3] - second[:3, 3]) > 0.1


MEASURES = """
import numpy as np
from anyview_ros.evaluation.memory_use import measured_memory
earlier = np.ones(800_000_000, np.uint8)  # what was held before does not count
del earlier
with measured_memory() as memory:
    block = np.ones(400_000_000, np.uint8)
print(memory().process_bytes)
"""


def test_memory_is_that_of_the_work() -> None:
    """In a process of its own, which holds little that the system could take from it meanwhile."""
    done = subprocess.run([sys.executable, "-c", MEASURES], capture_output=True, text=True, check=True)
    if done.stdout.strip() == "None":
        pytest.skip("this system does not tell a process's highest memory")
    assert 300e6 < int(done.stdout) < 600e6


def test_timings() -> None:
    assert Timing.of([3.0, 1.0, 2.0, 9.0]) == Timing(1.0, 2.5, 4)
    assert Timing.of([]) is None


def test_what_cannot_be_measured() -> None:
    with pytest.raises(InvalidInputError, match="targets 0"):
        SpeedCase(1, 0)
    with pytest.raises(InvalidInputError, match="rounds is 0"):
        SpeedSettings(rounds=0)
    with pytest.raises(InvalidInputError, match="at least one number"):
        sweep([], [1], [SMALL])
