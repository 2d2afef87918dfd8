"""The installed executables on any distribution: a robot, a server and a virtual camera, and a view comes out."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from lifecycle import LifecycleDriver
from ros_process import RosProcess

from anyview_ros.synthesis import default_method

if TYPE_CHECKING:
    from rclpy.node import Node

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "config" / "demo.yaml"
CAMERA_TOPICS = {
    "image": "/camera/image_raw",
    "camera_info": "/camera/camera_info",
    "depth": "/camera/depth/image_raw",
}
SIZE = (240, 320, 3)


@pytest.fixture
def graph(ros_process: Callable[..., RosProcess]) -> dict[str, RosProcess]:
    return {
        "robot": ros_process("simulated_robot", params_file=DEMO, parameters={"loop_s": 2.0}),
        "server": ros_process("synthesis_server", parameters={"autostart": True}),
        "camera": ros_process("virtual_camera", params_file=DEMO, remappings=CAMERA_TOPICS),
    }


def test_a_view_comes_out_and_the_server_describes_itself(
    graph: dict[str, RosProcess],
    test_node: Node,
    lifecycle: Callable[[str], LifecycleDriver],
    tmp_path: Path,
) -> None:
    import cv2
    import rclpy
    from sensor_msgs.msg import Image

    from anyview_ros.srv import Describe

    server = LifecycleDriver(test_node, "/synthesis_server")
    server.wait_for("active", timeout_s=90.0)
    describe = test_node.create_client(Describe, "describe")
    assert server.ask(describe, Describe.Request(), 30.0).method.name == default_method()

    lifecycle("/virtual_camera").wait_for("active", timeout_s=60.0)
    views: list[Any] = []
    test_node.create_subscription(Image, "overhead/image", views.append, 5)
    deadline = time.monotonic() + 90.0
    while not views and time.monotonic() < deadline:
        rclpy.spin_once(test_node, timeout_sec=0.2)
    assert views, "no view of the overhead camera in 90 s"
    pixels = np.frombuffer(views[0].data, np.uint8).reshape(SIZE)
    assert pixels.std() > 10.0, "the view is all of one colour"

    example = [
        sys.executable,
        str(ROOT / "docs" / "examples" / "capture_view.py"),
        str(tmp_path / "above.png"),
    ]
    remapped = ["--ros-args", "-r", "/anyview/capture_view:=/capture_view"]
    asked = subprocess.run([*example, *remapped], capture_output=True, text=True, check=False, timeout=90)
    assert asked.returncode == 0, asked.stderr
    above = cv2.imread(str(tmp_path / "above.png"))
    assert above.shape == SIZE
    assert above.std() > 10.0, "the example's view is all of one colour"

    for process in reversed(graph.values()):
        process.interrupt()
        assert process.wait_for_exit() == 0
