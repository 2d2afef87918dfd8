"""The parameters of declared virtual cameras, ``<name>.width`` and so on, and the cameras they make. Knows no ROS."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.declared_camera import (
    MAX_FOV_DEG,
    MAX_SIDE,
    MIN_FOV_DEG,
    MIN_SIDE,
    VirtualCamera,
    make_virtual_camera,
)
from anyview_ros.nodes.parameters import Change, Parameter

_UNUSED = (math.nan, math.nan, math.nan)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
# Topics and services of the node itself, relative to which <name>/image and so on are made.
_TAKEN = frozenset(
    {"image", "depth", "camera_info", "status", "capture_view", "set_virtual_camera", "window"}
)

CAMERA_PARAMETERS = (
    Parameter(
        "parent_frame", "", "TF frame that carries the virtual camera; empty: fixed_frame.", Change.LIVE
    ),
    Parameter("position", (0.0, 0.0, 0.0), "Position x, y, z in the parent frame, metres.", Change.LIVE),
    Parameter(
        "orientation",
        (0.0, 0.0, 0.0, 1.0),
        "Quaternion x, y, z, w of the optical frame (x right, y down, z forward) in the parent frame.",
        Change.LIVE,
    ),
    Parameter(
        "look_at",
        _UNUSED,
        "Point x, y, z in the parent frame, metres, to look at, parent's z up; replaces orientation. NaN: not used.",
        Change.LIVE,
    ),
    Parameter("width", 640, "Width of the picture, pixels.", Change.LIVE, MIN_SIDE, MAX_SIDE),
    Parameter("height", 480, "Height of the picture, pixels.", Change.LIVE, MIN_SIDE, MAX_SIDE),
    Parameter(
        "horizontal_fov_deg",
        60.0,
        "Horizontal field of view, degrees; used while fx is 0.",
        Change.LIVE,
        MIN_FOV_DEG,
        MAX_FOV_DEG,
    ),
    Parameter("fx", 0.0, "Focal length in x, pixels; 0: from horizontal_fov_deg.", Change.LIVE, 0.0, 1e6),
    Parameter("fy", 0.0, "Focal length in y, pixels; 0: that of x.", Change.LIVE, 0.0, 1e6),
    Parameter(
        "cx",
        math.nan,
        "Principal point x, pixels from the centre of the first; NaN: the middle.",
        Change.LIVE,
    ),
    Parameter(
        "cy",
        math.nan,
        "Principal point y, pixels from the centre of the first; NaN: the middle.",
        Change.LIVE,
    ),
    Parameter(
        "rate_hz", 10.0, "Most views per second; never more than window.rate_hz.", Change.LIVE, 0.01, 120.0
    ),
)


def camera_names(value: Any) -> tuple[str, ...]:
    """Names of the virtual cameras in the value of the parameter ``virtual_cameras``; empty strings are skipped.

    Raises:
        InvalidInputError: no list of names, a name of which no topic, frame or parameter can be made, one that is
            taken, or one twice.
    """
    if (
        not isinstance(value, Sequence)
        or isinstance(value, str)
        or not all(isinstance(n, str) for n in value)
    ):
        raise InvalidInputError(
            f"virtual_cameras is {value!r}; give a list of names such as [overhead, wrist]"
        )
    names = tuple(name for name in value if name)
    for name in names:
        if not _NAME.match(name) or "__" in name or name.endswith("_"):
            raise InvalidInputError(
                f"virtual_cameras has '{name}'; a name begins with a letter and has letters, digits and single _ only"
            )
        if name in _TAKEN:
            raise InvalidInputError(
                f"virtual_cameras has '{name}', a name that the node itself uses; choose another"
            )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidInputError(f"virtual_cameras has '{twice[0]}' twice; give every camera its own name")
    return names


def camera_table(names: Iterable[str]) -> dict[str, Parameter]:
    """Parameters of the virtual cameras of these names, by full name."""
    return {f"{name}.{entry.name}": entry for name in names for entry in CAMERA_PARAMETERS}


def make_virtual_cameras(
    names: Iterable[str], values: Mapping[str, Any], *, fixed_frame: str
) -> tuple[VirtualCamera, ...]:
    """Make the virtual cameras of these names.

    Args:
        names: as :func:`camera_names` gives them.
        values: checked value by full name, every parameter of :func:`camera_table` present.
        fixed_frame: TF frame that carries the cameras that name none.

    Raises:
        InvalidInputError: a pose, a size, a field of view or a rate that no camera can have.
    """
    return tuple(
        make_virtual_camera(
            name,
            {entry.name: values[f"{name}.{entry.name}"] for entry in CAMERA_PARAMETERS},
            fixed_frame=fixed_frame,
        )
        for name in names
    )
