from __future__ import annotations

import threading

import pytest

from anyview_ros.offline.augment.background import Background


def test_it_runs_beside_its_caller_and_gives_its_result() -> None:
    gate = threading.Event()

    def work() -> int:
        assert gate.wait(20)
        return 7

    background = Background(work)
    gate.set()
    assert background.result() == 7
    assert background.result() == 7


def test_its_error_is_raised_where_its_result_is_asked_for() -> None:
    def fail() -> None:
        raise ValueError("odd")

    background = Background(fail)
    with pytest.raises(ValueError, match="odd"):
        background.result()
