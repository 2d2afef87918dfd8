"""A long run: a server killed again and again, and at the end the camera node and the last server weigh no more than
at the beginning."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from camera_process import node_process, parameters, robot_double
from robot_double import RobotDouble
from ros_process import RosProcess

SERVER = "anyview_ros.nodes.synthesis_server"
GROWTH = 1.05
SAMPLE_S = 1.0
SAMPLES = 10


@pytest.fixture
def robot(ros_environment: dict[str, str]) -> Iterator[RobotDouble]:
    with robot_double(rate_hz=10) as made:
        yield made


def private_bytes(process: RosProcess) -> int:
    """Memory that is this process's own."""
    lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


def descriptors(process: RosProcess) -> int:
    return len(list(Path(f"/proc/{process.pid}/fd").iterdir()))


class Weighed:
    """What a process holds now: the median memory and the fewest descriptors of ten looks, a second apart."""

    def __init__(self, process: RosProcess) -> None:
        memory, open_files = [], []
        for _ in range(SAMPLES):
            time.sleep(SAMPLE_S)
            memory.append(private_bytes(process))
            open_files.append(descriptors(process))
        self.memory, self.descriptors = statistics.median(memory), min(open_files)


@pytest.mark.parametrize(
    ("kills", "warm_s", "pause_s", "calm_s"),
    [
        pytest.param(2, 20, 3, 25, id="two minutes", marks=pytest.mark.timeout(300)),
        pytest.param(20, 60, 60, 1800, id="an hour", marks=[pytest.mark.long, pytest.mark.timeout(5400)]),
    ],
)
def test_server_kills_are_survived_and_nothing_grows(
    ros_environment: dict[str, str],
    robot: RobotDouble,
    record_property: Callable[[str, object], None],
    kills: int,
    warm_s: float,
    pause_s: float,
    calm_s: float,
) -> None:
    rate = {"overhead__rate_hz": 5.0, "wrist__rate_hz": 5.0, "window__rate_hz": 5.0}
    values = parameters(engine="remote", server_timeout_s=1.0, method="", options_json="", **rate)
    served = {"autostart": True, "method": "anyview_small"}
    robot.watch("overhead", "image", "confidence", "provenance")
    robot.watch("wrist")
    with ExitStack() as stack:
        camera = stack.enter_context(node_process(ros_environment, values))
        for number in range(kills + 1):
            with node_process(ros_environment, served, module=SERVER) as server:
                robot.views["overhead/image"].clear()
                robot.wait_for_views("overhead", 5, timeout_s=90)
                if number == 0:
                    time.sleep(warm_s)
                    camera_before = Weighed(camera)
                if number < kills:
                    time.sleep(pause_s)
                    server.kill()
                    robot.wait("the loss", lambda: not robot.statuses[-1].server_available)
                    continue
                time.sleep(warm_s)
                server_before = Weighed(server)
                time.sleep(calm_s)
                robot.wait_for_reason("2 of 2 wanted views stream")
                server_after, camera_after = Weighed(server), Weighed(camera)
        record_property("camera_mb", [camera_before.memory / 1e6, camera_after.memory / 1e6])
        record_property("server_mb", [server_before.memory / 1e6, server_after.memory / 1e6])
        assert camera.returncode is None
        assert camera_after.memory <= GROWTH * camera_before.memory
        assert camera_after.descriptors <= camera_before.descriptors
        assert server_after.memory <= GROWTH * server_before.memory
        assert server_after.descriptors <= server_before.descriptors
