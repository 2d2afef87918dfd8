"""Tests of real ROS processes: run them through tools/with_ros, each file in a pytest process of its own."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from domains import reserved_domain
from ros_process import RosProcess, node_command

if TYPE_CHECKING:
    from lifecycle import LifecycleDriver
    from rclpy.node import Node

HERE = Path(__file__).parent


def _missing() -> str | None:
    for module in ("rclpy", "anyview_ros.srv"):
        if importlib.util.find_spec(module) is None:
            return f"{module} cannot be imported: run `make setup`, then `tools/with_ros pytest test/graph/…`"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = _missing()
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("graph")
            if reason is not None:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def ros_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Environment of the graph's processes: a domain of its own, this machine only, checked fields."""
    with reserved_domain() as domain:
        ours = {
            "ROS_DOMAIN_ID": str(domain),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "ROS_PYTHON_CHECK_FIELDS": "1",
            "ROS_LOG_DIR": str(tmp_path_factory.mktemp("ros_log")),
            "PYTHONUNBUFFERED": "1",
            "OMP_NUM_THREADS": "1",
        }
        before = {name: os.environ.get(name) for name in ours}
        os.environ.update(ours)  # for nodes in the test's own process
        try:
            yield dict(os.environ)
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


@pytest.fixture
def ros_process(ros_environment: dict[str, str]) -> Iterator[Callable[..., RosProcess]]:
    """Start a node that ends with the test: `ros_process("player", parameters={"rate_hz": 5.0})`.

    The first argument is a dotted module or the name of an installed executable; the others are those of
    `ros_process.node_command`. `command=[…]` starts anything else, `env={…}` adds to the environment.
    """
    started: list[RosProcess] = []

    def start(
        what: str,
        *arguments: str,
        command: list[str] | None = None,
        env: dict[str, str] | None = None,
        **node: object,
    ) -> RosProcess:
        line = command if command is not None else node_command(what, *arguments, **node)  # type: ignore[arg-type]
        process = RosProcess(line, {**ros_environment, **(env or {})}, name=what)
        started.append(process)
        return process

    yield start
    for process in reversed(started):
        process.close()
        print(f"--- output of {process.name} (status {process.returncode})\n{process.output}")  # noqa: T201


@pytest.fixture
def ros_context(ros_environment: dict[str, str]) -> Iterator[None]:
    """The default context of rclpy in the test's own process, from before the test until after it."""
    import rclpy

    rclpy.init()
    yield
    rclpy.try_shutdown()


@pytest.fixture
def test_node(ros_context: None) -> Iterator[Node]:
    """A plain node in the test's own process, in no executor."""
    import rclpy

    node = rclpy.create_node("test_node")
    yield node
    node.destroy_node()


@pytest.fixture
def lifecycle(ros_context: None) -> Iterator[Callable[[str], LifecycleDriver]]:
    """Drive a lifecycle node by its full name: `lifecycle("/virtual_camera").wait_for("active")`."""
    import rclpy
    from lifecycle import LifecycleDriver

    node = rclpy.create_node("lifecycle_driver")
    yield lambda target: LifecycleDriver(node, target)
    node.destroy_node()
