from __future__ import annotations

import threading
import time

import pytest

from anyview_ros.synthesis.child_process.watchdog import Watchdog

PATIENCE_S = 30.0


class Child:
    def __init__(self):
        self.dead = threading.Event()

    def kill(self):
        self.dead.set()


@pytest.mark.parametrize("told", [False, True])
def test_a_child_past_its_limit_is_killed_and_it_is_said_whether_it_was_told_to_stop(told):
    child, cancel = Child(), threading.Event()
    if told:
        cancel.set()
    limit_s = None if told else 0.1
    watchdog = Watchdog(child, cancel, patience_s=0.1, limit_s=limit_s)
    with watchdog:
        assert child.dead.wait(PATIENCE_S)
    assert watchdog.killed
    assert watchdog.cancelled is told


def test_a_child_that_is_in_time_is_left_alone():
    child = Child()
    watchdog = Watchdog(child, threading.Event(), patience_s=0.0, limit_s=PATIENCE_S)
    with watchdog:
        time.sleep(0.2)
    assert (watchdog.killed, watchdog.cancelled, child.dead.is_set()) == (False, False, False)
