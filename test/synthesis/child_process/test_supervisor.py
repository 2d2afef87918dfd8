from __future__ import annotations

from types import SimpleNamespace

import pytest

from anyview_ros.errors import EngineClosedError, EngineUnavailableError
from anyview_ros.synthesis.child_process import supervisor
from anyview_ros.synthesis.child_process.messages import Begin


class Process:
    """A child that loads while ``fit``, and is told when it is closed."""

    fit = True

    def __init__(self, begin):
        self.begin, self.process_id, self.closed = begin, 7, False

    def wait_until_loaded(self, longest_s):
        if not Process.fit:
            raise EngineUnavailableError("no device")
        return f"loaded {self.begin.factory} within {longest_s:g} s"

    def told_end(self):
        return "ended with code 3"

    def close(self):
        self.closed = True


@pytest.fixture
def now_s(monkeypatch):
    now_s = [0.0]
    monkeypatch.setattr(supervisor, "time", SimpleNamespace(monotonic=lambda: now_s[0]))
    monkeypatch.setattr(supervisor, "ChildProcess", Process)
    monkeypatch.setattr(Process, "fit", True)
    return now_s


def made() -> supervisor.Supervisor:
    return supervisor.Supervisor(Begin("m:f", {}), longest_load_s=5.0)


def test_one_child_is_kept_until_it_is_closed(now_s):
    kept = made()
    child = kept.living()
    assert (kept.loaded, kept.process_id, kept.restarts) == ("loaded m:f within 5 s", 7, 0)
    assert kept.living() is child
    kept.close()
    assert child.closed
    assert kept.process_id == 0
    with pytest.raises(EngineClosedError, match="load the method anew"):
        kept.living()


def test_the_pause_stays_a_minute_however_long_no_child_can_load(now_s):
    kept = made()
    kept.replace_killed(kept.living())
    Process.fit = False
    for _ in range(1100):  # a night
        with pytest.raises(EngineUnavailableError, match=r"^no device"):
            kept.living()
        now_s[0] += 60.1
    now_s[0] -= 1.0
    with pytest.raises(EngineUnavailableError, match=r"1100 time\(s\): no device"):
        kept.living()


def test_a_child_that_was_killed_is_no_crash_and_what_it_remembered_is_gone(now_s):
    kept = made()
    for count in range(1, 4):
        child, generation = kept.living(), kept.generation
        kept.replace_killed(child)
        assert child.closed
        assert kept.living() is not child
        assert (kept.restarts, kept.generation) == (count, generation + 1)


def test_views_end_the_row_of_crashes(now_s):
    kept = made()
    assert "ended with code 3 while it slept; a new one is being started" in str(
        kept.replace_dead(kept.living(), "while it slept")
    )
    kept.living()
    kept.made_views()
    assert "a new one is being started" in str(kept.replace_dead(kept.living(), "while it slept"))
    assert "2 times in a row" in str(kept.replace_dead(kept.living(), "while it slept"))
    with pytest.raises(EngineUnavailableError, match="tried again in 1 s"):
        kept.living()


def test_a_child_that_was_replaced_already_is_not_replaced_again(now_s):
    kept = made()
    old = kept.living()
    kept.replace_killed(old)
    now = kept.living()
    kept.replace_killed(old)
    kept.replace_dead(old, "while it slept")
    assert kept.living() is now
    assert kept.restarts == 1
