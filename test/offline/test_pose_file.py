from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from anyview_ros.errors import ReadError
from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.offline.pose_file import read_pose_file

POSES = np.stack([look_at((1, 2, 1 + i), (0, 0, 0)) for i in range(3)])
INTRINSICS = {"fx": 50, "fy": 51.5, "cx": 31.5, "cy": 23.5, "width": 64, "height": 48}


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_lists_single_poses_and_objects_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"poses{suffix}"
    write = json.dumps if suffix == ".json" else yaml.safe_dump
    path.write_text(write(POSES.tolist()))
    np.testing.assert_allclose(read_pose_file(path).camera_to_world, POSES, atol=1e-12)
    assert read_pose_file(path).camera is None
    path.write_text(write(POSES[0].tolist()))
    assert read_pose_file(path).camera_to_world.shape == (1, 4, 4)
    path.write_text(write({"camera_to_world": POSES.tolist(), "intrinsics": INTRINSICS}))
    assert read_pose_file(path).camera == PinholeCamera(50, 51.5, 31.5, 23.5, 64, 48)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "neither JSON nor YAML"),
        ("7", "list of 4x4 poses"),
        ("[]", r"camera_to_world"),
        ('{"poses": []}', "camera_to_world"),
        (
            json.dumps({"camera_to_world": POSES.tolist(), "convention": "opengl"}),
            "camera_to_world and, if wanted",
        ),
        (json.dumps((2 * POSES).tolist()), "camera_to_world"),
        (json.dumps({"camera_to_world": POSES.tolist(), "intrinsics": {"fx": 1}}), "give fx, fy"),
        (json.dumps({"camera_to_world": POSES.tolist(), "intrinsics": {**INTRINSICS, "fx": 0}}), "fx is 0"),
        (json.dumps(np.full((4, 4), None).tolist()), "camera_to_world"),
    ],
)
def test_what_is_no_file_of_poses_is_named(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "poses.json"
    path.write_text(content)
    with pytest.raises(ReadError, match=told) as refused:
        read_pose_file(path)
    assert str(path) in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"none\.json"):
        read_pose_file(tmp_path / "none.json")
