"""Checks of poses that bags and episodes do not show; those they do are in test/offline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evidence_maker import START_NS, camera, depth, evidence, stream, troubles
from filmed import moving_clip

from anyview_ros.diagnosis import Evidence, Origin, Picture, Severity
from anyview_ros.diagnosis.checks.poses import check_poses
from anyview_ros.diagnosis.photometric import contrast, make_view, misfit, vote
from anyview_ros.messages import Calibration

FRAMES = (0, 2, 6, 8)


def filmed(*, gripper: float = 0.0, poses: np.ndarray | None = None, **changes: object) -> Evidence:
    """An episode of the moving camera; a gripper takes up a part of each picture, the same in all."""
    clip = moving_clip()
    cut = round(clip.camera.height * (1 - gripper))
    rng = np.random.default_rng(0)
    held = rng.integers(0, 256, (clip.camera.height - cut, clip.camera.width, 3), dtype=np.uint8)
    pictures = []
    for index in FRAMES:
        rgb, deep = clip.frames[index].copy(), np.array(clip.depth)[index]
        rgb[cut:], deep[cut:] = held, 0.15
        pose = clip.camera_to_world[index] if poses is None else poses[index]
        stamp_ns = START_NS + int(clip.stamps_ns[index])
        pictures.append(Picture(stamp_ns, rgb, deep, stamp_ns, pose))
    looked_at = camera(
        images=stream("cam0", sizes=(clip.camera.size,)),
        calibrations=(Calibration.of_pinhole(clip.camera),),
        pictures=tuple(pictures),
        depth=depth(),
        rectified=True,
    )
    return evidence(replace(looked_at, **changes), origin=Origin.EPISODE, transforms=None)


@pytest.mark.parametrize("gripper", [0.0, 0.3, 0.55])
def test_a_gripper_in_the_picture_does_not_make_poses_wrong(gripper: float) -> None:
    assert troubles(check_poses, filmed(gripper=gripper)) == {}


@pytest.mark.parametrize("gripper", [0.0, 0.3])
def test_unrelated_poses_are_found_with_a_gripper_too(gripper: float) -> None:
    poses = moving_clip().camera_to_world[::-1].copy()
    poses[:, 0, 3] += 0.3 * np.sin(np.arange(len(poses)))
    assert troubles(check_poses, filmed(gripper=gripper, poses=poses)) == {"poses.do_not_fit": Severity.ERROR}


def test_a_camera_that_moves_while_its_poses_do_not() -> None:
    poses = np.repeat(moving_clip().camera_to_world[:1], 12, axis=0)
    assert troubles(check_poses, filmed(poses=poses)) == {"poses.frozen": Severity.WARNING}


def test_poses_cannot_be_tested_without_depth_and_that_is_told() -> None:
    (finding,) = check_poses(filmed(depth=None))
    assert (finding.severity, finding.value) == (Severity.OK, "not tested: that takes depth")


def test_depth_in_millimetres_taken_for_metres() -> None:
    well = filmed()
    (looked_at,) = well.cameras
    pictures = tuple(
        replace(p, depth_m=p.depth_m * 1000) for p in looked_at.pictures if p.depth_m is not None
    )
    found = troubles(check_poses, replace(well, cameras=(replace(looked_at, pictures=pictures),)))
    assert found == {"poses.depth_scale": Severity.ERROR}


def test_the_right_poses_win_the_vote_and_fit_best() -> None:
    clip = moving_clip()
    a, b = (
        make_view(clip.frames[i], np.array(clip.depth)[i], clip.camera, clip.camera_to_world[i])
        for i in (0, 2)
    )
    right = (a.camera_to_world, b.camera_to_world)
    exchanged = (b.camera_to_world, a.camera_to_world)
    assert vote(a, b, *right) > 0.8
    assert vote(a, b, *exchanged) < 0.5
    assert misfit(a, b, *right) < 0.6 * misfit(a, b, np.eye(4), np.eye(4)) < misfit(a, b, *exchanged)


def test_poses_that_carry_all_that_tells_out_of_the_picture_do_not_win() -> None:
    """The left third is plain: shifted so that only that is compared, the pictures would fit perfectly."""
    rng = np.random.default_rng(0)
    rgb = np.full((180, 240, 3), 100, np.uint8)
    rgb[:, 80:] = rng.integers(0, 256, (180, 160, 1), dtype=np.uint8).repeat(3, axis=2)
    pinhole = moving_clip().camera
    away = np.eye(4)
    away[0, 3] = -160 / pinhole.fx
    deep = np.ones((180, 240), np.float32)
    a, b = (make_view(rgb, deep, pinhole, np.eye(4)) for _ in range(2))
    assert misfit(a, b, away, np.eye(4)) > 0.4 * contrast(a)
    assert misfit(a, b, np.eye(4), away) > 0.4 * contrast(a)
