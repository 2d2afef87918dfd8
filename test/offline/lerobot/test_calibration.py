from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from anyview_ros.errors import ReadError
from anyview_ros.geometry import DistortedCamera, PinholeCamera, check_rigid
from anyview_ros.offline.lerobot.calibration import Columns, LinkPose, link_poses, read_calibration

SIZES = {"top": (640, 480), "wrist": (320, 240)}
POSE = {"position": [1, 2, 3], "quaternion_xyzw": [0, 0, 0, 1]}
INTRINSICS = {"fx": 600, "fy": 601, "cx": 319.5, "cy": 239.5}
ROS = """
image_width: 320
image_height: 240
camera_matrix: {rows: 3, cols: 3, data: [300, 0, 160, 0, 300, 120, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, 0, 0, 0, 0]}
"""


def write(path: Path, content: Any) -> Path:
    file = path / "cameras.yaml"
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return file


def test_a_calibration_is_read(tmp_path: Path) -> None:
    (tmp_path / "wrist.yaml").write_text(ROS)
    link = {
        "position": {"key": "state", "indices": [0, 1, 2]},
        "rotation": {"key": "state", "indices": [3, 4, 5], "kind": "rotation_vector"},
    }
    content = {
        "cameras": {
            "top": {
                "intrinsics": INTRINSICS,
                "camera_to_world": POSE,
                "depth": {"key": "depth", "metres_per_unit": 0.001},
            },
            "wrist": {"calibration": "wrist.yaml", "link": "hand", "camera_to_link": np.eye(4).tolist()},
        },
        "links": {"hand": link},
    }
    found = read_calibration(write(tmp_path, content), SIZES)
    top, wrist = found.cameras["top"], found.cameras["wrist"]
    assert top.camera == PinholeCamera(600, 601, 319.5, 239.5, 640, 480)
    assert top.pose[:3, 3].tolist() == [1, 2, 3]
    assert top.depth is not None
    assert (top.depth.key, top.depth.metres_per_unit) == ("depth", 0.001)
    assert isinstance(wrist.camera, DistortedCamera)
    assert (wrist.link, wrist.depth) == ("hand", None)
    assert found.links["hand"].rotation == Columns("state", (3, 4, 5))


TOP = {"intrinsics": INTRINSICS, "camera_to_world": POSE}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("cameras: [", "is not YAML"),
        ("3", "the file must be a mapping, got 3"),
        ({}, "the file lacks cameras"),
        ({"cameras": {"side": TOP}}, "the dataset has no camera side; it has top, wrist"),
        ({"cameras": {"top": {"camera_to_world": POSE}}}, r"cameras\[top\]: .*lacks intrinsics"),
        ({"cameras": {"top": {**TOP, "intrinsics": {**INTRINSICS, "fx": -1}}}}, "fx is -1"),
        ({"cameras": {"top": {**TOP, "intrinsics": {**INTRINSICS, "fx": "wide"}}}}, "must tell fx, a number"),
        ({"cameras": {"top": {"intrinsics": INTRINSICS}}}, "lacks camera_to_world"),
        ({"cameras": {"top": {**TOP, "camera_to_world": [[1, 2], [3, 4]]}}}, "camera_to_world"),
        (
            {"cameras": {"top": {**TOP, "camera_to_world": {**POSE, "position": [1, 2]}}}},
            "must tell position, 3 numbers",
        ),
        ({"cameras": {"top": {**TOP, "link": "hand"}}}, "is on link hand, which links does not tell"),
        ({"cameras": {"top": {**TOP, "depth": {"key": "d", "metres_per_unit": 0}}}}, "must be positive"),
        (
            {"cameras": {"top": {**TOP, "distortion": {"model": "pear", "coefficients": []}}}},
            "'pear' is unknown",
        ),
        (
            {"cameras": {"top": {"calibration": "wrist.yaml", "camera_to_world": POSE}}},
            "is calibrated for 320x240 but its pictures are 640x480",
        ),
        (
            {"cameras": {}, "links": {"hand": {"position": {"key": "s", "indices": [0, 1]}, "rotation": {}}}},
            r"links\[hand\]\.rotation must tell kind",
        ),
        (
            {
                "cameras": {},
                "links": {
                    "hand": {
                        "position": {"key": "s", "indices": [0, 1]},
                        "rotation": {"key": "s", "indices": [0], "kind": "matrix"},
                    }
                },
            },
            "must tell indices, 3 whole numbers",
        ),
    ],
)
def test_what_cannot_be_used_is_named(content: Any, message: str, tmp_path: Path) -> None:
    (tmp_path / "wrist.yaml").write_text(ROS)
    with pytest.raises(ReadError, match=message):
        read_calibration(write(tmp_path, content), SIZES)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no calibration at"):
        read_calibration(tmp_path / "none.yaml", SIZES)


ANGLE = st.floats(-3, 3)


@settings(max_examples=30)
@given(st.tuples(ANGLE, ANGLE, ANGLE), st.tuples(ANGLE, ANGLE, ANGLE))
def test_all_ways_to_tell_a_rotation_agree(
    vector: tuple[float, float, float], position: tuple[float, float, float]
) -> None:
    angle = float(np.linalg.norm(vector))
    axis = np.array(vector) / max(angle, 1e-300)
    x, y, z = axis * np.sin(angle / 2)
    w = np.cos(angle / 2)
    told = {
        "rotation_vector": np.array([vector]),
        "quaternion_xyzw": np.array([[x, y, z, w]]),
        "quaternion_wxyz": np.array([[w, x, y, z]]),
    }
    poses = {}
    for kind, numbers in told.items():
        link = LinkPose(
            Columns("p", (0, 1, 2)),
            Columns("r", tuple(range(numbers.shape[1]))),
            kind,  # type: ignore[arg-type]
        )
        poses[kind] = link_poses(link, {"p": np.array([position]), "r": numbers})
    rotation = poses["rotation_vector"][:, :3, :3].reshape(1, 9).astype(np.float32).astype(np.float64)
    matrix = LinkPose(Columns("p", (0, 1, 2)), Columns("r", tuple(range(9))), "matrix")
    poses["matrix"] = link_poses(matrix, {"p": np.array([position]), "r": rotation})
    for found in poses.values():
        check_rigid(found)
        np.testing.assert_allclose(found, poses["quaternion_xyzw"], atol=1e-5)
    assert poses["matrix"][0, :3, 3].tolist() == list(position)


def test_columns_that_are_not_there_are_told() -> None:
    link = LinkPose(Columns("p", (0, 1, 2)), Columns("r", (0, 1, 2, 3)), "quaternion_xyzw")
    with pytest.raises(ReadError, match="the dataset has no numbers p; it has r"):
        link_poses(link, {"r": np.zeros((1, 4))})
    with pytest.raises(ReadError, match="r has 3 numbers; index 3 is beyond them"):
        link_poses(link, {"p": np.zeros((1, 3)), "r": np.zeros((1, 3))})
    other = LinkPose(Columns("p", (0, 1, 2)), Columns("r", tuple(range(9))), "matrix")
    with pytest.raises(ReadError, match="from any rotation"):
        link_poses(other, {"p": np.zeros((1, 3)), "r": 2 * np.eye(3).reshape(1, 9)})
