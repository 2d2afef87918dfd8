"""What a status says while frames go on; the rig is a stand-in that has just what is told of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS: run through tools/with_ros")

from std_msgs.msg import Header

from anyview_ros.clips import SlidingWindow
from anyview_ros.msg import CameraStatus
from anyview_ros.nodes.virtual_camera.ledger import Ledger
from anyview_ros.nodes.virtual_camera.problems import ProblemBoard, Stage
from anyview_ros.nodes.virtual_camera.status import make_status


def test_a_trouble_that_comes_meanwhile_is_told_with_its_frame_or_not_at_all() -> None:
    ledger, board = Ledger(), ProblemBoard()

    def first() -> str:
        if not ledger.read().received:  # at the first look, as the pipeline does in a thread of its own
            ledger.receive()
            ledger.drop("unfit_camera_info")
            board.set(Stage.PICTURE, "uncalibrated")
        return board.first()

    showing = SimpleNamespace(
        silent_s=0.0, fallback=False, rate_hz=5.0, age_ms=9.0, mean_confidence=1.0, published=3
    )
    live = SimpleNamespace(
        camera=SimpleNamespace(name="wrist", rate_hz=5.0),
        outputs=SimpleNamespace(wanted=lambda: True),
        problems=ProblemBoard(),
        showing=lambda: showing,
    )
    rig: Any = SimpleNamespace(
        method=None,
        server="/server",
        client=SimpleNamespace(problem=lambda: ""),
        window=SlidingWindow(length_s=1.0, rate_hz=10),
        cameras={"wrist": live},
        problems=SimpleNamespace(first=first),
        on_fallback=False,
    )
    status = make_status(Header(), "", rig, ledger)
    assert (status.frames_received, status.frames_dropped) == (1, 1)
    assert (status.drop_reasons, status.summary) == (["unfit_camera_info"], "uncalibrated")
    assert (status.cameras[0].state, status.cameras[0].reason) == (CameraStatus.WAITING, "uncalibrated")
