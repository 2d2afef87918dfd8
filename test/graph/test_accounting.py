"""VGA at 30 Hz: every image that a camera sends is in the window, or dropped and its reason counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
import pytest
from camera_process import node_process, parameters, robot_double
from robot_double import RobotDouble

from anyview_ros.geometry import PinholeCamera
from anyview_ros.nodes.conversions import info_from_camera

CAMERA = PinholeCamera.from_fov(640, 480, horizontal_fov_deg=60.0)
RATE_HZ = 30.0
IMAGES = 90
# So that none is lost on its way to the node, however busy the machine: what is lost there, nobody can count. Nor in
# the node, where many come at once or before their TF.
LOSSLESS = {
    "max_pending": IMAGES,
    "tf_timeout_s": 10.0,
    "qos_overrides./image.subscription.reliability": "reliable",
    "qos_overrides./image.subscription.depth": IMAGES,
}


def vga(stamp_ns: int) -> np.ndarray:
    """A picture that changes: uint8 (480, 640, 3)."""
    small = np.random.default_rng(stamp_ns % 8).integers(0, 256, (60, 80, 3), np.uint8)
    return np.asarray(cv2.resize(small, CAMERA.size, interpolation=cv2.INTER_LINEAR), np.uint8)


@contextmanager
def camera_and_node(environment: dict[str, str], **changes: object) -> Iterator[RobotDouble]:
    """A silent VGA camera at 30 Hz and a node that subscribes it."""
    values = parameters(**LOSSLESS, **changes)
    with robot_double(rate_hz=RATE_HZ) as robot, node_process(environment, values):
        robot.running = False
        robot.pictures = vga
        robot.alter_info = lambda info: info_from_camera(CAMERA, info.header)
        robot.wait(
            "the node's subscription", lambda: robot._image.get_subscription_count() == 1, timeout_s=60
        )
        robot.wait("its status", lambda: robot.statuses)
        yield robot


def film(robot: RobotDouble) -> Any:
    """Let the camera send its images and return the node's status once nothing is on its way any more."""
    before = robot.sent
    robot.running = True
    robot.wait("all images", lambda: robot.sent - before >= IMAGES, timeout_s=60)
    robot.running = False
    robot.wait_for_reason("has the camera stopped?")
    return robot.wait("all received", lambda: _settled(robot, robot.sent - before))


def _settled(robot: RobotDouble, sent: int) -> Any:
    status = robot.statuses[-1]
    return status if status.frames_received == sent and status.frames_held == 0 else None


def accounts(status: Any) -> dict[str, int]:
    assert status.frames_dropped == sum(status.drop_counts)
    assert status.frames_received == status.frames_pushed + status.frames_held + status.frames_dropped
    return dict(zip(status.drop_reasons, status.drop_counts, strict=True))


def test_below_the_windows_rate_every_image_enters_it(ros_environment: dict[str, str]) -> None:
    with camera_and_node(ros_environment, window__rate_hz=60.0) as robot:
        robot.watch("overhead")
        status = film(robot)
        every = list(robot.statuses)
    for each in every:
        accounts(each)
    # The first may come before calibration and TF have found the node.
    assert set(accounts(status)) <= {"no_camera_info", "tf_no_such_frame", "tf_late"}
    assert status.frames_pushed >= 0.8 * status.frames_received
    assert status.window_frames > 0


def test_above_the_windows_rate_the_others_are_counted(ros_environment: dict[str, str]) -> None:
    thirds: set[int] = set()  # of a second, in which images were sent; how many, the machine decides

    def picture(stamp_ns: int) -> np.ndarray:
        thirds.add(stamp_ns * 3 // 10**9)
        return vga(stamp_ns)

    with camera_and_node(ros_environment, window__rate_hz=3.0) as robot:
        robot.pictures = picture
        status = film(robot)
    dropped = accounts(status)
    assert dropped["above_window_rate"] > 0.5 * status.frames_received
    assert status.frames_pushed == pytest.approx(len(thirds), rel=0.3)
