"""The main job, start to end: processes, live graph, observation, report."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bag_maker import entries, write_bag
from filmed import moving_clip

REPORT_KEYS = {
    "method",
    "distro",
    "input",
    "duration_s",
    "frames_in",
    "views_published",
    "latency_ms",
    "age_ms",
    "drops",
    "scores",
}


def demo(environment: dict[str, str], output: Path, *arguments: str, limit_s: float = 200) -> dict[str, Any]:
    """Run `anyview demo` and return what it reports."""
    command = [sys.executable, "-m", "anyview_ros.cli.main", "demo", "--output", str(output), *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=limit_s, check=False
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "report.html" in done.stdout
    summary: dict[str, Any] = json.loads((output / "report.json").read_text())
    assert set(summary) >= REPORT_KEYS
    assert summary["synthesised"] is True
    return summary


def test_the_stereo_pair_is_seen_from_its_other_eye(ros_environment: dict[str, str], tmp_path: Path) -> None:
    summary = demo(ros_environment, tmp_path, "--input", "motorcycle", "--duration", "8")
    score = summary["scores"]["right"]
    assert 0.7 < score["coverage"] < 0.95
    assert score["gain_db_co_visible"] > 8
    under_way = 10  # frames that were received before the observation and shown during it
    assert summary["frames_in"] + under_way >= summary["views_published"]["right"] > 5
    assert (tmp_path / "right.mp4").stat().st_size > 1000
    assert not list(tmp_path.glob("*.partial"))


def test_a_bag_is_replayed_with_its_clock(ros_environment: dict[str, str], tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", entries(moving_clip()))
    # At each end of the bag all begins anew: a method that is soon under way.
    given = ("--input", str(bag), "--method", "reprojection", "--duration", "5")
    summary = demo(ros_environment, tmp_path / "out", *given)
    assert summary["views_observed"]["left"] > 3
    assert summary["views_observed"]["above"] > 3
    assert summary["scores"] == {}
    # in the bag's time, not since 2023 when its stamps are from
    assert summary["age_ms"]["p50"] < 60_000


@pytest.mark.long
def test_the_simulated_robot_is_seen_from_above_and_from_its_wrist(
    ros_environment: dict[str, str], tmp_path: Path
) -> None:
    summary = demo(ros_environment, tmp_path, "--duration", "15", limit_s=600)
    for name in ("overhead", "wrist"):
        assert summary["scores"][name]["gain_db_co_visible"] > 6
        assert summary["scores"][name]["coverage"] > 0.3


def test_a_process_that_dies_ends_the_demo_with_its_last_words(
    ros_environment: dict[str, str], tmp_path: Path
) -> None:
    command = [
        sys.executable,
        "-m",
        "anyview_ros.cli.main",
        "demo",
        "--input",
        "motorcycle",
        "--method",
        "none_such",
    ]
    done = subprocess.run(
        [*command, "--output", str(tmp_path)],
        env=ros_environment,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 2
    assert "none_such" in done.stderr
