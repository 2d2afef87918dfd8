"""Compressed images and depth, good and bad."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from camera_process import node_process, parameters, robot_double
from robot_double import DEPTH_M, RobotDouble, stamps_ns


@pytest.fixture
def compressed(ros_environment: dict[str, str]) -> Iterator[RobotDouble]:
    values = parameters(image_transport="compressed")
    with robot_double(compressed=True) as robot, node_process(ros_environment, values):
        robot.watch("overhead")
        robot.wait_for_views("overhead", timeout_s=60)
        yield robot


@pytest.fixture(scope="module")
def shared(ros_environment: dict[str, str]) -> Iterator[RobotDouble]:
    values = parameters(use_depth=True, options_json="")
    with robot_double(depth=True) as robot, node_process(ros_environment, values):
        robot.watch("overhead", "image", "depth")
        robot.wait_for_views("overhead", timeout_s=60)
        yield robot


@pytest.fixture
def deep(shared: RobotDouble) -> Iterator[RobotDouble]:
    yield shared
    shared.repair()
    shared.wait_for_views("overhead", 3)
    shared.wait_for_reason("1 of 1 wanted views stream")


def test_corrupt_jpeg(compressed: RobotDouble) -> None:
    def truncate(message: Any) -> Any:
        message.data = message.data[: len(message.data) // 2]
        return message

    compressed.alter_image = truncate
    status = compressed.wait_for_reason("truncated or corrupt")
    assert "unreadable_image" in status.drop_reasons
    compressed.wait_for_silence("overhead", quiet_s=0.3)
    compressed.repair()
    compressed.wait_for_views("overhead", 3)
    compressed.wait_for_reason("1 of 1 wanted views stream")


def test_depth_in_gives_depth_out(deep: RobotDouble) -> None:
    view = deep.wait_for_views("overhead", 1, topic="depth")[-1]
    assert view.encoding == "32FC1"
    depth = np.frombuffer(view.data, np.float32)
    assert np.median(depth[depth > 0]) == pytest.approx(DEPTH_M, rel=0.01)


def test_depth_that_is_nan_everywhere(deep: RobotDouble) -> None:
    def blind(message: Any) -> Any:
        message.data = np.full((message.height, message.width), np.nan, np.float32).tobytes()
        return message

    deep.alter_depth = blind
    deep.wait_for_reason("depth has no valid pixel")


def test_depth_that_is_nan_in_places_is_unknown_there(deep: RobotDouble) -> None:
    def half_blind(message: Any) -> Any:
        depth = np.full((message.height, message.width), DEPTH_M, np.float32)
        depth[:, : message.width // 2] = np.nan
        message.data = depth.tobytes()
        return message

    deep.alter_depth = half_blind
    deep.wait_for_views("overhead", 3)
    view = deep.wait_for_views("overhead", 2, topic="depth")[-1]
    depth = np.frombuffer(view.data, np.float32)
    assert np.isfinite(depth).all()
    assert 0.3 < (depth > 0).mean() < 0.7


def test_depth_of_another_shape(deep: RobotDouble) -> None:
    def square(message: Any) -> Any:
        message.height = message.width = 100
        message.step = 400
        message.data = np.ones((100, 100), np.float32).tobytes()
        return message

    deep.alter_depth = square
    deep.wait_for_reason("depth is 100x100 but the image is 160x120")


def test_depth_that_never_matches(deep: RobotDouble) -> None:
    def shift(message: Any) -> Any:
        message.header.stamp.sec += 5
        return message

    deep.alter_depth = shift
    status = deep.wait_for_reason("no depth matches the images")
    assert "no_matching_depth" in status.drop_reasons
    assert "images lost" in status.summary
    deep.wait_for_silence("overhead", quiet_s=0.3)


def test_a_clock_that_jumps_back_clears_the_synchroniser(deep: RobotDouble) -> None:
    newest_ns = max(stamps_ns(deep.wait_for_views("overhead", 2)))
    deep.alter_depth = lambda message: None
    deep.wait_for_reason("no depth matches the images")  # its queue is full of images by now
    deep.shift_ns -= int(60e9)
    deep.repair()
    later = stamps_ns(deep.wait_for_views("overhead", 10))
    assert min(later[3:]) < newest_ns - int(30e9)
