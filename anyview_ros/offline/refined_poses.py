"""Camera poses after a fit, for people and for ROS: never under the robot's own frames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from anyview_ros.geometry import quaternion_from_matrix
from anyview_ros.synthesis.scene_file import SceneCamera

WORLD_FRAME = "world"
_STILL_M = 1e-9


def write_refined_poses(path: Path, camera: SceneCamera) -> None:
    """Write a camera's refined poses and intrinsics as JSON that ``--source-poses`` and ``--pose`` read."""
    lens = camera.refined_camera
    names = ("fx", "fy", "cx", "cy", "width", "height")
    content = {
        "camera_to_world": camera.refined_camera_to_world.tolist(),
        "intrinsics": {name: getattr(lens, name) for name in names},
    }
    path.write_text(json.dumps(content), encoding="utf-8")


def write_transforms(path: Path, camera: SceneCamera, *, parent: str = WORLD_FRAME) -> None:
    """Write a camera's refined poses as a YAML list of geometry_msgs/TransformStamped.

    The child is ``<name>_refined_optical_frame``, a frame of its own. A camera that stands still gets one transform, to
    be published as a static one; any other camera one per frame.

    Args:
        path: of the file.
        camera: whose poses.
        parent: the frame that the poses are given in.
    """
    poses, stamps_ns = camera.refined_camera_to_world, camera.stamps_ns
    if abs(poses - poses[0]).max() < _STILL_M:
        poses, stamps_ns = poses[:1], stamps_ns[:1]
    transforms: list[dict[str, Any]] = []
    for pose, stamp_ns in zip(poses, stamps_ns.tolist(), strict=True):
        quaternion = quaternion_from_matrix(pose[:3, :3]).tolist()
        transforms.append(
            {
                "header": {
                    "stamp": {"sec": stamp_ns // 10**9, "nanosec": stamp_ns % 10**9},
                    "frame_id": parent,
                },
                "child_frame_id": f"{camera.name}_refined_optical_frame",
                "transform": {
                    "translation": dict(zip("xyz", pose[:3, 3].tolist(), strict=True)),
                    "rotation": dict(zip("xyzw", quaternion, strict=True)),
                },
            }
        )
    path.write_text(yaml.safe_dump(transforms, sort_keys=False), encoding="utf-8")
