"""Poses that people write themselves, in JSON or YAML.

::

    {"camera_to_world": [[[1, 0, 0, 0.1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], ...],
     "intrinsics": {"fx": 500, "fy": 500, "cx": 319.5, "cy": 239.5, "width": 640, "height": 480}}

Poses are 4x4, from camera to world, metres, OpenCV axes (x right, y down, z forward); pixel centres lie at integers.
``intrinsics`` may be left out; so may everything but the list of poses, or the one pose.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.geometry import PinholeCamera, check_rigid

_KEYS = {"camera_to_world", "intrinsics"}
_INTRINSICS = ("fx", "fy", "cx", "cy", "width", "height")


@dataclass(frozen=True, eq=False)
class PoseFile:
    """Content of a file of poses.

    Attributes:
        camera_to_world: float64 (N, 4, 4), OpenCV axes.
        camera: intrinsics; None if the file has none.
    """

    camera_to_world: NDArray[np.float64]
    camera: PinholeCamera | None = None


def read_pose_file(path: str | Path) -> PoseFile:
    """Read poses; for the format see this module.

    Raises:
        ReadError: the file is missing, broken, or holds something else.
    """
    path = Path(path)
    content = _content(path)
    if isinstance(content, list):
        content = {"camera_to_world": content}
    if not isinstance(content, dict) or "camera_to_world" not in content or set(content) - _KEYS:
        raise ReadError(
            f"{path} must hold a list of 4x4 poses, or an object with camera_to_world and, if wanted, intrinsics"
        )
    try:
        poses = check_rigid(content["camera_to_world"], name="camera_to_world")
        camera = _camera(content["intrinsics"]) if "intrinsics" in content else None
    except InvalidInputError as error:
        raise ReadError(f"{path}: {error}") from error
    poses = poses.reshape(-1, 4, 4) if poses.ndim < 3 else poses
    if poses.ndim != 3 or len(poses) == 0:
        raise ReadError(f"{path}: camera_to_world must be (N, 4, 4) with N >= 1, got {poses.shape}")
    return PoseFile(poses, camera)


def _content(path: Path) -> Any:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        raise ReadError(f"cannot read poses {path}: {error.strerror}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise ReadError(f"{path} is neither JSON nor YAML: {error}") from error


def _camera(values: Any) -> PinholeCamera:
    if not isinstance(values, dict) or set(values) != set(_INTRINSICS):
        raise InvalidInputError(f"intrinsics is {values!r}; give {', '.join(_INTRINSICS)}")
    return PinholeCamera(**values)
