from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from anyview_ros.cli import main as cli

QUICK = ["--targets", "1", "2", "--size", "32x24", "--rounds", "1"]


def test_a_method_is_measured_and_two_runs_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        arguments = ["--method", "copy_source", *QUICK, "--output", str(tmp_path / name), "--label", name]
        assert cli.main(["bench", *arguments]) == 0
    told = capsys.readouterr().out
    assert "| copy_source | 1 | 2 | 32x24 |" in told
    content = json.loads((tmp_path / "a" / "speed.json").read_text())
    assert content["machine"]["cores"] >= 1
    assert content["load_s"]["copy_source"] > 0
    assert len(content["methods"]["copy_source"]) == 2
    files = [str(tmp_path / name / "speed.json") for name in ("a", "b")]
    assert cli.main(["bench", "--compare", *files]) == 0
    assert "b / a" in capsys.readouterr().out


def test_what_the_report_needs_is_asked_for_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert cli.main(["bench", "--method", "copy_source", *QUICK, "--output", str(tmp_path / "out")]) != 0
    told = capsys.readouterr()
    assert "pip install 'anyview_ros[report]'" in told.err
    assert not told.out


def test_a_refused_case_fails_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Reprojection needs depth, or a depth to assume."""
    assert cli.main(["bench", "--method", "reprojection", "--no-depth", "--no-stream", *QUICK]) == 1
    assert "refused" in capsys.readouterr().out
    with_depth = ["--method", "reprojection", "--no-depth", "--no-stream", "--option", "depth_m=1.5"]
    assert cli.main(["bench", *with_depth, *QUICK]) == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--method", "clairvoyance"], "clairvoyance"),
        (["--frames", "0"], "frames is 0"),
        (["--rounds", "0"], "rounds is 0"),
        (["--compare", "absent.json", "absent.json"], "absent.json"),
    ],
)
def test_what_cannot_be_is_named(capsys: pytest.CaptureFixture[str], arguments: list[str], word: str) -> None:
    assert cli.main(["bench", *arguments]) == 2
    assert word in capsys.readouterr().err
