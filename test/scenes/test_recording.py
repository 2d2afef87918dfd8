from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.errors import InvalidClipError, InvalidInputError
from anyview_ros.scenes import film, render_clip, simulated_robot

WORLD = simulated_robot(0)
CAMERA = WORLD.cameras["front"].camera.resized(48, 36)


def test_a_clip_has_depth_stamps_and_moving_things() -> None:
    clip = render_clip(WORLD, CAMERA, "front", [0.0, 0.5, 1.0])
    assert clip.frames.shape == (3, 36, 48, 3)
    assert clip.depth is not None
    assert (clip.depth > 0).all()
    np.testing.assert_array_equal(clip.stamps_ns, [0, 500_000_000, 1_000_000_000])
    assert np.abs(np.diff(clip.frames.astype(int), axis=0)).max() > 30
    np.testing.assert_allclose(clip.camera_to_world[0], clip.camera_to_world[2])


def test_a_ball_is_seen_where_it_is_at_each_stamp() -> None:
    camera = WORLD.cameras["front"].camera
    times = [0.0, 1.0, 2.0, 4.5]
    rendering, poses = film(WORLD, camera, "front", times)
    balls = WORLD.frame_to_world("ball", times)[:, :3, 3]
    for i in range(len(times)):
        x, y, z, _ = np.linalg.inv(poses[i]) @ np.append(balls[i], 1)
        rows, columns = np.nonzero(rendering.instances[i] == WORLD.instances.index("rolling_ball"))
        assert abs(columns.mean() - (camera.fx * x / z + camera.cx)) < 1.5
        assert abs(rows.mean() - (camera.fy * y / z + camera.cy)) < 1.5


def test_poses_may_be_one_several_a_function_or_a_name() -> None:
    times = np.array([0.0, 2.0])
    by_name, poses = film(WORLD, CAMERA, "wrist", times)
    for given in (poses, lambda t: WORLD.camera_to_world("wrist", t)):
        np.testing.assert_array_equal(film(WORLD, CAMERA, given, times)[0].frames, by_name.frames)
    still, still_poses = film(WORLD, CAMERA, poses[0], times)
    assert still_poses.shape == (2, 4, 4)
    np.testing.assert_array_equal(still.frames[0], by_name.frames[0])


def test_time_may_stand_still_for_a_film_but_not_for_a_clip() -> None:
    poses = WORLD.camera_to_world("wrist", [0.0, 1.0])
    assert len(film(WORLD, CAMERA, poses, [3.0, 3.0])[0].frames) == 2
    with pytest.raises(InvalidClipError, match="increase"):
        render_clip(WORLD, CAMERA, poses, [3.0, 3.0])
    with pytest.raises(InvalidInputError, match="2 instants"):
        film(WORLD, CAMERA, np.broadcast_to(np.eye(4), (3, 4, 4)), [0.0, 1.0])
