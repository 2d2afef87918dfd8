from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.geometry import check_rigid
from anyview_ros.scenes import WORLD, render, simulated_robot

TIMES = np.linspace(0, 12, 241)


@pytest.mark.parametrize("seed", range(8))
def test_the_block_goes_with_the_gripper_and_lies_still_otherwise(seed: int) -> None:
    world = simulated_robot(seed)
    tool = world.frame_to_world("tool0", TIMES)
    block = world.frame_to_world("held_block", TIMES)
    fingers = (
        world.frame_to_world("left_finger", TIMES)[:, :3, 3]
        - world.frame_to_world("right_finger", TIMES)[:, :3, 3]
    )
    gap = np.linalg.norm(fingers, axis=1)
    in_tool = np.linalg.inv(tool) @ block
    moved = np.abs(np.diff(block, axis=0)).max(axis=(1, 2)) > 1e-9
    with_tool = np.abs(np.diff(in_tool, axis=0)).max(axis=(1, 2)) < 1e-9
    assert moved.any()
    assert with_tool[moved].all()
    assert (gap[:-1][moved] < 0.0505).all()
    assert gap.min() >= 0.05
    # It lies on the mat's height when it lies.
    resting = ~moved & ~np.append(moved[1:], moved[-1])
    assert np.median(block[:-1][resting][:, 2, 3]) == pytest.approx(0.75 + 0.027, abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_motion_is_smooth_and_comes_back_to_its_start(seed: int) -> None:
    world = simulated_robot(seed, period_s=12.0)
    for name, (parent, _) in world.frames(0.0).items():
        assert parent == WORLD or parent in world.frames(0.0), name
        poses = world.frame_to_world(name, TIMES)
        check_rigid(poses)
        np.testing.assert_allclose(poses[0], poses[-1], atol=1e-9)
        fine = world.frame_to_world(name, np.linspace(0, 12, 2401))
        speed = np.linalg.norm(np.diff(fine[:, :3, 3], axis=0), axis=1) / 0.005
        assert speed.max() < 2.0, name


def test_items_on_the_belt_jump_only_where_the_hoods_hide_them() -> None:
    world = simulated_robot(0)
    times = np.linspace(0, 12, 601)
    y = world.frame_to_world("belt_item_0", times)[:, 1, 3]
    jumps = np.abs(np.diff(y)) > 0.1
    assert jumps.sum() == 1
    assert (np.abs(y[:-1][jumps]) > 0.5).all()


def test_frames_chain_to_the_arm_that_is_drawn() -> None:
    """The wrist camera's housing is seen where TF says the wrist camera is."""
    world = simulated_robot(0)
    camera = world.cameras["front"].camera
    for time_s in (0.0, 3.3, 7.9):
        pose = world.camera_to_world("front", time_s)
        ids = render(world.at(time_s), camera, pose).instances[0]
        x, y, z, _ = np.linalg.inv(pose) @ world.frame_to_world("wrist_camera_link", time_s)[:, 3]
        u, v = round(camera.fx * x / z + camera.cx), round(camera.fy * y / z + camera.cy)
        assert world.instances[ids[v, u]] == "robot"


def test_seeds_make_different_worlds_and_one_seed_the_same() -> None:
    first, again, other = simulated_robot(5), simulated_robot(5), simulated_robot(6)
    assert [b.material for b in first.bodies] == [b.material for b in again.bodies]
    np.testing.assert_array_equal(first.at(1.0).poses, again.at(1.0).poses)
    assert [b.material for b in first.bodies] != [b.material for b in other.bodies]


def test_every_camera_sees_the_robot_at_some_time_and_is_in_the_room() -> None:
    world = simulated_robot(0)
    for name, mounted in world.cameras.items():
        seen = 0
        for time_s in (0.5, 4.0, 8.0):
            pose = world.camera_to_world(name, time_s)
            assert (pose[:3, 3] > world.bounds[0]).all(), name
            assert (pose[:3, 3] < world.bounds[1]).all(), name
            rendering = render(world.at(time_s), mounted.camera.resized(64, 48), pose)
            assert (rendering.depth > 0).all(), name
            seen += int((rendering.instances == world.instances.index("robot")).sum())
        assert seen > 50, name


def test_photographs_hang_on_the_walls() -> None:
    green = np.zeros((32, 32, 3), np.uint8)
    green[..., 1] = 255
    with_photo, without = simulated_robot(0, photographs=[green]), simulated_robot(0)
    used = {b.material.texture for b in with_photo.bodies}
    assert "photo_0" in used
    assert "photo_0" not in {b.material.texture for b in without.bodies}
