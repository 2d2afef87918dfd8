from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera, look_at, ray_directions
from anyview_ros.geometry.panorama import perspective_from_panorama
from anyview_ros.metrics import psnr_db
from anyview_ros.scenes import render
from anyview_ros.scenes.panoramas import render_panorama
from anyview_ros.scenes.room_splits import RoomFactory


def test_a_panorama_shows_what_cameras_in_its_middle_see() -> None:
    world = RoomFactory(held_out=False).room(3)
    scene = world.at(0.0)
    eye = np.add(world.focus, (0.8, -0.6, 0.9))
    pose = look_at(eye, world.focus)
    around = render_panorama(scene, pose, 96, supersampling=2)
    assert around.frames.shape == (1, 96, 192, 3)
    assert (around.depth > 0).all()  # rooms are closed
    camera = PinholeCamera.from_fov(24, 24, horizontal_fov_deg=70)
    for target in (world.focus, np.subtract(eye, (1.0, 0.3, 0.1)), np.add(eye, (0.2, 1.0, -0.6))):
        view = look_at(eye, target)
        rotation = pose[:3, :3].T @ view[:3, :3]
        seen = render(scene, camera, view, supersampling=2)
        cut = perspective_from_panorama(around.frames[0], camera, rotation)
        assert psnr_db(cut, seen.frames[0]) > 22
        distance = perspective_from_panorama(around.depth[0], camera, rotation)
        depth = distance / np.linalg.norm(ray_directions(camera), axis=-1)
        assert np.median(np.abs(depth / seen.depth[0] - 1)) < 0.01


def test_a_panorama_has_rows() -> None:
    with pytest.raises(InvalidInputError, match="at least one row"):
        render_panorama(RoomFactory(held_out=False).room(3).at(0.0), np.eye(4), 0)
