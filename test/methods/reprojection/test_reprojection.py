from __future__ import annotations

import numpy as np
import pytest
from clips import CAMERA, box_clip, pose_at, sideways

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import CameraTrajectory, look_at
from anyview_ros.methods.reprojection import Reprojection, ReprojectionOptions
from anyview_ros.synthesis import SynthesisRequest, SynthesizedView


def view_of(request: SynthesisRequest) -> SynthesizedView:
    return Reprojection().synthesize(request).views[0]


def test_seen_holes_and_what_lies_off_the_image_are_told_apart() -> None:
    view = view_of(SynthesisRequest((box_clip(1),), (sideways(1, x=0.4),)))  # box by 12 pixels, wall by 6
    confidence, depth = view.confidence[0], view.depth
    assert depth is not None
    np.testing.assert_allclose(confidence[17:31, 12:28], 1, atol=1e-5)
    np.testing.assert_allclose(depth[0, 17:31, 12:28], 2, rtol=1e-5)
    assert (depth[0, 17:31, 28:34] == 0).all()
    assert (confidence[17:31, 28:34] <= 0.5).all()
    assert (confidence[17:31, 28:34] > 0).all()
    assert view.frames[0, 17:31, 28:34].min() >= 0
    wall = view.frames[0, 17:31, 28:34].astype(float).mean()
    assert 10 < wall < 50  # filled, not black


def test_far_from_what_was_seen_confidence_is_zero() -> None:
    view = view_of(SynthesisRequest((box_clip(1),), (sideways(1, x=2.0),)))  # wall by 30 pixels
    assert (view.confidence[0, :14, 36:] < 0.5).all()
    assert (view.confidence[0, :, 53:] == 0).all()
    assert (view.frames[0, :, 53:] > 0).any()


def test_holes_may_be_left_open() -> None:
    request = SynthesisRequest((box_clip(1),), (sideways(1, x=0.4),), options={"fill_holes": False})
    view = view_of(request)
    assert (view.frames[0, 17:31, 28:34] == 0).all()
    assert (view.confidence[0, 17:31, 28:34] == 0).all()


def test_magnified_pixels_count_for_less() -> None:
    target = CameraTrajectory(CAMERA, pose_at(z=1.0)[None])
    confidence = view_of(SynthesisRequest((box_clip(1),), (target,))).confidence[0]
    assert confidence[24, 32] == pytest.approx(1 / 2, rel=1e-3)  # the box: from 2 m to 1 m
    assert confidence[2, 2] == pytest.approx(3 / 4, rel=1e-3)  # the wall: from 4 m to 3 m


def test_a_second_source_sees_behind_the_box() -> None:
    one, other = box_clip(1), box_clip(1, x=0.4)
    wall = np.full((1, 48, 64), 4.0, np.float32)
    wall[:, 16:32, 12:28] = 2.0
    other = PosedClip(other.frames + np.uint8(100), CAMERA, other.camera_to_world, other.stamps_ns, wall)
    alone = view_of(SynthesisRequest((one,), (sideways(1, x=0.4),)))
    both = view_of(SynthesisRequest((one, other), (sideways(1, x=0.4),)))
    assert (alone.confidence[0, 17:31, 28:34] <= 0.5).all()
    np.testing.assert_allclose(both.confidence[0], 1, atol=1e-5)
    assert np.abs(both.frames[0, :, 28:34].astype(int) - other.frames[0, :, 28:34])[17:31].max() <= 1
    assert both.depth is not None
    np.testing.assert_allclose(both.depth[0], wall[0], rtol=1e-5)


def test_of_two_sources_the_nearer_surface_wins() -> None:
    near, far = box_clip(1), box_clip(1)
    far = PosedClip(
        far.frames + np.uint8(100),
        CAMERA,
        far.camera_to_world,
        far.stamps_ns,
        np.full((1, 48, 64), 4.0, np.float32),
    )
    for sources in ((near, far), (far, near)):
        view = view_of(SynthesisRequest(sources, (sideways(1, x=0.0),)))
        assert np.abs(view.frames[0, 16:32, 24:40].astype(int) - near.frames[0, 16:32, 24:40]).max() <= 1


def test_without_depth_the_user_must_say_what_to_assume() -> None:
    request = SynthesisRequest((box_clip(1, depth=False),), (sideways(1),))
    with pytest.raises(InvalidRequestError, match=r"no depth.*depth_m.*plane_point"):
        view_of(request)
    with (
        Reprojection().open_stream(CAMERA, (CAMERA,)) as stream,
        pytest.raises(InvalidRequestError, match="depth_m"),
    ):
        stream.push(box_clip(1).frames[0], pose_at(), target_camera_to_world=[pose_at()], stamp_ns=1)


def test_an_assumed_depth_shifts_everything_alike_and_counts_half() -> None:
    clip = box_clip(1, depth=False)
    view = view_of(SynthesisRequest((clip,), (sideways(1, x=0.4),), options={"depth_m": 2.4}))  # by 10 pixels
    assert np.abs(view.frames[0, :, :54].astype(int) - clip.frames[0, :, 10:]).max() <= 1
    np.testing.assert_allclose(view.confidence[0, :, :54], 0.5, atol=1e-5)
    assert (view.confidence[0, :, 55:] <= 0.25).all()
    assert view.depth is None


def test_an_assumed_table_is_a_homography() -> None:
    source, target = look_at((0.2, -0.4, 1.2), (0, 0, 0)), look_at((0.0, -0.5, 1.1), (0, 0, 0))
    frames = np.random.default_rng(0).integers(0, 256, (1, 6, 8, 3)).repeat(8, axis=1).repeat(8, axis=2)
    clip = PosedClip(frames.astype(np.uint8), CAMERA, source[None], np.array([1]))
    options = ReprojectionOptions(plane_point=(0, 0, 0), plane_normal=(0, 0, 1))
    view = view_of(SynthesisRequest((clip,), (CameraTrajectory(CAMERA, target[None]),), options=options))
    columns, rows = np.meshgrid(np.arange(20, 44, 6), np.arange(15, 33, 6))
    rays = CAMERA.unproject(np.stack([columns, rows], -1), np.ones(columns.shape)) @ target[:3, :3].T
    points = target[:3, 3] - rays * (target[2, 3] / rays[..., 2:])
    pixels, _ = CAMERA.project((points - source[:3, 3]) @ source[:3, :3])
    nearest = np.rint(pixels).astype(int)
    inside = np.abs((nearest + 4) % 8 - 4).min(axis=-1) >= 2  # away from the borders of the texture's squares
    expected = clip.frames[0][nearest[..., 1], nearest[..., 0]]
    assert inside.sum() >= 3
    assert np.abs(view.frames[0][rows, columns].astype(int) - expected)[inside].max() <= 1


def test_depth_that_is_measured_is_used_before_any_that_is_assumed() -> None:
    request = SynthesisRequest((box_clip(1),), (sideways(1),))
    assumed = SynthesisRequest((box_clip(1),), (sideways(1),), options={"depth_m": 1.0})
    np.testing.assert_array_equal(view_of(request).frames, view_of(assumed).frames)


def test_a_source_that_sees_nothing_gives_black_without_confidence() -> None:
    target = CameraTrajectory(CAMERA, pose_at(z=10)[None])
    view = view_of(SynthesisRequest((box_clip(1),), (target,)))
    assert (view.frames == 0).all()
    assert (view.confidence == 0).all()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"depth_m": 0.0}, "depth_m is 0.0"),
        ({"depth_m": float("nan")}, "depth_m is nan"),
        ({"depth_m": "two"}, "depth_m is 'two'"),
        ({"plane_point": (0, 0, 0)}, "give both or neither"),
        ({"plane_point": (0, 0, 0), "plane_normal": (0, 0, 0)}, "normal is"),
        ({"plane_point": (0, 0), "plane_normal": (0, 0, 1)}, "point must be three"),
        (
            {"depth_m": 1.0, "plane_point": (0, 0, 0), "plane_normal": (0, 0, 1)},
            "a constant depth or a plane",
        ),
        ({"fill_holes": "yes"}, "fill_holes is 'yes'"),
        ({"depht_m": 1.0}, "unknown option 'depht_m'"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, object], word: str) -> None:
    with pytest.raises(InvalidRequestError, match=word):
        view_of(SynthesisRequest((box_clip(1, depth=False),), (sideways(1),), options=options))
