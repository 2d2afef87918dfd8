"""Checks of poses that bags and episodes do not show; those they do are in test/offline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from evidence_maker import START_NS, camera, depth, evidence, stream, troubles
from filmed import moving_clip

from anyview_ros.clips import PosedClip
from anyview_ros.diagnosis import CameraEvidence, Evidence, Origin, Picture, Severity
from anyview_ros.diagnosis.checks.poses import check_poses, simultaneous
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


def test_poses_that_turn_away_are_told_though_too_few_pixels_can_vote() -> None:
    poses = moving_clip().camera_to_world.copy()
    poses[[2, 8]] = poses[[2, 8]] @ np.diag([-1.0, 1.0, -1.0, 1.0])
    (finding,) = check_poses(filmed(poses=poses))
    assert (finding.check, finding.severity) == ("poses.do_not_fit", Severity.WARNING)
    assert "nan" not in finding.value


def test_a_plain_picture_in_which_nothing_can_vote_is_no_trouble() -> None:
    """Noise of a sensor makes pictures fit a little worse once they are carried; that says nothing of the poses."""
    rng = np.random.default_rng(0)
    rows = np.linspace(100, 130, 180)[None, :, None, None]
    frames = np.tile(rows, (2, 1, 240, 3)) + rng.normal(0, 6, (2, 180, 240, 3))
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[1, 1, 3] = 0.05
    seen = PosedClip(
        np.clip(frames, 0, 255).astype(np.uint8),
        moving_clip().camera,
        poses,
        np.array([0, 200_000_000]),
        np.ones((2, 180, 240), np.float32),
    )
    (finding,) = check_poses(evidence(one_of("cam0", seen), origin=Origin.EPISODE, transforms=None))
    assert finding.severity is Severity.OK
    assert "grey levels" in finding.value
    assert "nan" not in finding.value


def one_of(name: str, seen: PosedClip) -> CameraEvidence:
    """A camera that took all pictures of a clip."""
    stamps = START_NS + seen.stamps_ns
    pictures = tuple(
        Picture(int(stamp_ns), rgb, deep, int(stamp_ns), pose)
        for stamp_ns, rgb, deep, pose in zip(
            stamps, seen.frames, np.array(seen.depth), seen.camera_to_world, strict=True
        )
    )
    return camera(
        images=replace(stream(name, sizes=(seen.camera.size,)), stamps_ns=stamps, receipts_ns=stamps),
        calibrations=(Calibration.of_pinhole(seen.camera),),
        pictures=pictures,
        depth=depth(),
        rectified=True,
    )


def widescreen(seen: PosedClip) -> PosedClip:
    """The middle of each picture, 16:9."""
    assert seen.depth is not None
    return PosedClip(
        seen.frames[:, 20:155],
        seen.camera.cropped(0, 20, 240, 135),
        seen.camera_to_world,
        seen.stamps_ns,
        seen.depth[:, 20:155],
    )


def test_cameras_of_different_shape_are_compared_too() -> None:
    front, beside = (cut(clip, slice(0, 3)) for clip in (moving_clip(), widescreen(moving_clip(0.03))))
    well = evidence(one_of("front", front), one_of("beside", beside), origin=Origin.EPISODE, transforms=None)
    (told,) = [finding for finding in check_poses(well) if finding.thing == "front and beside"]
    assert told.severity is Severity.OK
    assert "nan" not in told.value
    moved = beside.camera_to_world.copy()
    moved[:, :3, 3] += 0.06 * moved[:, :3, 0]
    wrong = one_of("beside", replace(beside, camera_to_world=moved))
    (told,) = [
        finding
        for finding in check_poses(replace(well, cameras=(well.cameras[0], wrong)))
        if finding.thing == "front and beside"
    ]
    assert (told.check, told.severity) == ("poses.do_not_fit", Severity.ERROR)


@pytest.mark.parametrize(
    ("first", "second", "pairs"),
    [
        ((1, 2, 3, 4, 5), (3, 4, 5), [(2, 0), (3, 1), (4, 2)]),  # one began later
        ((1, 2, 4, 5), (1, 2, 3, 5), [(0, 0), (1, 1), (3, 3)]),  # each lost one
        ((1, 2, 3), (1.6, 2.6, 3.6), [(1, 0), (2, 1)]),  # released apart
        ((1, 2), (5, 6), []),
    ],
)
def test_stamps_of_one_instant(
    first: tuple[float, ...], second: tuple[float, ...], pairs: list[tuple[int, int]]
) -> None:
    stamps = [[START_NS + round(second * 1e9) for second in seconds] for seconds in (first, second)]
    assert simultaneous(*stamps, period_ns=1e9) == pairs
    assert simultaneous(stamps[0], stamps[0], period_ns=float("nan")) == [(i, i) for i in range(len(first))]


def test_pictures_of_two_cameras_are_compared_by_instant_not_by_number() -> None:
    front, beside = moving_clip(), moving_clip(0.08)

    def told(first: slice, second: slice) -> list[str]:
        cameras = one_of("front", cut(front, first)), one_of("beside", cut(beside, second))
        found = check_poses(evidence(*cameras, origin=Origin.EPISODE, transforms=None))
        return [finding.value for finding in found if finding.thing == "front and beside"]

    (value,) = told(slice(0, 5), slice(3, 8))
    assert value.endswith(", 2 pairs")
    assert told(slice(0, 4), slice(6, 10)) == []


def cut(whole: PosedClip, part: slice) -> PosedClip:
    assert whole.depth is not None
    return PosedClip(
        whole.frames[part],
        whole.camera,
        whole.camera_to_world[part],
        whole.stamps_ns[part],
        whole.depth[part],
    )


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
