"""The fixtures that the other graph tests stand on."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from lifecycle import LifecycleDriver
from ros_process import ProcessTimeoutError, RosProcess, node_command

LIFECYCLE_NODE = """
import rclpy
from rclpy.lifecycle import LifecycleNode
rclpy.init()
try:
    rclpy.spin(LifecycleNode("under_test"))
except KeyboardInterrupt:
    print("interrupted")
finally:
    rclpy.try_shutdown()
"""


def test_lifecycle_node_in_another_process_is_driven_and_interrupted(
    ros_process: Callable[..., RosProcess], lifecycle: Callable[[str], LifecycleDriver]
) -> None:
    process = ros_process("node", command=[sys.executable, "-c", LIFECYCLE_NODE])
    node = lifecycle("/under_test")
    assert node.state(timeout_s=30.0) == "unconfigured"
    assert node.transition("configure")
    node.wait_for("inactive", timeout_s=10.0)
    process.interrupt()
    process.wait_for_line("interrupted", timeout_s=10.0)
    assert process.wait_for_exit() == 0


def test_the_domain_is_the_same_here_and_in_the_processes(
    ros_process: Callable[..., RosProcess], ros_environment: dict[str, str]
) -> None:
    script = "import os; print('on', os.environ['ROS_DOMAIN_ID'])"
    process = ros_process("echo", command=[sys.executable, "-c", script])
    domain = process.wait_for_line(r"on (\d+)")[1]
    assert domain == ros_environment["ROS_DOMAIN_ID"] == os.environ["ROS_DOMAIN_ID"]


def test_a_process_that_ends_early_is_reported(ros_process: Callable[..., RosProcess]) -> None:
    process = ros_process("short", command=[sys.executable, "-c", "print('something else')"])
    with pytest.raises(ProcessTimeoutError, match=r"without printing 'ready'[\s\S]*something else"):
        process.wait_for_line("ready")


def test_a_stubborn_process_is_killed_with_its_children(ros_process: Callable[..., RosProcess]) -> None:
    script = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('child', child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    process = ros_process("stubborn", command=[sys.executable, "-c", script])
    child = int(process.wait_for_line(r"child (\d+)")[1])
    process.kill()
    assert process.returncode == -signal.SIGKILL
    wait_until_gone(child)


def wait_until_gone(pid: int, *, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    status = Path(f"/proc/{pid}/stat")
    while status.exists() and status.read_text().rpartition(") ")[2][0] != "Z":
        assert time.monotonic() < deadline, f"process {pid} is still there after {timeout_s} s"
        time.sleep(0.05)


def test_command_line_of_a_node() -> None:
    parameters = {"rate_hz": 5.0, "cameras": ["wrist"]}
    command = node_command("a.b", "x", parameters=parameters, remappings={"image": "/i"})
    assert command == [
        *(sys.executable, "-m", "a.b", "x", "--ros-args"),
        *("-p", "rate_hz:=5.0", "-p", 'cameras:=["wrist"]', "-r", "image:=/i"),
    ]
