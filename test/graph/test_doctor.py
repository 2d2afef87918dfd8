"""The doctor at a live graph: a camera that is well, and one that is not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ros_process import RosProcess

REPOSITORY = Path(__file__).parents[2]
CAMERA = Path(__file__).parents[1] / "support" / "doctored_camera.py"
# Found where the camera's process had to wait for a core. test/diagnosis/checks has tests of them.
OF_A_BUSY_MACHINE = {"rate.gaps", "rate.irregular", "tf_time.gaps"}


def run_doctor(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "anyview_ros.cli.main", "doctor", *arguments],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def doctor(environment: dict[str, str], *arguments: str) -> tuple[int, dict[str, Any]]:
    done = run_doctor(environment, "--json", "--duration", "4", *arguments)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, json.loads(done.stdout)


def troubles(report: dict[str, Any]) -> dict[str, str]:
    return {f["check"]: f["severity"] for f in report["findings"] if f["severity"] != "ok"}


@pytest.fixture
def camera(ros_process: Callable[..., RosProcess]) -> Callable[..., RosProcess]:
    def start(*faults: str) -> RosProcess:
        process = ros_process("doctored_camera", command=[sys.executable, str(CAMERA), *faults])
        process.wait_for_line("publishing", timeout_s=60)
        return process

    return start


def test_nothing_is_wrong_with_a_healthy_camera(
    camera: Callable[..., RosProcess], ros_environment: dict[str, str]
) -> None:
    camera()
    code, report = doctor(ros_environment, "--fixed-frame", "map")
    assert code == 0, report
    assert troubles(report).keys() <= OF_A_BUSY_MACHINE, report
    checks = {finding["check"] for finding in report["findings"]}
    assert checks >= {
        "images",
        "camera_info",
        "tf",
        "tf_time",
        "optical_frame",
        "depth",
        "qos",
        "virtual_cameras",
    }


def test_a_broken_camera(camera: Callable[..., RosProcess], ros_environment: dict[str, str]) -> None:
    camera("uncalibrated", "body_frame", "tf_behind", "volatile_static", "greedy_subscriber", "waiting")
    code, report = doctor(ros_environment)
    found = troubles(report)
    assert code == 1
    assert found["camera_info.uncalibrated"] == "error"
    assert found["qos.mismatch"] == "error"
    assert found["virtual_cameras.waiting"] == "error"
    assert found["virtual_cameras.no_topic"] == "error"
    mismatched = {f["thing"] for f in report["findings"] if f["check"] == "qos.mismatch"}
    assert mismatched == {"/tf_static", "/camera/image_raw"}
    # /tf_static does not get through, so that the camera's frame hangs from nowhere.
    assert found["tf.unknown_frame"] == "error"


def test_a_camera_whose_tf_is_of_another_time(
    camera: Callable[..., RosProcess], ros_environment: dict[str, str]
) -> None:
    camera("body_frame", "tf_behind")
    code, report = doctor(ros_environment)
    found = troubles(report)
    assert code == 1
    assert found["tf_time.offset"] == "error"
    assert found["optical_frame.body_stamped"] == "error"


def test_an_empty_graph(ros_environment: dict[str, str]) -> None:
    code, report = doctor(ros_environment)
    assert code == 1
    assert troubles(report).keys() >= {"images.no_camera", "tf.missing"}


def test_a_topic_that_is_not_there(ros_environment: dict[str, str]) -> None:
    done = run_doctor(ros_environment, "--image", "/nowhere")
    assert done.returncode == 2
    assert "no pictures on /nowhere" in done.stderr
