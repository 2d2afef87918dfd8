"""The process: what it refuses, how it ends, and both nodes in one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

import interrupted_camera
import pytest
from camera_process import MODULE, node_process, parameters, robot_double
from lifecycle import LifecycleDriver
from robot_double import RobotDouble
from ros_process import RosProcess, node_command

NODE = "/virtual_camera"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"fixed_frame": ""}, "fixed_frame is empty; name the TF frame"),
        ({"wrist__horizontal_fov_deg": 179.0}, "wrist.horizontal_fov_deg"),
        (
            {"wrist__position": [0.0, 1e9, 0.0]},
            "wrist.position is [0.0, 1000000000.0, 0.0]; give finite metres",
        ),
        ({"wrist__width": 1}, "wrist.width"),
        ({"wrist__fx": 0.5}, "wrist has a horizontal field of view of"),
        ({"virtual_cameras": ["a b"]}, "virtual_cameras has 'a b'"),
        ({"engine": "remote", "server": "/any view"}, "server is '/any view', which is no namespace"),
        ({"method": "unheard_of"}, "no method named 'unheard_of' is registered"),
        ({"window__max_gap_s": 0.01}, "max_gap_s is 0.01"),
    ],
)
def test_what_cannot_be_fails_to_configure_with_one_line(
    ros_process: Callable[..., RosProcess],
    lifecycle: Callable[[str], LifecycleDriver],
    changes: dict[str, object],
    told: str,
) -> None:
    process = ros_process(MODULE, parameters=parameters(autostart=False, **changes))
    node = lifecycle(NODE)
    assert not node.transition("configure")
    assert node.state() == "unconfigured"
    lines = [line for line in process.lines if "cannot be configured" in line]
    assert len(lines) == 1
    assert told in lines[0]
    assert "Traceback" not in process.output


def test_a_node_that_could_not_be_configured_can_be_once_that_is_mended(
    ros_process: Callable[..., RosProcess], lifecycle: Callable[[str], LifecycleDriver]
) -> None:
    from rcl_interfaces.srv import SetParameters
    from rclpy.parameter import Parameter

    ros_process(MODULE, parameters=parameters(autostart=False, wrist__width=1))
    node = lifecycle(NODE)
    assert not node.transition("configure")
    client = node._node.create_client(SetParameters, f"{NODE}/set_parameters")
    request = SetParameters.Request(parameters=[Parameter("wrist.width", value=64).to_parameter_msg()])
    assert node.ask(client, request, 20.0).results[0].successful
    assert node.transition("configure")
    assert node.transition("activate")
    assert node.transition("deactivate")
    assert node.transition("cleanup")
    assert node.transition("configure")


@pytest.mark.parametrize("state", ["unconfigured", "inactive", "active"])
def test_interrupted_in_any_state_it_ends_cleanly(
    ros_process: Callable[..., RosProcess], lifecycle: Callable[[str], LifecycleDriver], state: str
) -> None:
    process = ros_process(MODULE, parameters=parameters(autostart=False))
    node = lifecycle(NODE)
    assert node.state(timeout_s=30) == "unconfigured"
    process.wait_for_line("unconfigured: configure and activate the node, or start it with autostart")
    if state != "unconfigured":
        assert node.transition("configure")
    if state == "active":
        assert node.transition("activate")
    process.interrupt()
    assert process.wait_for_exit() == 0
    assert "Traceback" not in process.output


@pytest.fixture
def robot(ros_environment: dict[str, str]) -> Iterator[RobotDouble]:
    with robot_double() as made:
        yield made


def test_interrupted_at_work_it_ends_cleanly(ros_environment: dict[str, str], robot: RobotDouble) -> None:
    robot.watch("overhead", "image", "image/compressed")
    with node_process(ros_environment, parameters()) as process:
        robot.wait_for_views("overhead", 5, timeout_s=60)
        process.interrupt()
        assert process.wait_for_exit() == 0
        assert "Traceback" not in process.output


def test_interrupted_in_the_midst_of_publishing_it_ends_cleanly(
    ros_environment: dict[str, str], robot: RobotDouble
) -> None:
    robot.watch("overhead", "image")
    command = [
        sys.executable,
        interrupted_camera.__file__,
        *node_command(MODULE, parameters=parameters())[3:],
    ]
    process = RosProcess(command, ros_environment, name="interrupted_camera")
    try:
        process.wait_for_line("interrupted in the midst of a view", timeout_s=60)
        assert process.wait_for_exit() == 0
        assert "Traceback" not in process.output
    finally:
        process.close()


def test_both_nodes_in_one_process(ros_environment: dict[str, str], robot: RobotDouble) -> None:
    from anyview_ros.srv import CaptureView

    robot.watch("overhead", "image", "provenance")
    with node_process(ros_environment, parameters(), module="anyview_ros.nodes.combined") as process:
        robot.wait_for_views("overhead", 5, timeout_s=60)
        (provenance,) = robot.wait_for_views("overhead", 1, topic="provenance")[:1]
        assert provenance.server == "/synthesis_server"
        request = CaptureView.Request()
        request.pose.orientation.w = 1.0
        answer = robot.call(CaptureView, "capture_view", request)
        assert answer.success, answer.error
        robot_node = LifecycleDriver(_driver(), "/synthesis_server")
        assert robot_node.transition("deactivate")
        robot.wait_for_reason("synthesis_server is inactive")
        robot.wait_for_silence("overhead", quiet_s=0.3)
        assert robot_node.transition("activate")
        robot.wait_for_views("overhead", 3)
        assert robot_node.transition("deactivate")
        assert robot_node.transition("cleanup")
        robot.wait_for_reason("synthesis_server is not configured")
        assert robot_node.transition("configure")
        assert robot_node.transition("activate")
        robot.wait_for_views("overhead", 3)
        robot_node._node.destroy_node()
        process.interrupt()
        assert process.wait_for_exit() == 0


def _driver() -> object:
    import rclpy

    return rclpy.create_node("driver")
