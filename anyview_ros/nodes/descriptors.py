"""Descriptors of parameters, as ROS wants them."""

from __future__ import annotations

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from anyview_ros.nodes.parameters import Change, Parameter


def descriptor_of(entry: Parameter) -> ParameterDescriptor:
    """The descriptor that tells people and tools what the table tells."""
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
