"""Monocular depth is brought to metres, with outliers and without, and flat or lonely frames are told."""

from __future__ import annotations

import numpy as np
import pytest
from ddr_scenes import CAMERA, small_clip
from hypothesis import given
from hypothesis import strategies as st
from strategies import numbers

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidInputError, InvalidRequestError
from anyview_ros.methods.ddr.alignment import aligned_clip, solve_scale_shift
from anyview_ros.methods.ddr.triangulation import tracked_depth

MOVING = [(0.06 * i, 0.02 * (i % 2), 0.0) for i in range(6)]
LARGE = CAMERA.resized(96, 72)


def with_depth(clip: PosedClip, depth: np.ndarray | None) -> PosedClip:
    return PosedClip(clip.frames, clip.camera, clip.camera_to_world, clip.stamps_ns, depth)


@given(numbers(0.01, 100), numbers(-2, 2), st.integers(0, 2**31))
def test_scale_and_shift_come_back_whatever_they_are(scale: float, shift: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference = rng.uniform(0.5, 5, 60)
    found = solve_scale_shift((reference - shift) / scale, reference)
    assert found.scale == pytest.approx(scale, rel=1e-6)
    assert found.shift == pytest.approx(shift, abs=1e-6 * max(1, abs(shift)))


def test_a_third_of_outliers_does_no_harm() -> None:
    rng = np.random.default_rng(0)
    reference = rng.uniform(0.5, 5, 300)
    estimate = (reference - 0.3) / 2.5 * (1 + 0.01 * rng.normal(size=300))
    estimate[:100] = rng.uniform(0, 2, 100)
    found = solve_scale_shift(estimate, reference)
    assert found.scale == pytest.approx(2.5, rel=0.03)
    assert found.shift == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize(
    ("estimate", "reference", "complaint"),
    [
        ([1.0], [1.0], "at least two"),
        ([1.0, 2.0], [1.0], "as many of each"),
        ([1.0, np.nan], [1.0, 2.0], "finite"),
        ([1.0, 2.0], [1.0, 0.0], "positive"),
        ([2.0, 2.0, 2.0], [1.0, 2.0, 3.0], "everywhere"),
    ],
)
def test_what_cannot_be_solved_is_refused(estimate, reference, complaint: str) -> None:
    with pytest.raises(InvalidInputError, match=complaint):
        solve_scale_shift(estimate, reference)


def test_tracked_points_have_the_true_depth() -> None:
    clip = small_clip(offsets=MOVING, camera=LARGE)
    found = tracked_depth(with_depth(clip, None))
    assert {one.frame for one in found} == set(range(6))
    errors = []
    for one in found:
        column, row = np.rint(one.pixels).astype(int).T
        errors.append(np.abs(one.depth / clip.depth[one.frame][row, column] - 1))
    assert len(np.concatenate(errors)) > 100
    assert np.median(np.concatenate(errors)) < 0.03


def test_nothing_is_triangulated_without_parallax() -> None:
    clip = small_clip(offsets=[(0, 0, 0)] * 4, camera=LARGE)
    assert sum(len(one.depth) for one in tracked_depth(clip)) == 0


@pytest.mark.parametrize("inverse", [False, True])
def test_each_frame_gets_its_own_scale_and_shift(inverse: bool) -> None:
    clip = small_clip(offsets=MOVING, camera=LARGE)
    rng = np.random.default_rng(1)
    scales = rng.uniform(0.2, 3, 6).astype(np.float32)
    truth = 1 / clip.depth if inverse else clip.depth
    shifts = -rng.uniform(0, 0.2, 6).astype(np.float32)
    estimate = (truth - shifts[:, None, None]) / scales[:, None, None]
    depth, fits = aligned_clip(with_depth(clip, estimate), tracked_depth(clip), inverse=inverse)
    np.testing.assert_allclose([fit.scale for fit in fits], scales, rtol=0.25 if inverse else 0.15)
    assert np.median(np.abs(depth / clip.depth - 1)) < 0.03


def test_frames_without_points_take_over_their_neighbours_fit() -> None:
    clip = small_clip(offsets=MOVING, camera=LARGE)
    references = [one for one in tracked_depth(clip) if one.frame == 0]
    depth, fits = aligned_clip(with_depth(clip, 2 * clip.depth), references)
    assert set(fits) == {fits[0]}
    assert fits[0].scale == pytest.approx(0.5, rel=0.1)
    assert depth.shape == clip.depth.shape


def test_unknown_pixels_stay_unknown() -> None:
    clip = small_clip(offsets=MOVING, camera=LARGE)
    estimate = clip.depth.copy()
    estimate[:, :10] = 0
    depth, _ = aligned_clip(with_depth(clip, estimate), tracked_depth(clip))
    assert (depth[:, :10] == 0).all()
    assert (depth[:, 10:] > 0).all()


def test_depth_that_nothing_agrees_with_is_refused() -> None:
    clip = small_clip(offsets=MOVING, camera=LARGE)
    with pytest.raises(InvalidRequestError, match="no frame has 8 tracked points"):
        aligned_clip(clip, [])
    with pytest.raises(InvalidRequestError, match="no frame has 8 tracked points"):
        aligned_clip(with_depth(clip, np.ones_like(clip.depth)), tracked_depth(clip))
