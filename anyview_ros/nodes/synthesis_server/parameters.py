"""The server's parameters: what they mean, their ranges, and when they may change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.declaring import declare_parameter
from anyview_ros.nodes.parameters import Change, Parameter, check_value, check_values

_MIB = 1024 * 1024

_TABLE = (
    Parameter(
        "autostart",
        False,
        "Configure and activate without being told to, as a lifecycle manager would.",
        Change.NEVER,
    ),
    Parameter(
        "method",
        "",
        "Method to load, see `anyview methods`; empty for anyview_small, or reprojection where PyTorch is missing.",
        Change.UNCONFIGURED,
    ),
    Parameter(
        "device",
        "",
        "Torch device, such as cpu or cuda:0; empty lets the method choose.",
        Change.UNCONFIGURED,
    ),
    Parameter(
        "weights",
        "",
        "Path of the method's weights; empty where it has none or finds its own.",
        Change.UNCONFIGURED,
    ),
    Parameter(
        "scene", "", "Path of a fitted scene, for methods that render one; else empty.", Change.UNCONFIGURED
    ),
    Parameter(
        "child_process",
        False,
        "Run the method in a process of its own, which is replaced if it or the device's driver crashes or hangs; "
        "costs a copy of each picture.",
        Change.UNCONFIGURED,
    ),
    Parameter(
        "child_load_timeout_s",
        600.0,
        "With child_process: a process that has not loaded the method after so long is ended, seconds.",
        Change.UNCONFIGURED,
        1.0,
        86400.0,
    ),
    Parameter(
        "service",
        "",
        "URL of a service started by `anyview serve`, which does the work; empty: this node loads the method itself.",
        Change.UNCONFIGURED,
    ),
    Parameter(
        "service_token_file",
        "",
        "File with the token that the service asks for; empty for none.",
        Change.UNCONFIGURED,
    ),
    Parameter(
        "service_ca_file",
        "",
        "Certificates that vouch for an https service; empty for the system's.",
        Change.UNCONFIGURED,
    ),
    Parameter(
        "max_queue", 16, "Requests that may wait; more are refused at once.", Change.UNCONFIGURED, 1, 1000
    ),
    Parameter(
        "max_batch",
        4,
        "Waiting requests that are served together, where the method can and their shapes agree; 1: each alone.",
        Change.UNCONFIGURED,
        1,
        64,
    ),
    Parameter("max_streams", 4, "Streams that may be open at once.", Change.UNCONFIGURED, 1, 64),
    Parameter(
        "default_timeout_s",
        30.0,
        "Time limit of a request that names none, waiting included, seconds.",
        Change.LIVE,
        0.1,
        3600.0,
    ),
    Parameter(
        "max_request_bytes",
        15 * _MIB,
        "Most bytes that the pictures of a request, or of its answer, may weigh. The transport must carry it: "
        "16 MiB is the limit of the Fast DDS profile in config/.",
        Change.LIVE,
        1024,
        1024 * _MIB,
    ),
    Parameter(
        "max_stream_bytes",
        128 * _MIB,
        "Most bytes that a frame of a stream, or the views of all its targets at one instant, may weigh.",
        Change.LIVE,
        1024,
        1024 * _MIB,
    ),
    Parameter(
        "stream_idle_timeout_s",
        10.0,
        "A stream that gets no frame for so long is closed, seconds.",
        Change.LIVE,
        0.5,
        3600.0,
    ),
    Parameter("publish_depth", True, "Whether views carry the depth that the method gives.", Change.LIVE),
)
PARAMETERS = {parameter.name: parameter for parameter in _TABLE}


@dataclass(frozen=True)
class Settings:
    """The values of the parameters, by the same names; see ``PARAMETERS``."""

    autostart: bool
    method: str
    device: str
    weights: str
    scene: str
    child_process: bool
    child_load_timeout_s: float
    service: str
    service_token_file: str
    service_ca_file: str
    max_queue: int
    max_batch: int
    max_streams: int
    default_timeout_s: float
    max_request_bytes: int
    max_stream_bytes: int
    stream_idle_timeout_s: float
    publish_depth: bool


def declare(node: Node) -> None:
    """Declare all parameters, with description and range, on a node."""
    for parameter in _TABLE:
        declare_parameter(node, parameter.name, parameter)


def read(node: Node) -> Settings:
    """The values as they are now.

    Raises:
        InvalidInputError: a value of another type, or out of range.
    """
    return Settings(**check_values(PARAMETERS, {name: node.get_parameter(name).value for name in PARAMETERS}))


def check_change(changes: Sequence[Any], *, loaded: bool) -> SetParametersResult:
    """Whether parameters may be set now: those that loading reads may not once it has begun."""
    ours = [change for change in changes if change.name in PARAMETERS]
    fixed = [change.name for change in ours if PARAMETERS[change.name].change is not Change.LIVE]
    if loaded and fixed:
        return SetParametersResult(
            successful=False,
            reason=f"{', '.join(fixed)} is read when the node is configured; clean it up first, then configure",
        )
    try:
        for change in ours:
            check_value(change.name, PARAMETERS[change.name], change.value)
    except InvalidInputError as error:
        return SetParametersResult(successful=False, reason=str(error))
    return SetParametersResult(successful=True)
