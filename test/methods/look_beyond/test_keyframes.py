from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_panoramas import BoxRoom, turned_and_moved

from anyview_ros.errors import InvalidInputError, InvalidPoseError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.look_beyond.keyframes import DEPTH_FACTOR, keyframes, walk_limit_m
from anyview_ros.metrics import psnr_db

ROOM = BoxRoom()
SCENE = ROOM.panorama(96)
SOURCE = ROOM.frame(np.eye(4))
CAMERA = PinholeCamera.from_fov(40, 30, horizontal_fov_deg=75)
TURNED = [turned_and_moved(yaw) for yaw in (0, 50, 180, -100)]
WALKED = [turned_and_moved(yaw, moved) for yaw, moved in ((0, (0, 0, 0.6)), (150, (0.5, 0.2, -0.4)))]


@pytest.mark.parametrize("pose", TURNED)
def test_a_camera_that_turns_sees_the_panorama(pose: np.ndarray) -> None:
    (key,) = keyframes(SCENE, SOURCE, CAMERA, pose[None])
    truth = ROOM.frame(pose, CAMERA)
    assert (key.mask == 1).all()
    assert psnr_db(key.image, truth.image) > 35
    assert key.depth is not None
    assert np.median(np.abs(key.depth / truth.depth - 1)) < 0.01


@pytest.mark.parametrize("pose", WALKED)
def test_a_camera_that_walks_sees_what_is_known_from_there(pose: np.ndarray) -> None:
    (key,) = keyframes(SCENE, SOURCE, CAMERA, pose[None])
    truth = ROOM.frame(pose, CAMERA)
    known = key.mask > 0.5
    assert known.mean() > 0.97  # an empty box hides nothing
    assert psnr_db(key.image, truth.image, known) > 30
    assert key.depth is not None
    assert np.median(np.abs(key.depth / truth.depth - 1)[known]) < 0.01


def test_what_a_walk_uncovers_is_masked() -> None:
    near = SCENE.depth_m.copy()
    near[40:60, 90:102] = 0.8  # a board in front of the far wall
    pose = turned_and_moved(0, (0.4, 0, 0))[None]
    (free,) = keyframes(SCENE, replace(SOURCE, depth=None), CAMERA, pose)
    (behind,) = keyframes(replace(SCENE, depth_m=near), replace(SOURCE, depth=None), CAMERA, pose)
    assert free.mask.mean() > 0.97
    assert 0.02 < free.mask.mean() - behind.mask.mean() < 0.3
    assert (behind.image[behind.mask == 0] == 0).all()
    assert behind.depth is not None
    assert (behind.depth[behind.mask == 0] == 0).all()


def test_the_source_picture_is_what_was_seen() -> None:
    marked = replace(SOURCE, image=np.full_like(SOURCE.image, 200))
    ahead, behind = keyframes(SCENE, marked, SOURCE.camera, np.stack([TURNED[0], TURNED[2]]))
    assert (ahead.seen == 1).all()
    assert (ahead.image == 200).all()
    assert not behind.seen.any()
    narrow = keyframes(SCENE, marked, PinholeCamera.from_fov(60, 60, horizontal_fov_deg=110), TURNED[0][None])
    share = narrow[0].seen.mean()
    assert 0.1 < share < 0.5
    assert (narrow[0].image[narrow[0].seen == 1] == 200).all()


@pytest.mark.parametrize("unknown", [0.0, np.nan, np.inf])
def test_where_the_sources_depth_is_unknown_the_panoramas_is_taken(unknown: float) -> None:
    nowhere = replace(SOURCE, depth=np.full_like(SOURCE.depth, unknown))
    (told,) = keyframes(SCENE, nowhere, CAMERA, WALKED[0][None])
    (without,) = keyframes(SCENE, replace(SOURCE, depth=None), CAMERA, WALKED[0][None])
    assert told.seen.any()
    np.testing.assert_array_equal(told.seen, without.seen)
    np.testing.assert_array_equal(told.image, without.image)


def test_keyframes_do_not_depend_on_the_world_frame() -> None:
    world = turned_and_moved(33, (4.0, -2.0, 1.0)) @ np.array(
        [[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    )
    poses = np.stack([*TURNED, *WALKED])
    here = keyframes(SCENE, SOURCE, CAMERA, poses)
    there = keyframes(
        replace(SCENE, camera_to_world=world), replace(SOURCE, camera_to_world=world), CAMERA, world @ poses
    )
    for a, b in zip(here, there, strict=True):
        assert (np.abs(a.image.astype(int) - b.image) <= 1).mean() > 0.995
        assert (a.mask == b.mask).mean() > 0.995


def test_a_walk_has_a_limit() -> None:
    assert walk_limit_m(SCENE) == pytest.approx(DEPTH_FACTOR * SCENE.depth_m.max())
    far = turned_and_moved(0, (0, 0, walk_limit_m(SCENE) * 1.05))
    with pytest.raises(InvalidInputError, match=r"poses\[1\] lies .* walk at most"):
        keyframes(SCENE, SOURCE, CAMERA, np.stack([TURNED[0], far]))
    with pytest.raises(InvalidPoseError):
        keyframes(SCENE, SOURCE, CAMERA, np.full((1, 4, 4), np.nan))


def test_without_distance_one_can_only_turn() -> None:
    flat = replace(SCENE, depth_m=np.zeros_like(SCENE.depth_m))
    (key,) = keyframes(flat, replace(SOURCE, depth=None), CAMERA, TURNED[1][None])
    assert key.depth is None
    assert psnr_db(key.image, ROOM.frame(TURNED[1], CAMERA).image) > 35
    with pytest.raises(InvalidInputError, match=r"walk at most 0\.00 m"):
        keyframes(flat, SOURCE, CAMERA, WALKED[0][None])
