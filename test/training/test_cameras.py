from __future__ import annotations

import contextlib
from functools import partial

import cv2
import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import check_rigid
from anyview_ros.scenes import clearance, random_room, view_angle_deg
from anyview_ros.training.cameras import VIEW_CHANGES_DEG, Rig, sample_parallel_rig, sample_rig


@pytest.fixture(scope="module")
def rigs() -> list[tuple[int, Rig]]:
    made = []
    for seed in range(12):
        made.append((seed, sample_rig(random_room(seed), np.random.default_rng(seed), side=48, instants=3)))
    return made


def test_view_changes_are_those_asked_for(rigs: list[tuple[int, Rig]]) -> None:
    for _, rig in rigs:
        for index, (low, high) in enumerate(VIEW_CHANGES_DEG, start=1):
            angle = view_angle_deg(rig.camera_to_world[0, 0], rig.camera_to_world[index, 0], rig.aim)
            assert low - 0.01 <= angle <= high + 0.01


def test_cameras_are_of_the_size_asked_for_and_see_20_to_90_degrees(rigs: list[tuple[int, Rig]]) -> None:
    for _, rig in rigs:
        assert rig.camera_to_world.shape == (4, 3, 4, 4)
        check_rigid(rig.camera_to_world, name="rig")
        assert np.all(np.diff(rig.times_s) > 0)
        for camera in rig.cameras:
            assert camera.size == (48, 48)
            fov = 2 * np.degrees(np.arctan(24 / camera.fx))
            assert 19.9 < fov < 90.1
            assert abs(camera.cx - 23.5) <= 0.08 * 48 * 2


def test_some_cameras_move_and_some_stand_still(rigs: list[tuple[int, Rig]]) -> None:
    moved = [np.abs(path[-1] - path[0]).max() > 1e-9 for _, rig in rigs for path in rig.camera_to_world]
    assert 0.2 < np.mean(moved) < 0.8
    for _, rig in rigs:
        steps = np.linalg.norm(np.diff(rig.camera_to_world[:, :, :3, 3], axis=1), axis=-1)
        assert steps.max() <= 0.0801 * 2


def test_cameras_begin_clear_of_all_bodies(rigs: list[tuple[int, Rig]]) -> None:
    for seed, rig in rigs:
        scene = random_room(seed).at(rig.times_s)
        for path in rig.camera_to_world:
            assert clearance(scene, path[0, :3, 3]) >= 0.119


def test_same_seed_same_rig() -> None:
    world = random_room(3)
    first, second = (sample_rig(world, np.random.default_rng(8), side=32, instants=2) for _ in range(2))
    np.testing.assert_array_equal(first.camera_to_world, second.camera_to_world)
    assert first.cameras == second.cameras


def test_parallel_cameras_stand_side_by_side_clear_of_all_bodies() -> None:
    exact = 0
    for seed in range(8):
        world = random_room(seed)
        rig = sample_parallel_rig(world, np.random.default_rng(seed), side=48, instants=2)
        assert rig.camera_to_world.shape == (4, 2, 4, 4)
        check_rigid(rig.camera_to_world, name="rig")
        assert len(set(rig.cameras)) == 1
        scene = world.at(rig.times_s)
        distance = np.linalg.norm(rig.camera_to_world[0, 0, :3, 3] - rig.aim)
        for path in rig.camera_to_world[1:]:
            seen = np.linalg.inv(rig.camera_to_world[0]) @ path
            np.testing.assert_allclose(seen[0], seen[1], atol=1e-9)  # they move together
            aside, forward = np.linalg.norm(seen[0, :2, 3]), abs(seen[0, 2, 3])
            assert 0.019 * distance < aside < 0.251 * distance
            assert forward < 0.8 * aside
            angle = np.degrees(np.linalg.norm(cv2.Rodrigues(seen[0, :3, :3])[0]))
            exact += bool(angle < 1e-6)
            assert angle < 6
            assert clearance(scene, path[0, :3, 3]) >= 0.119
    assert 4 <= exact <= 20


def test_more_parallel_cameras_than_there_is_room_for_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="for 100 cameras side by side"):
        sample_parallel_rig(random_room(0), np.random.default_rng(0), side=32, instants=1, count=100)


def _framed_m(rig: Rig) -> float:
    """How wide a part of the world, at the distance of the aim, the first camera's picture shows."""
    distance = float(np.linalg.norm(rig.camera_to_world[0, 0, :3, 3] - rig.aim))
    return distance * rig.cameras[0].width / rig.cameras[0].fx


@pytest.mark.parametrize("parallel", [False, True])
def test_framed_cameras_have_one_lens_and_stand_where_it_frames_the_aim(parallel: bool) -> None:
    sample = partial(sample_parallel_rig if parallel else sample_rig, side=48, instants=1, framed=True)
    rigs = []
    for seed in range(6):
        with contextlib.suppress(InvalidInputError):  # a room may have no place for such cameras
            rigs.append(sample(random_room(seed), np.random.default_rng(seed)))
    assert len(rigs) >= 3
    for rig in rigs:
        assert len({camera.fx for camera in rig.cameras}) == 1
        nearest = 0.35 * rig.cameras[0].width / rig.cameras[0].fx
        assert 0.399 <= _framed_m(rig) <= max(4.001, nearest)
