from __future__ import annotations

import pytest

from anyview_ros.cli.progress import progress_bar


def test_what_is_done_and_what_is_being_done_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(4, "episodes") as report:
        report(0, "the first")
        report(2.5, "the third")
        report(4, "")
    shown = capsys.readouterr().err
    assert "2.5/4 episodes" in shown
    assert "the third" in shown
    assert "100%" in shown
