from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import numbers, poses

from anyview_ros.errors import InvalidInputError, InvalidPoseError
from anyview_ros.geometry import PinholeCamera, RigidTransform, look_at
from anyview_ros.geometry.assumed_depth import constant_depth, plane_depth
from anyview_ros.geometry.warp import co_visible, forward_warp, inverse_warp

CAMERA = PinholeCamera(60.0, 60.0, 31.5, 23.5, 64, 48)
HERE = np.eye(4)


def shifted(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, 3] = x, y, z
    return pose


def noise_image(camera: PinholeCamera = CAMERA, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (camera.height, camera.width, 3), np.uint8)


def painted(points: np.ndarray) -> np.ndarray:
    """A smooth texture in space: colours of world points (..., 3)."""
    waves = np.stack(
        [points @ (2.0, 0.6, 0.3), points @ (-0.7, 1.7, 0.2), points @ (0.9, -1.1, 0.8)], axis=-1
    )
    return np.rint(127.5 + 120 * np.sin(waves)).astype(np.uint8)


def view_of_plane(
    camera: PinholeCamera, pose: np.ndarray, point: np.ndarray, normal: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    depth = plane_depth(camera, pose, point, normal)
    grid = np.stack(np.meshgrid(np.arange(camera.width), np.arange(camera.height)), axis=-1)
    points = camera.unproject(grid, depth) @ pose[:3, :3].T + pose[:3, 3]
    return np.where(depth[..., None] > 0, painted(points), 0).astype(np.uint8), depth


def table() -> tuple[np.ndarray, np.ndarray]:
    return np.array([0.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])


def box_before_wall() -> np.ndarray:
    depth = np.full((48, 64), 4.0, np.float32)
    depth[16:32, 24:40] = 2.0
    return depth


def test_seen_from_where_it_was_taken_it_is_itself() -> None:
    image, depth = noise_image(), box_before_wall()
    warped = forward_warp(image, depth, CAMERA, HERE, CAMERA, HERE)
    assert warped.coverage.all()
    assert np.abs(warped.image.astype(int) - image).max() <= 1
    np.testing.assert_allclose(warped.depth, depth, rtol=1e-5)
    np.testing.assert_allclose(warped.stretch, 1, rtol=1e-5)


def test_a_sideways_step_shifts_a_wall_by_its_disparity() -> None:
    image, depth = noise_image(), constant_depth(CAMERA, 3.0)
    warped = forward_warp(image, depth, CAMERA, HERE, CAMERA, shifted(x=0.5))  # 60 * 0.5 / 3 = 10 pixels
    assert np.abs(warped.image[:, :54].astype(int) - image[:, 10:]).max() <= 1
    assert warped.coverage[:, :54].all()
    assert not warped.coverage[:, 55:].any()
    assert (warped.image[:, 55:] == 0).all()
    assert (warped.depth[:, 55:] == 0).all()


@given(
    eye=st.tuples(numbers(-0.6, 0.6), numbers(-0.6, 0.6), numbers(0.8, 2.5)),
    aim=st.tuples(numbers(-0.3, 0.3), numbers(-0.3, 0.3)),
    tilt=numbers(-math.pi, math.pi),
)
@settings(max_examples=40)
def test_a_plane_is_seen_whole_and_where_it_is(
    eye: tuple[float, float, float], aim: tuple[float, float], tilt: float
) -> None:
    point, normal = table()
    up = (math.cos(tilt), math.sin(tilt), 0.0)
    source_pose = look_at((0.3, -0.5, 1.6), (0.0, 0.0, 0.0))
    target_pose = look_at(eye, (*aim, 0.0), up)
    assume(target_pose[2, 2] < -0.5)  # looks down by 30 degrees or more
    image, depth = view_of_plane(CAMERA, source_pose, point, normal)
    truth, true_depth = view_of_plane(CAMERA, target_pose, point, normal)
    warped = forward_warp(image, depth, CAMERA, source_pose, CAMERA, target_pose)
    sees = co_visible(true_depth, CAMERA, target_pose, depth, CAMERA, source_pose)
    assert (warped.coverage | ~sees).mean() == 1
    np.testing.assert_allclose(warped.depth[sees], true_depth[sees], rtol=2e-3)
    assert np.abs(warped.image[sees].astype(int) - truth[sees]).mean() < 1.0
    assert np.abs(warped.image[sees].astype(int) - truth[sees]).max() < 12


@pytest.mark.parametrize("closer_m", [1.0, 1.5, 1.8])
def test_coming_closer_leaves_no_cracks(closer_m: float) -> None:
    image, depth = noise_image(), constant_depth(CAMERA, 2.0)
    warped = forward_warp(image, depth, CAMERA, HERE, CAMERA, shifted(z=closer_m))
    assert warped.coverage.all()
    np.testing.assert_allclose(warped.stretch, 2 / (2 - closer_m), rtol=1e-4)
    np.testing.assert_allclose(warped.depth, 2 - closer_m, rtol=1e-4)


@pytest.mark.parametrize("rolled", [False, True])
@pytest.mark.parametrize(("fx", "fy", "stretch"), [(120, 60, 2), (60, 120, 2), (60, 60, 1), (120, 30, 2)])
def test_the_larger_side_of_a_pixel_is_its_stretch(
    fx: float, fy: float, stretch: float, *, rolled: bool
) -> None:
    target, pose = PinholeCamera(fx, fy, 31.5, 23.5, 64, 48), np.eye(4)
    if rolled:
        pose[:2, :2] = [[0, -1], [1, 0]]
    warped = forward_warp(noise_image(), constant_depth(CAMERA, 2.0), CAMERA, HERE, target, pose)
    assert warped.coverage[20:28, 28:36].all()
    np.testing.assert_allclose(warped.stretch[warped.coverage], stretch, rtol=1e-4)


def test_the_nearest_surface_wins_and_what_it_hid_stays_open() -> None:
    depth = box_before_wall()
    image = np.where(depth[..., None] < 3, (250, 0, 0), (0, 0, 250)).astype(np.uint8)
    warped = forward_warp(image, depth, CAMERA, HERE, CAMERA, shifted(x=0.4))  # box by 12, wall by 6 pixels
    row = slice(17, 31)
    assert (warped.image[row, 12:28] == (250, 0, 0)).all()
    assert (warped.depth[row, 12:28] < 2.01).all()
    assert (warped.image[row, :12] == (0, 0, 250)).all()
    assert not warped.coverage[row, 28:34].any()  # hidden by the box before
    assert (warped.image[row, 34:57] == (0, 0, 250)).all()


def test_the_order_of_pixels_does_not_decide() -> None:
    depth = np.flip(box_before_wall(), (0, 1)).copy()
    image = np.where(depth[..., None] < 3, (250, 0, 0), (0, 0, 250)).astype(np.uint8)
    left = forward_warp(image, depth, CAMERA, HERE, CAMERA, shifted(x=0.4))
    right = forward_warp(np.fliplr(image), np.fliplr(depth), CAMERA, HERE, CAMERA, shifted(x=-0.4))
    np.testing.assert_array_equal(left.image, np.fliplr(right.image))
    np.testing.assert_array_equal(left.coverage, np.fliplr(right.coverage))


@given(world=poses(reach_m=50))
@settings(max_examples=30)
def test_a_change_of_world_changes_nothing(world: np.ndarray) -> None:
    source_pose, target_pose = look_at((1.0, 0.2, 1.4), (0, 0, 0)), look_at((0.7, 0.5, 1.3), (0.1, 0, 0))
    image, depth = view_of_plane(CAMERA, source_pose, *table())
    depth[10:20, 30:40] *= 0.7
    before = forward_warp(image, depth, CAMERA, source_pose, CAMERA, target_pose)
    after = forward_warp(image, depth, CAMERA, world @ source_pose, CAMERA, world @ target_pose)
    assert (before.coverage == after.coverage).mean() > 0.999
    both = before.coverage & after.coverage
    assert np.abs(before.image[both].astype(int) - after.image[both]).max() <= 1


def test_what_is_behind_the_camera_or_shows_its_back_is_left_out() -> None:
    image, depth = noise_image(), constant_depth(CAMERA, 2.0)
    assert not forward_warp(image, depth, CAMERA, HERE, CAMERA, shifted(z=3)).coverage.any()
    turned = RigidTransform.from_quaternion([0, 1, 0, 0], [0, 0, 4]).matrix
    assert not forward_warp(image, depth, CAMERA, HERE, CAMERA, turned).coverage.any()


@pytest.mark.parametrize("unknown", [0.0, math.nan, math.inf, -1.0])
def test_unknown_depth_draws_nothing(unknown: float) -> None:
    image, depth = noise_image(), constant_depth(CAMERA, 2.0)
    depth[20:30, 20:30] = unknown
    warped = forward_warp(image, depth, CAMERA, HERE, CAMERA, HERE)
    assert not warped.coverage[21:29, 21:29].any()
    assert warped.coverage[:19].all()
    assert np.isfinite(warped.depth).all()
    nothing = forward_warp(image, np.full_like(depth, unknown), CAMERA, HERE, CAMERA, shifted(x=1))
    assert not nothing.coverage.any()


def test_pixels_that_float_between_surfaces_are_left_out() -> None:
    image, depth = noise_image(), constant_depth(CAMERA, 2.0)
    depth[20, 20] = 1.0
    warped = forward_warp(image, depth, CAMERA, HERE, CAMERA, HERE)
    assert not warped.coverage[20, 20]
    assert warped.coverage.sum() == warped.coverage.size - 1


def test_noise_in_the_depth_tears_no_holes() -> None:
    noise = 1 + 0.006 * np.random.default_rng(3).standard_normal((48, 64)).astype(np.float32)
    warped = forward_warp(noise_image(), noise * 2, CAMERA, HERE, CAMERA, shifted(x=1.0))  # 30 +- 0.2 pixels
    assert warped.coverage[:, :32].mean() > 0.995
    np.testing.assert_allclose(warped.depth[warped.coverage], 2, rtol=0.03)


def test_colours_do_not_bleed_over_depth_edges() -> None:
    depth = box_before_wall()
    image = np.where(depth[..., None] < 3, (250, 0, 0), (0, 0, 250)).astype(np.uint8)
    warped = forward_warp(image, depth, CAMERA, HERE, CAMERA, shifted(x=0.415, y=0.013))
    red, blue = (warped.image == (250, 0, 0)).all(axis=-1), (warped.image == (0, 0, 250)).all(axis=-1)
    np.testing.assert_array_equal(red | blue, warped.coverage)
    np.testing.assert_array_equal(warped.depth[red] < 3, True)


def test_a_floor_seen_at_a_grazing_angle_stays_whole() -> None:
    low, ahead = look_at((0, 0, 0.5), (1, 0, 0.5)), look_at((0.4, 0, 0.9), (1.4, 0, 0.7))
    image, depth = view_of_plane(CAMERA, low, *table())
    _, true_depth = view_of_plane(CAMERA, ahead, *table())
    sees = co_visible(true_depth, CAMERA, ahead, depth, CAMERA, low)
    sees &= true_depth < 1.9
    warped = forward_warp(image, depth, CAMERA, low, CAMERA, ahead)
    assert sees.mean() > 0.1
    assert warped.coverage[sees].all()
    np.testing.assert_allclose(warped.depth[sees], true_depth[sees], rtol=0.03)


def test_a_true_gap_is_not_closed() -> None:
    depth = constant_depth(CAMERA, 2.0)
    depth[:, 31] = 6.0
    image = np.where(depth[..., None] > 3, (0, 0, 250), (250, 0, 0)).astype(np.uint8)
    warped = forward_warp(image, depth, CAMERA, HERE, CAMERA, HERE)
    assert (warped.image[:, 31] == (0, 0, 250)).all()


def test_fine_texture_seen_from_afar_turns_to_its_mean() -> None:
    checks = np.indices((48, 64)).sum(axis=0) % 2 * 255
    image = np.repeat(checks[..., None], 3, axis=2).astype(np.uint8)
    on_centres = PinholeCamera(
        60.0, 60.0, 31.625, 23.625, 64, 48
    )  # where sampling would meet whole source pixels
    warped = forward_warp(image, constant_depth(CAMERA, 1.0), CAMERA, HERE, on_centres, shifted(z=-3))
    assert warped.coverage.sum() == pytest.approx(64 * 48 / 16, rel=0.2)
    assert np.abs(warped.image[warped.coverage].astype(int) - 128).max() <= 2


def test_what_is_shrunk_before_it_is_sampled_stays_in_its_place() -> None:
    """A ramp to the right and one downwards, seen from four times as far."""
    v, u = np.mgrid[:48, :64]
    image = np.stack([3 * u, 4 * v, 0 * u], axis=-1).astype(np.uint8)
    afar = shifted(z=-3)
    warped = forward_warp(image, constant_depth(CAMERA, 1.0), CAMERA, HERE, CAMERA, afar)
    rows, columns = np.nonzero(warped.coverage)
    inside = (columns > 25) & (columns < 38) & (rows > 19) & (rows < 28)
    rows, columns = rows[inside], columns[inside]
    seen = warped.image[rows, columns].astype(int)
    np.testing.assert_allclose(seen[:, 0], 3 * (31.5 + 4 * (columns - 31.5)), atol=1.1)
    np.testing.assert_allclose(seen[:, 1], 4 * (23.5 + 4 * (rows - 23.5)), atol=1.1)


def test_targets_of_another_size_and_intrinsics() -> None:
    target = PinholeCamera(90.0, 80.0, 40.0, 20.0, 100, 50)
    source_pose, target_pose = look_at((0.3, -0.5, 1.6), (0, 0, 0)), look_at((0.1, -0.3, 1.4), (0, 0, 0))
    image, depth = view_of_plane(CAMERA, source_pose, *table())
    truth, true_depth = view_of_plane(target, target_pose, *table())
    warped = forward_warp(image, depth, CAMERA, source_pose, target, target_pose)
    sees = co_visible(true_depth, target, target_pose, depth, CAMERA, source_pose)
    assert warped.image.shape == (50, 100, 3)
    assert warped.coverage[sees].all()
    assert np.abs(warped.image[sees].astype(int) - truth[sees]).mean() < 1.0


def test_backward_sampling_of_a_plane() -> None:
    source_pose, target_pose = look_at((0.3, -0.5, 1.6), (0, 0, 0)), look_at((-0.3, -0.4, 1.5), (0, 0, 0))
    image, _ = view_of_plane(CAMERA, source_pose, *table())
    truth, true_depth = view_of_plane(CAMERA, target_pose, *table())
    warped, valid = inverse_warp(image, true_depth, CAMERA, source_pose, CAMERA, target_pose)
    assert 0.5 < valid.mean() < 1
    assert np.abs(warped[valid].astype(int) - truth[valid]).max() <= 3
    assert (warped[~valid] == 0).all()


def test_backward_sampling_at_unknown_depth_is_not_valid() -> None:
    depth = constant_depth(CAMERA, 2.0)
    depth[5, 6], depth[7, 8] = 0, math.nan
    warped, valid = inverse_warp(noise_image(), depth, CAMERA, HERE, CAMERA, HERE)
    assert set(zip(*np.nonzero(~valid), strict=True)) == {(5, 6), (7, 8)}
    assert np.abs(warped[valid].astype(int) - noise_image()[valid]).max() <= 1


def test_co_visible_leaves_out_what_the_source_does_not_see() -> None:
    source_depth = box_before_wall()
    target_pose = shifted(x=0.4)
    target_depth = np.full((48, 64), 4.0, np.float32)
    target_depth[16:32, 12:28] = 2.0
    sees = co_visible(target_depth, CAMERA, target_pose, source_depth, CAMERA, HERE)
    assert sees[16:32, 12:28].all()
    assert not sees[17:31, 28:34].any()  # behind the box, for the source
    assert sees[:15, :57].all()
    assert not sees[:, 59:].any()  # beyond the source's image
    assert co_visible(target_depth, CAMERA, target_pose, target_depth * 0, CAMERA, HERE).sum() == 0


def test_co_visible_allows_what_its_tolerance_says() -> None:
    depth = constant_depth(CAMERA, 2.0)
    assert co_visible(depth * 1.015, CAMERA, HERE, depth, CAMERA, HERE, tolerance=0.02).all()
    assert not co_visible(depth * 1.03, CAMERA, HERE, depth, CAMERA, HERE, tolerance=0.02).any()
    with pytest.raises(InvalidInputError, match="tolerance is 0"):
        co_visible(depth, CAMERA, HERE, depth, CAMERA, HERE, tolerance=0)


def test_input_that_does_not_fit() -> None:
    image, depth = noise_image(), constant_depth(CAMERA, 2.0)
    with pytest.raises(InvalidInputError, match=r"image must be uint8 \(48, 64, 3\)"):
        forward_warp(image[:40], depth, CAMERA, HERE, CAMERA, HERE)
    with pytest.raises(InvalidInputError, match="got float64"):
        forward_warp(image / 255, depth, CAMERA, HERE, CAMERA, HERE)
    with pytest.raises(InvalidInputError, match="millimetres"):
        forward_warp(image, depth.astype(np.uint16), CAMERA, HERE, CAMERA, HERE)
    with pytest.raises(InvalidInputError, match=r"depth must be float32 \(48, 64\)"):
        inverse_warp(image, depth[:, :5], CAMERA, HERE, CAMERA, HERE)
    with pytest.raises(InvalidPoseError, match="target_camera_to_world must be one pose"):
        forward_warp(image, depth, CAMERA, HERE, CAMERA, np.stack([HERE, HERE]))
    with pytest.raises(InvalidPoseError, match="source_camera_to_world"):
        forward_warp(image, depth, CAMERA, HERE * 2, CAMERA, HERE)
