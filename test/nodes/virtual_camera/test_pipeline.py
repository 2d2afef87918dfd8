"""What becomes of frames between the subscriptions and the engine, with stand-ins for both and for TF."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS: run through tools/with_ros")

from anyview_ros.clips import SlidingWindow
from anyview_ros.geometry import PinholeCamera
from anyview_ros.nodes.virtual_camera.ledger import Ledger
from anyview_ros.nodes.virtual_camera.pipeline import FramePipeline, Limits
from anyview_ros.nodes.virtual_camera.poses import Placement
from anyview_ros.nodes.virtual_camera.problems import ProblemBoard, Stage
from anyview_ros.nodes.virtual_camera.source import Arrival

SECOND = 10**9


def break_down(*_: Any) -> Any:
    raise RuntimeError("no such luck")


@contextmanager
def pipeline(ledger: Ledger, problems: ProblemBoard, **changes: Any) -> Iterator[FramePipeline]:
    parts = {
        "tf": SimpleNamespace(locate=lambda *_: Placement(np.eye(4))),
        "maker": SimpleNamespace(make=lambda *_: SimpleNamespace(frame=None, camera=None, depth=None)),
        "window": SimpleNamespace(add=lambda *_: SimpleNamespace(dropped=None)),
        "consumer": SimpleNamespace(wanted=lambda _: (), sizes=lambda: (), take=lambda *_: None),
    }
    limits = Limits(10, 10.0, "base", tf_timeout_s=lambda: 0.5, needed=lambda: True)
    made = FramePipeline(**(parts | changes), ledger=ledger, problems=problems, limits=limits)
    try:
        yield made
    finally:
        made.close()


def arrival(stamp_ns: int) -> Arrival:
    return Arrival(stamp_ns, "camera", *[SimpleNamespace()] * 2, None)  # type: ignore[arg-type]


def wait(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


@pytest.mark.parametrize(
    "broken", [{"maker": SimpleNamespace(make=break_down)}, {"window": SimpleNamespace(add=break_down)}]
)
def test_frames_that_fail_unexpectedly_are_dropped_and_not_held(broken: dict[str, Any]) -> None:
    ledger, problems = Ledger(), ProblemBoard()
    with pipeline(ledger, problems, **broken) as made:
        for number in (1, 2):
            problems.clear()
            ledger.receive()
            made.offer(arrival(number * SECOND))
            wait(lambda: bool(problems.first()))
    assert problems.at(Stage.PICTURE) == "a frame failed: RuntimeError: no such luck"
    account = ledger.read()
    assert (account.received, account.pushed, account.held, account.dropped) == (2, 0, 0, {"failed": 2})


@pytest.mark.parametrize("source_hz", [10.1, 10.5, 12, 14, 18, 30])
def test_what_is_left_of_a_faster_camera_makes_clips(source_hz: float) -> None:
    camera = PinholeCamera(2.0, 2.0, 0.5, 0.5, 2, 2)
    picture = SimpleNamespace(frame=np.zeros((2, 2, 3), np.uint8), camera=camera, depth=None)
    window = SlidingWindow(length_s=2.0, rate_hz=10.0)
    ledger, problems, ready = Ledger(), ProblemBoard(), []
    parts = {"maker": SimpleNamespace(make=lambda *_: picture), "window": window}
    generator = np.random.default_rng(0)
    with pipeline(ledger, problems, **parts) as made:
        for number in range(int(6 * source_hz)):
            ledger.receive()
            made.offer(arrival(round((1 + number / source_hz + generator.normal(0, 0.002)) * SECOND)))
            wait(lambda: ledger.read().held == 0)
            if number > 3 * source_hz:
                ready.append(not window.problem())
    assert set(ledger.read().dropped) <= {"above_window_rate"}  # the window itself drops none
    assert np.mean(ready) > 0.95
