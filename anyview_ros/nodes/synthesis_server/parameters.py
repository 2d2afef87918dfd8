"""The server's parameters: what they mean, their ranges, and when they may change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.node import Node

_MIB = 1024 * 1024


@dataclass(frozen=True)
class Parameter:
    """One parameter: its default, what it means, its range, and whether it may change while a model is loaded."""

    default: bool | int | float | str
    description: str
    low: float | None = None
    high: float | None = None
    live: bool = False
    read_only: bool = False


PARAMETERS = {
    "autostart": Parameter(
        False, "Configure and activate without being told to, as a lifecycle manager would.", read_only=True
    ),
    "method": Parameter("", "Method to load, see `anyview methods`; empty for the default."),
    "device": Parameter("", "Torch device, such as cpu or cuda:0; empty lets the method choose."),
    "weights": Parameter("", "Path of the method's weights; empty where it has none or finds its own."),
    "scene": Parameter("", "Path of a fitted scene, for methods that render one; else empty."),
    "max_queue": Parameter(16, "Requests that may wait; more are refused at once.", 1, 1000),
    "max_streams": Parameter(4, "Streams that may be open at once.", 1, 64),
    "default_timeout_s": Parameter(
        30.0, "Time limit of a request that names none, waiting included, seconds.", 0.1, 3600.0, live=True
    ),
    "max_request_bytes": Parameter(
        15 * _MIB,
        "Most bytes that the pictures of a request, or of its answer, may weigh. The transport must carry it: "
        "16 MiB is the limit of the Fast DDS profile in config/.",
        1024,
        1024 * _MIB,
        live=True,
    ),
    "stream_idle_timeout_s": Parameter(
        10.0, "A stream that gets no frame for so long is closed, seconds.", 0.5, 3600.0, live=True
    ),
    "publish_depth": Parameter(True, "Whether views carry the depth that the method gives.", live=True),
}


@dataclass(frozen=True)
class Settings:
    """The values of the parameters, by the same names; see ``PARAMETERS``."""

    autostart: bool
    method: str
    device: str
    weights: str
    scene: str
    max_queue: int
    max_streams: int
    default_timeout_s: float
    max_request_bytes: int
    stream_idle_timeout_s: float
    publish_depth: bool


def declare(node: Node) -> None:
    """Declare all parameters, with description and range, on a node."""
    for name, parameter in PARAMETERS.items():
        node.declare_parameter(name, parameter.default, _descriptor(parameter))


def read(node: Node) -> Settings:
    """The values as they are now."""
    return Settings(**{field.name: node.get_parameter(field.name).value for field in fields(Settings)})


def check_change(changes: Sequence[Any], *, loaded: bool) -> SetParametersResult:
    """Whether parameters may be set now: those that loading reads may not while a model is loaded."""
    fixed = [c.name for c in changes if c.name in PARAMETERS and not PARAMETERS[c.name].live]
    if loaded and fixed:
        return SetParametersResult(
            successful=False,
            reason=f"{', '.join(fixed)} is read when the node is configured; clean it up first, then configure",
        )
    return SetParametersResult(successful=True)


def _descriptor(parameter: Parameter) -> ParameterDescriptor:
    descriptor = ParameterDescriptor(description=parameter.description, read_only=parameter.read_only)
    if parameter.low is None or parameter.high is None:
        return descriptor
    if isinstance(parameter.default, int):
        low, high = int(parameter.low), int(parameter.high)
        descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=0)]
    else:
        descriptor.floating_point_range = [
            FloatingPointRange(from_value=float(parameter.low), to_value=float(parameter.high), step=0.0)
        ]
    return descriptor
