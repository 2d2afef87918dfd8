"""Parameters of the table, declared on a node with descriptors that tell people and tools what the table tells."""

from __future__ import annotations

from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node

from anyview_ros.nodes.parameters import Change, Parameter


def declare_parameter(node: Node, name: str, entry: Parameter, *, ignore_override: bool = False) -> Any:
    """Declare a parameter of the table under its full name, and return its value.

    Args:
        node: declares it.
        name: full name; for a camera's parameters ``entry`` knows only a part of it.
        entry: tells type, default, range and meaning.
        ignore_override: take the default, whatever the parameter file or the command line say.

    Raises:
        InvalidParameterTypeException, InvalidParameterValueException: of rclpy, for a start value that does not fit.
    """
    default = list(entry.default) if isinstance(entry.default, tuple) else entry.default
    return node.declare_parameter(name, default, _descriptor(entry), ignore_override=ignore_override).value


def _descriptor(entry: Parameter) -> ParameterDescriptor:
    # Numbers of any kind are taken for floats, so that `rate_hz: 5` does; check_value() sees to the rest.
    loose = isinstance(entry.default, float | tuple)
    descriptor = ParameterDescriptor(
        description=f"{entry.description} Changes {entry.change.value}.",
        additional_constraints=f"One of: {', '.join(entry.choices)}" if entry.choices else "",
        read_only=entry.change is Change.NEVER,
        dynamic_typing=loose,
    )
    if entry.low is not None and entry.high is not None:
        if isinstance(entry.default, float):
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(entry.low), to_value=float(entry.high))
            ]
        else:
            descriptor.integer_range = [
                IntegerRange(from_value=int(entry.low), to_value=int(entry.high), step=1)
            ]
    return descriptor
