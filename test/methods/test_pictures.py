from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.methods.pictures import Picture, views_of

CAMERA = PinholeCamera(4.0, 4.0, 1.5, 0.5, 4, 2)


def picture(grey: int, *, depth: bool = True) -> Picture:
    image = np.full((2, 4, 3), grey, np.uint8)
    return Picture(image, np.ones((2, 4), np.float32), np.ones((2, 4), np.float32) if depth else None)


def test_each_target_gets_its_own_pictures_poses_and_instants() -> None:
    poses = np.tile(np.eye(4), (3, 1, 1))
    poses[:, 0, 3] = (1.0, 2.0, 3.0)
    targets = CameraTrajectory(CAMERA, poses[:2]), CameraTrajectory(CAMERA, poses[2:])
    instants = [np.array([5, 6]), np.array([7])]
    first, second = views_of([iter([picture(1), picture(2)]), [picture(3, depth=False)]], targets, instants)
    assert first.frames[:, 0, 0, 0].tolist() == [1, 2]
    assert first.camera_to_world[:, 0, 3].tolist() == [1.0, 2.0]
    assert first.stamps_ns.tolist() == [5, 6]
    assert first.depth is not None
    assert second.frames[:, 0, 0, 0].tolist() == [3]
    assert second.camera_to_world[:, 0, 3].tolist() == [3.0]
    assert second.stamps_ns.tolist() == [7]
    assert second.depth is None


def test_no_target_goes_without_pictures() -> None:
    with pytest.raises(ValueError, match="zip"):
        views_of([], (CameraTrajectory(CAMERA, np.eye(4)[None]),), [np.array([5])])
