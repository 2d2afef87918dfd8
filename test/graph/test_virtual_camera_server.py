"""The camera node and a synthesis server in another process that comes, dies and comes back."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack

import numpy as np
import pytest
import rclpy
from camera_process import node_process, parameters, robot_double
from robot_double import RobotDouble, ramp
from ros_process import RosProcess

from anyview_ros.nodes.conversions import image_to_rgb
from anyview_ros.srv import CaptureView

SERVER = "anyview_ros.nodes.synthesis_server"


@pytest.fixture
def robot(ros_environment: dict[str, str]) -> Iterator[RobotDouble]:
    with robot_double() as made:
        yield made


def server(environment: dict[str, str], **options: object) -> AbstractContextManager[RosProcess]:
    return node_process(environment, {"autostart": True, "method": "reprojection"}, module=SERVER, **options)


def test_the_server_comes_late_is_killed_and_comes_back(
    ros_environment: dict[str, str], robot: RobotDouble
) -> None:
    values = parameters(engine="remote", server_timeout_s=1.0)
    robot.watch("overhead", "image", "provenance")
    with node_process(ros_environment, values):
        waiting = robot.wait_for_reason("no synthesis server answers", timeout_s=60)
        assert not waiting.server_available
        with server(ros_environment) as first:
            robot.wait_for_views("overhead", 5, timeout_s=60)
            provenance = robot.wait_for_views("overhead", 1, topic="provenance")[0]
            assert provenance.server == "/synthesis_server"
            assert not provenance.fallback
            request = CaptureView.Request()
            request.pose.orientation.w = 1.0
            robot.wait("a capture", lambda: robot.call(CaptureView, "capture_view", request).success)
            # Stopped, the server takes requests and answers none; then it dies with them.
            first.signal(signal.SIGSTOP)
            client = robot.node.create_client(CaptureView, "capture_view")
            future = client.call_async(request)
            time.sleep(0.3)
            first.kill()
            robot.wait("an answer all the same", future.done, timeout_s=20)
            assert not future.result().success
            assert future.result().error
            robot.wait("the loss", lambda: not robot.statuses[-1].server_available)
            assert robot.statuses[-1].cameras[0].reason
            robot.wait_for_silence("overhead", quiet_s=0.5)
        with server(ros_environment):
            robot.wait_for_views("overhead", 5, timeout_s=60)
            robot.wait_for_reason("1 of 1 wanted views stream")


def test_two_robots_share_a_server_and_each_gets_its_own_views(ros_environment: dict[str, str]) -> None:
    values = parameters(engine="remote", server="/anyview", virtual_cameras=["overhead"])
    grey = {"left": 50, "right": 200}
    with ExitStack() as stack:
        rclpy.init()
        stack.callback(rclpy.try_shutdown)
        robots = {name: RobotDouble(namespace=f"/{name}", rate_hz=10) for name in grey}
        for name, robot in robots.items():
            stack.callback(robot.close)
            robot.pictures = lambda _, value=grey[name]: np.full_like(ramp(), value)
            robot.watch("overhead")
            stack.enter_context(node_process(ros_environment, values, namespace=f"/{name}"))
        stack.enter_context(server(ros_environment, namespace="/anyview"))
        for name, robot in robots.items():
            views = robot.wait_for_views("overhead", 5, timeout_s=60)
            assert {image_to_rgb(view)[60, 80, 0] for view in views} == {grey[name]}
            robot.wait_for_reason("1 of 1 wanted views stream")
            assert robot.statuses[-1].server == "/anyview/synthesis_server"
