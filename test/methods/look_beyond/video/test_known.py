from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from clips import pose_at

from anyview_ros.geometry import PinholeCamera, RigidTransform
from anyview_ros.methods.look_beyond.video.known import (
    Anchor,
    known_of,
    moved,
    relative_rays,
    signed,
    unsigned,
)

CAMERA = PinholeCamera(24.0, 20.0, 11.5, 7.5, 24, 16)
MOVED = RigidTransform.from_quaternion(
    np.array([0.2, -0.3, 0.1, np.sqrt(1 - 0.14)]), [200.0, -30.0, 5.0]
).matrix


def anchor(*, depth_m: float | None = 2.0, pose: np.ndarray | None = None) -> Anchor:
    image = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)
    depth = None if depth_m is None else np.full((16, 24), depth_m, np.float32)
    return Anchor(image, np.ones((16, 24), np.bool_), depth, CAMERA, np.eye(4) if pose is None else pose)


def poses(*xs: float) -> np.ndarray:
    return np.stack([pose_at(x=x) for x in xs])


def test_pictures_survive_the_way_to_signed_numbers_and_back() -> None:
    pictures = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 16, 16, 3)
    assert signed(pictures).min() == -1
    assert signed(pictures).max() == 1
    np.testing.assert_array_equal(unsigned(signed(pictures)), pictures)


def test_a_keyframe_sees_itself_and_moves_by_its_depth() -> None:
    shown = moved(anchor(), poses(0, 2.0 * 6 / 24))  # six pixels to the left at 2 m
    np.testing.assert_array_equal(shown.base[0], anchor().image)
    assert shown.seen[0].all()
    np.testing.assert_array_equal(shown.base[1][:, :18], anchor().image[:, 6:])
    assert shown.seen[1][:, :18].all()
    assert not shown.seen[1][:, 18:].any()


def test_what_it_does_not_know_is_filled_and_not_seen() -> None:
    mask = np.ones((16, 24), np.bool_)
    mask[:, 16:] = False
    image = np.full((16, 24, 3), 200, np.uint8)
    image[:, 16:] = 0
    torn = replace(anchor(), image=image, mask=mask)
    shown = moved(torn, poses(0, 0.1))
    assert (shown.base > 150).all()
    np.testing.assert_array_equal(shown.seen[0], mask)
    assert not shown.seen[1][:, 16:].any()


def test_without_depth_nothing_is_seen_elsewhere() -> None:
    shown = moved(anchor(depth_m=None), poses(0, 0.1))
    assert shown.seen[0].all()
    assert not shown.seen[1].any()
    np.testing.assert_array_equal(shown.base[1], anchor().image)


def test_nothing_known_is_grey() -> None:
    nothing = replace(anchor(), mask=np.zeros((16, 24), np.bool_))
    assert (moved(nothing, poses(0, 0.1)).base == 128).all()


def test_rays_do_not_know_the_world_frame_or_its_scale() -> None:
    way = poses(0, 0.2, 0.5)
    once = relative_rays(anchor(), way)
    np.testing.assert_allclose(relative_rays(anchor(pose=MOVED), MOVED @ way), once, atol=1e-4)
    larger = way.copy()
    larger[:, :3, 3] *= 5
    np.testing.assert_allclose(relative_rays(anchor(depth_m=10.0), larger), once, atol=1e-5)
    assert np.abs(once[2] - once[1]).max() > 0.05
    assert np.abs(once[0, 3:]).max() == 0


def test_the_rays_of_a_far_away_camera_stay_bounded() -> None:
    assert np.abs(relative_rays(anchor(), poses(0, 1000))).max() <= 4


def test_withholding_the_keyframe_leaves_the_cameras() -> None:
    known = known_of(anchor(), poses(0, 0.2))
    without = known.without_picture()
    for name in ("base", "seen", "anchor", "mask"):
        assert getattr(known, name).abs().max() > 0
        assert getattr(without, name).abs().max() == 0
    torch.testing.assert_close(without.rays, known.rays)


def test_each_pass_of_a_batch_may_be_withheld() -> None:
    one = known_of(anchor(), poses(0, 0.2))
    both = type(one)(**{name: torch.cat([value, value]) for name, value in vars(one).items()})
    kept = both.with_pictures(torch.tensor([1.0, 0.0]).reshape(2, 1, 1, 1))
    torch.testing.assert_close(kept.base[0], one.base[0])
    assert kept.base[1].abs().max() == 0


@pytest.mark.parametrize("depth", [None, np.zeros((16, 24), np.float32)])
def test_the_middle_depth_of_a_keyframe_without_depth_is_1(depth: np.ndarray | None) -> None:
    assert replace(anchor(), depth=depth).middle_depth == 1.0
