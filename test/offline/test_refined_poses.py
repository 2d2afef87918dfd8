from __future__ import annotations

from pathlib import Path

import numpy as np
import yaml

from anyview_ros.geometry import PinholeCamera, RigidTransform, look_at
from anyview_ros.offline.pose_file import read_pose_file
from anyview_ros.offline.refined_poses import write_refined_poses, write_transforms
from anyview_ros.synthesis.scene_file import SceneCamera

CAMERA = PinholeCamera(70, 71, 31.5, 23.5, 64, 48)
REFINED = PinholeCamera(72, 73, 31.5, 23.5, 64, 48)


def camera(*, still: bool) -> SceneCamera:
    given = np.stack([look_at((1, 0, 1), (0, 0, 0))] * 3)
    refined = given.copy()
    refined[:, :3, 3] += 0.25
    if not still:
        refined[:, 0, 3] += [0, 0.1, 0.2]
    stamps_ns = np.array([1_500_000_001, 2_000_000_000, 3_000_000_000])
    return SceneCamera("wrist", CAMERA, given, stamps_ns, refined, REFINED)


def test_json_is_read_as_source_poses_are(tmp_path: Path) -> None:
    write_refined_poses(tmp_path / "poses.json", camera(still=False))
    read = read_pose_file(tmp_path / "poses.json")
    np.testing.assert_array_equal(read.camera_to_world, camera(still=False).refined_camera_to_world)
    assert read.camera == REFINED


def test_transforms_are_stamped_and_bear_a_frame_of_their_own(tmp_path: Path) -> None:
    write_transforms(tmp_path / "tf.yaml", camera(still=False), parent="map")
    transforms = yaml.safe_load((tmp_path / "tf.yaml").read_text())
    assert len(transforms) == 3
    first = transforms[0]
    assert first["header"] == {"stamp": {"sec": 1, "nanosec": 500_000_001}, "frame_id": "map"}
    assert {one["child_frame_id"] for one in transforms} == {"wrist_refined_optical_frame"}
    for one, pose in zip(transforms, camera(still=False).refined_camera_to_world, strict=True):
        rotation, translation = one["transform"]["rotation"], one["transform"]["translation"]
        matrix = RigidTransform.from_quaternion(
            [rotation[k] for k in "xyzw"], [translation[k] for k in "xyz"]
        ).matrix
        np.testing.assert_allclose(matrix, pose, atol=1e-9)


def test_a_camera_that_stands_still_has_one_transform(tmp_path: Path) -> None:
    write_transforms(tmp_path / "tf.yaml", camera(still=True))
    (only,) = yaml.safe_load((tmp_path / "tf.yaml").read_text())
    assert only["header"]["frame_id"] == "world"
