from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("rclpy", reason="needs ROS: run through tools/with_ros")

import rclpy
from rclpy.exceptions import InvalidParameterValueException
from rclpy.node import Node

from anyview_ros.nodes.declaring import declare_parameter
from anyview_ros.nodes.parameters import Change, Parameter

RATE = Parameter("rate_hz", 5.0, "Views per second.", Change.NEVER, 0.1, 120.0)


@pytest.fixture
def node() -> Iterator[Node]:
    context = rclpy.Context()
    rclpy.init(context=context)
    made = Node("told", context=context, cli_args=["--ros-args", "-p", "cam.rate_hz:=500.0"])
    yield made
    made.destroy_node()
    rclpy.try_shutdown(context=context)


def test_the_descriptor_tells_what_the_table_tells(node: Node) -> None:
    assert declare_parameter(node, "other.rate_hz", RATE) == 5.0
    descriptor = node.describe_parameter("other.rate_hz")
    assert descriptor.description == "Views per second. Changes only at start."
    assert descriptor.read_only
    (reach,) = descriptor.floating_point_range
    assert (reach.from_value, reach.to_value) == (0.1, 120.0)


def test_a_start_value_out_of_range_is_refused_unless_it_is_ignored(node: Node) -> None:
    with pytest.raises(InvalidParameterValueException):
        declare_parameter(node, "cam.rate_hz", RATE)
    assert declare_parameter(node, "cam.rate_hz", RATE, ignore_override=True) == 5.0


def test_tuples_are_declared_as_lists(node: Node) -> None:
    names = Parameter("names", ("",), "Names of the cameras.", Change.NEVER)
    assert declare_parameter(node, "names", names) == [""]
