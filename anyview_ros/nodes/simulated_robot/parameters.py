"""Every parameter of the simulated robot: its default, range and meaning, and the settings they make. Knows no ROS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyview_ros.nodes.camera_parameters import camera_names, camera_table, make_virtual_cameras
from anyview_ros.nodes.declared_camera import VirtualCamera
from anyview_ros.nodes.parameters import Change, Parameter, check_values

ROBOT_BASE = "base_link"
_START = Change.NEVER

PARAMETERS = (
    Parameter(
        "mode",
        "replay",
        "live: render while publishing, at the rate that is achieved; replay: render one loop first, then repeat it.",
        _START,
        choices=("live", "replay"),
    ),
    Parameter(
        "seed", 0, "Colours, textures, things on the table and what the robot picks.", _START, 0, 2**31
    ),
    Parameter(
        "loop_s",
        12.0,
        "Seconds of one round of the robot; then all repeats without a break.",
        _START,
        1.0,
        600.0,
    ),
    Parameter("rate_hz", 5.0, "Images per second of the camera.", _START, 0.1, 120.0),
    Parameter(
        "tf_rate_hz", 50.0, "Least TF messages per second; one is at every image's stamp.", _START, 0.1, 500.0
    ),
    Parameter("width", 320, "Width of the camera's image, pixels.", _START, 16, 4096),
    Parameter("height", 240, "Height of the camera's image, pixels.", _START, 16, 4096),
    Parameter(
        "source_camera",
        "front",
        "Where the real camera is.",
        _START,
        choices=("front", "overhead", "wrist", "left_shoulder", "right_shoulder"),
    ),
    Parameter(
        "horizontal_fov_deg", 0.0, "Its field of view, degrees; 0: what suits its place.", _START, 0.0, 170.0
    ),
    Parameter("publish_depth", True, "Publish the camera's depth.", _START),
    Parameter(
        "depth_encoding",
        "32FC1",
        "Depth in metres (32FC1) or in millimetres (16UC1).",
        _START,
        choices=("32FC1", "16UC1"),
    ),
    Parameter(
        "depth_noise_m",
        0.0,
        "Standard deviation of the camera's depth at 1 m, metres; it grows with the square of the depth.",
        _START,
        0.0,
        1.0,
    ),
    Parameter(
        "supersampling",
        1,
        "Rays per pixel, along each side: smoother edges and shadows, but its square times the work.",
        _START,
        1,
        8,
    ),
    Parameter("cache", "", "Folder that keeps rendered loops for the next start; empty: none.", _START),
    Parameter(
        "virtual_cameras",
        ("",),
        "Cameras whose true views are published under truth/<name>; each has <name>.parent_frame and so on.",
        _START,
    ),
)


@dataclass(frozen=True)
class Settings:
    """What the parameters say; see those of the same names. ``cache`` is None for none."""

    mode: str
    seed: int
    loop_s: float
    rate_hz: float
    tf_rate_hz: float
    width: int
    height: int
    source_camera: str
    horizontal_fov_deg: float
    publish_depth: bool
    depth_encoding: str
    depth_noise_m: float
    supersampling: int
    cache: Path | None
    virtual_cameras: tuple[VirtualCamera, ...]


def read_settings(values: Mapping[str, Any]) -> Settings:
    """Make settings of parameters' values by full name.

    Raises:
        InvalidInputError: a value of another type or out of range, or a camera that cannot be.
    """
    own = check_values({entry.name: entry for entry in PARAMETERS}, values)
    names = camera_names(own["virtual_cameras"])
    told = check_values(camera_table(names), values)
    own["virtual_cameras"] = make_virtual_cameras(names, told, fixed_frame=ROBOT_BASE)
    own["cache"] = Path(own["cache"]).expanduser() if own["cache"] else None
    return Settings(**own)
