from __future__ import annotations

import re
import subprocess
import sys

import pytest

from anyview_ros.cli.progress import progress_bar


def test_what_is_done_and_what_is_being_done_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(4, "episodes") as report:
        report(0, "the first")
        report(2.5, "the third")
        report(3 * 0.1 * 10, "the fourth")
        report(4, "")
    shown = capsys.readouterr().err
    assert " 62%|" in shown
    assert "2/4 episodes" in shown
    assert "." not in shown.replace("00:", "")
    assert "the third" in shown
    assert "3/4 episodes" in shown
    assert "100%" in shown


def test_what_is_logged_meanwhile_stands_on_a_line_of_its_own() -> None:
    script = """
import logging
from anyview_ros.cli.progress import progress_bar
with progress_bar(2, "views") as report:
    report(1, "the first")
    logging.getLogger("anyview_ros.methods").warning("the scale is guessed")
"""
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stderr
    assert "the scale is guessed" in re.split(r"[\r\n]+", shown)
