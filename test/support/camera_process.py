"""A virtual_camera, in a process or in the test's own, and the robot double that it watches, to be shared by tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import rclpy
from fake_engine import FakeEngine
from robot_double import RobotDouble
from ros_process import RosProcess, node_command

MODULE = "anyview_ros.nodes.virtual_camera"
PARAMETERS: dict[str, object] = {
    "autostart": True,
    "engine": "local",
    "method": "reprojection",
    "options_json": '{"depth_m": 2.0}',
    "fixed_frame": "base",
    "virtual_cameras": ["overhead", "wrist"],
    "overhead.position": [0.05, 0.0, 0.0],
    "overhead.width": 160,
    "overhead.height": 120,
    "overhead.rate_hz": 20.0,
    "wrist.parent_frame": "tool0",
    "wrist.width": 160,
    "wrist.height": 120,
    "wrist.rate_hz": 20.0,
    "window.rate_hz": 20.0,
    "window.length_s": 1.0,
    "status_period_s": 0.1,
    "camera_timeout_s": 0.5,
    "tf_timeout_s": 0.3,
}


def parameters(**changes: object) -> dict[str, object]:
    """The parameters that tests use; of `wrist__rate_hz` the double underscore stands for a dot."""
    return PARAMETERS | {name.replace("__", "."): value for name, value in changes.items()}


@contextmanager
def robot_double(**options: object) -> Iterator[RobotDouble]:
    """A robot in the test's own process, with a context of its own for as long as it is there."""
    rclpy.init()
    robot = RobotDouble(**options)  # type: ignore[arg-type]
    try:
        yield robot
    finally:
        robot.close()
        rclpy.try_shutdown()


@contextmanager
def node_process(
    environment: Mapping[str, str], values: Mapping[str, object], *, module: str = MODULE, **options: object
) -> Iterator[RosProcess]:
    """A node of the checkout in a process of its own; its output is printed at the end."""
    command = node_command(module, parameters=values, **options)  # type: ignore[arg-type]
    process = RosProcess(command, environment, name=module)
    try:
        yield process
    finally:
        process.close()
        print(f"--- output of {module} (status {process.returncode})\n{process.output}")  # noqa: T201


@contextmanager
def camera_node(
    engine: FakeEngine, *, load: Callable[[], None] = lambda: None, **changes: object
) -> Iterator[Any]:
    """The node in the test's own process, in an executor of its own; it must close the engine.

    `load` is called while the node is being configured, and may take its time.
    """
    from rclpy.parameter import Parameter

    from anyview_ros.nodes.executor import PatientExecutor
    from anyview_ros.nodes.virtual_camera.node import VirtualCameraNode

    def make_client(_node: Any, _settings: Any) -> FakeEngine:
        load()
        return engine

    overrides = [Parameter(name, value=value) for name, value in parameters(**changes).items()]
    node = VirtualCameraNode(make_client=make_client, parameter_overrides=overrides)
    executor = PatientExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    try:
        yield node
    finally:
        node.close()
        executor.shutdown()
        thread.join()
        node.destroy_node()
        assert engine.closed
