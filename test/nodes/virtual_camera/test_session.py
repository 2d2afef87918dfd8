from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fake_engine import FakeEngine

from anyview_ros.errors import EngineClosedError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.nodes.virtual_camera import session
from anyview_ros.nodes.virtual_camera import viewer as viewers
from anyview_ros.nodes.virtual_camera.picture import Picture
from anyview_ros.nodes.virtual_camera.session import Answer, StreamKeeper, StreamPlan
from anyview_ros.nodes.virtual_camera.viewer import Viewer

SOURCE = PinholeCamera.from_fov(64, 48, horizontal_fov_deg=60)
WANTED = PinholeCamera.from_fov(50, 40, horizontal_fov_deg=60)
POSE = np.eye(4)
PICTURE = Picture(np.zeros((48, 64, 3), np.uint8), SOURCE, None)
TIMEOUT_S = 5.0


def plan(**changes: Any) -> StreamPlan:
    values = {
        "source": SOURCE,
        "wanted": {"cam": WANTED},
        "source_has_depth": False,
        "steps": None,
        "seed": 0,
        "options": None,
    }
    return StreamPlan(**(values | changes))


class Asker:
    def __init__(self, engine: FakeEngine, *, timeout_s: float = TIMEOUT_S, fallback: bool = False) -> None:
        self.answers: list[Answer] = []
        self.keeper = StreamKeeper(
            engine,
            "test",
            answer_timeout_s=lambda: timeout_s,
            on_answer=self.answers.append,
            fallback=fallback,
        )
        self._stamp_ns = 0

    def push(self, what: StreamPlan | None = None) -> str:
        self._stamp_ns += 1
        return self.keeper.push(what or plan(), PICTURE, POSE, self._stamp_ns, {"cam": POSE})


class Clock:
    """Stands for the module ``time``, and moves only when told to."""

    now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(session, "time", clock)
    monkeypatch.setattr(viewers, "time", clock)
    monkeypatch.setattr(session, "_RETRY_S", 0.0)
    return clock


def test_one_stream_serves_many_frames() -> None:
    engine = FakeEngine()
    asker = Asker(engine)
    assert [asker.push() for _ in range(3)] == ["", "", ""]
    assert len(engine.streams) == 1
    assert [answer.outcome.stamp_ns for answer in asker.answers] == [1, 2, 3]


def test_another_plan_takes_another_stream() -> None:
    engine = FakeEngine()
    asker = Asker(engine)
    asker.push()
    asker.push(plan(seed=1))
    assert [stream.closed for stream in engine.streams] == [True, False]
    assert engine.stream.spec.seed == 1


def test_targets_are_asked_for_at_a_size_of_the_method() -> None:
    engine = FakeEngine(sizes=((32, 32),))
    asker = Asker(engine)
    asker.push()
    assert engine.stream.spec.targets["cam"].size == (32, 32)
    (answer,) = asker.answers
    view = answer.outcome.views["cam"]
    assert answer.fits["cam"].undo(view.frames[0]).shape == (40, 50, 3)


def test_a_lost_stream_is_opened_anew_after_a_pause(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_RETRY_S", 0.3)
    engine = FakeEngine()
    asker = Asker(engine)
    asker.push()
    engine.stream.lose("the server restarted")
    assert asker.push() == "the server restarted"
    assert len(engine.streams) == 1
    clock.now_s += 0.35
    assert asker.push() == ""
    assert len(engine.streams) == 2


def test_a_stream_that_does_not_answer_is_opened_anew(clock: Clock) -> None:
    engine = FakeEngine()
    engine.mute = True
    asker = Asker(engine, timeout_s=0.05)
    assert asker.push() == ""
    clock.now_s += 0.1
    asker.push()
    assert asker.push() == ""
    assert [stream.closed for stream in engine.streams] == [True, False]


def test_each_stream_that_does_not_answer_is_given_twice_the_time_of_the_one_before(
    clock: Clock,
) -> None:
    engine = FakeEngine()
    engine.mute = True
    asker = Asker(engine, timeout_s=10.0)

    def reopened_after(*times_s: float) -> list[bool]:
        begun_s, found = clock.now_s, []
        for time_s in times_s:
            clock.now_s, before = begun_s + time_s, len(engine.streams)
            asker.push()
            found.append(len(engine.streams) > before)
        return found

    asker.push()
    assert reopened_after(9.9, 10.1) == [False, True]
    assert reopened_after(10.1, 19.9) == [False, False]
    engine.stream.answer(engine.stream.frames[0])  # late, but it came: the next may take as long
    asker.push()
    assert reopened_after(19.9, 20.1) == [False, True]
    engine.stream.answer(engine.stream.frames[0])  # in time: no need for more patience
    asker.push()
    assert reopened_after(9.9, 10.1) == [False, True]


def test_what_is_told_of_an_engine_that_does_not_answer_names_the_limit(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_RETRY_S", 1000.0)
    engine = FakeEngine()
    engine.mute = True
    asker = Asker(engine, timeout_s=10.0)
    asker.push()
    clock.now_s += 11.0
    told = asker.push()
    assert told.startswith(
        "the engine has not answered for 11.0 s (answer_timeout_s is 10); the stream is opened anew"
    )
    assert "raise answer_timeout_s" in told


def test_a_stream_that_rested_is_opened_anew_at_once_and_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "_RETRY_S", 1000.0)
    engine = FakeEngine()
    asker = Asker(engine)
    asker.push()
    engine.stream.rest("the stream had no frame for 10 s")
    assert len(asker.answers) == 1
    assert asker.push() == ""
    assert len(engine.streams) == 2
    assert len(asker.answers) == 2


def test_a_stream_that_takes_no_frames_is_opened_anew(clock: Clock) -> None:
    engine = FakeEngine()
    engine.stream_problem = "still opening"
    asker = Asker(engine, timeout_s=0.05)
    assert asker.push() == "still opening"
    assert asker.push() == "still opening"
    assert len(engine.streams) == 1
    clock.now_s += 0.1
    asker.push()
    engine.stream_problem = ""
    assert asker.push() == ""
    assert len(engine.streams) == 2


def test_a_frame_that_comes_after_a_later_one_is_passed_over() -> None:
    engine = FakeEngine()
    keeper = Asker(engine).keeper
    told = [keeper.push(plan(), PICTURE, POSE, stamp_ns, {"cam": POSE}) for stamp_ns in (10, 9, 10, 11)]
    assert told == [""] * 4
    assert [frame.stamp_ns for frame in engine.frames] == [10, 11]
    assert len(engine.streams) == 1
    keeper.abandon()  # as after a jump of the clock
    assert keeper.push(plan(), PICTURE, POSE, 5, {"cam": POSE}) == ""
    assert engine.frames[-1].stamp_ns == 5


def test_answers_of_a_stream_given_up_are_ignored() -> None:
    engine = FakeEngine()
    engine.mute = True
    asker = Asker(engine)
    asker.push()
    old = engine.stream
    asker.keeper.abandon()
    old.answer(old.frames[0])
    assert asker.answers == []
    assert old.closed


def test_an_answer_under_way_knows_when_its_stream_is_given_up() -> None:
    engine = FakeEngine()
    asker = Asker(engine)
    asker.push()
    asker.push()
    first, second = asker.answers
    assert first.is_current()
    assert second.is_current()
    asker.keeper.abandon()
    assert not second.is_current()
    asker.push()
    assert asker.answers[-1].is_current()
    assert not first.is_current()


def test_a_push_that_fails_gives_the_stream_up_and_says_why() -> None:
    engine = FakeEngine()
    asker = Asker(engine)
    asker.push()
    engine.push_error = EngineClosedError("gone")
    assert asker.push() == "gone"
    engine.push_error = None
    assert asker.push() == ""
    assert len(engine.streams) == 2


def test_an_engine_away_or_unknown_is_told() -> None:
    engine = FakeEngine()
    asker = Asker(engine)
    engine.away = "no server"
    assert asker.push() == "no server"
    engine.away, engine.known = "", False
    assert "not described itself" in asker.push() or asker.push() == "no server"
    engine.known = True
    assert asker.push() == ""


def viewer(main: Asker, fallback: Asker | None, after_s: float) -> Viewer:
    return Viewer(
        main.keeper,
        None if fallback is None else fallback.keeper,
        fallback_options={"depth_m": 1.0},
        fallback_after_s=lambda: after_s,
    )


def test_the_fallback_waits_and_ends_when_the_engine_is_back(clock: Clock) -> None:
    away, local = FakeEngine(), FakeEngine()
    away.away = "no server"
    main, standby = Asker(away), Asker(local, fallback=True)
    both = viewer(main, standby, 0.1)
    assert both.push(plan(steps=9), PICTURE, POSE, 1, {"cam": POSE}) == "no server"
    assert not local.streams
    clock.now_s += 0.15
    assert both.push(plan(steps=9), PICTURE, POSE, 2, {"cam": POSE}) == "no server"
    assert both.on_fallback
    assert standby.answers[0].fallback
    assert (local.stream.spec.steps, local.stream.spec.options) == (None, {"depth_m": 1.0})
    away.away = ""
    assert both.push(plan(), PICTURE, POSE, 3, {"cam": POSE}) == ""
    assert not both.on_fallback
    assert len(local.frames) == 1


def test_without_a_fallback_nothing_is_made_up() -> None:
    away = FakeEngine()
    away.away = "no server"
    alone = viewer(Asker(away), None, 0.0)
    assert alone.push(plan(), PICTURE, POSE, 1, {"cam": POSE}) == "no server"
    assert alone.push(plan(), PICTURE, POSE, 2, {"cam": POSE}) == "no server"
    assert not alone.on_fallback
