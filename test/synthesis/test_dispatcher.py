"""The engine's callback thread: nothing that its clock says or raises ends it."""

from __future__ import annotations

import queue
import threading

import pytest
from fake_synthesizers import PATIENCE_S

from anyview_ros.synthesis import dispatcher as dispatcher_module
from anyview_ros.synthesis.dispatcher import Dispatcher


def test_it_lives_on_after_a_delay_longer_than_a_lock_can_wait():
    answered: queue.Queue[str] = queue.Queue()
    ticked = threading.Event()

    def tick():
        ticked.set()
        return 1e300

    dispatcher = Dispatcher("clock", tick)
    dispatcher.start()
    assert ticked.wait(PATIENCE_S)
    dispatcher.post(lambda: answered.put("called"))
    assert answered.get(timeout=PATIENCE_S) == "called"
    dispatcher.close(PATIENCE_S)


def test_a_clock_that_raises_is_logged_and_asked_again(monkeypatch, caplog):
    monkeypatch.setattr(dispatcher_module, "_RETRY_S", 0.01)
    asked = iter([ZeroDivisionError("no time"), None])
    well = threading.Event()

    def tick():
        error = next(asked, None)
        if error is not None:
            raise error
        well.set()

    dispatcher = Dispatcher("clock", tick)
    dispatcher.start()
    assert well.wait(PATIENCE_S)
    called = threading.Event()
    dispatcher.post(called.set)
    assert called.wait(PATIENCE_S)
    dispatcher.close(PATIENCE_S)
    assert "the clock of the synthesis engine raised" in caplog.text


@pytest.mark.parametrize("delay_s", [None, 0.0, 1.0])
def test_what_was_posted_runs_before_it_closes(delay_s):
    called: list[int] = []
    dispatcher = Dispatcher("clock", lambda: delay_s)
    dispatcher.start()
    for number in range(3):
        dispatcher.post(lambda number=number: called.append(number))
    dispatcher.close(PATIENCE_S)
    assert called == [0, 1, 2]


def test_a_call_to_wake_that_comes_during_a_tick_is_not_lost():
    ticks: queue.Queue[int] = queue.Queue()

    def tick():
        if ticks.empty():
            dispatcher.wake()
        ticks.put(1)

    dispatcher = Dispatcher("clock", tick)
    dispatcher.start()
    for _ in range(2):
        ticks.get(timeout=PATIENCE_S)
    dispatcher.close(PATIENCE_S)
