import numpy as np
from hypothesis import given
from strategies import cameras, numbers, poses

from anyview_ros.geometry import (
    PinholeCamera,
    invert_rigid,
    look_at,
    pixel_grid,
    plucker_rays,
    ray_directions,
)

SMALL = PinholeCamera(6.0, 5.0, 2.5, 1.5, 7, 4)


def test_grid_holds_column_then_row():
    grid = pixel_grid(SMALL)
    assert grid.shape == (4, 7, 2)
    assert grid[3, 6].tolist() == [6, 3]
    assert grid[0, 6].tolist() == [6, 0]


@given(cameras(largest=12), numbers(0.1, 50))
def test_rays_pass_through_their_pixels(camera, depth):
    pixels, z = camera.project(ray_directions(camera) * depth)
    np.testing.assert_allclose(pixels, pixel_grid(camera), atol=1e-9)
    np.testing.assert_allclose(z, depth)


@given(cameras(largest=12))
def test_unit_rays_are_the_same_rays_of_length_one(camera):
    unit = ray_directions(camera, unit=True)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=-1), 1)
    np.testing.assert_allclose(unit / unit[..., 2:], ray_directions(camera))


@given(poses(), numbers(0.1, 50))
def test_directions_of_the_world_reproject_to_their_pixels(pose, distance):
    directions = plucker_rays(SMALL, pose)[..., :3]
    np.testing.assert_allclose(np.linalg.norm(directions, axis=-1), 1)
    points = pose[:3, 3] + distance * directions
    inverse = invert_rigid(pose)
    pixels, _ = SMALL.project(points @ inverse[:3, :3].T + inverse[:3, 3])
    np.testing.assert_allclose(pixels, pixel_grid(SMALL), atol=1e-9)


@given(poses(), numbers(-30, 30))
def test_moment_is_that_of_any_point_of_the_ray(pose, along):
    direction, moment = np.split(plucker_rays(SMALL, pose), 2, axis=-1)
    points = pose[:3, 3] + along * direction
    np.testing.assert_allclose(np.cross(points, direction), moment, atol=1e-10)


@given(poses(), poses())
def test_rays_of_a_moved_world_are_the_moved_rays(pose, world):
    """Pluecker coordinates under a rigid change of world: d' = R d, m' = R m + t x R d."""
    direction, moment = np.split(plucker_rays(SMALL, pose), 2, axis=-1)
    moved_direction, moved_moment = np.split(plucker_rays(SMALL, world @ pose), 2, axis=-1)
    turned = direction @ world[:3, :3].T
    np.testing.assert_allclose(moved_direction, turned, atol=1e-12)
    expected = moment @ world[:3, :3].T + np.cross(world[:3, 3], turned)
    np.testing.assert_allclose(moved_moment, expected, atol=1e-9)


def test_moments_are_scaled_and_poses_batched():
    batch = np.stack([look_at((k, 1, 2), (0, 0, 0)) for k in range(1, 7)]).reshape(2, 3, 4, 4)
    rays = plucker_rays(SMALL, batch, moment_scale=0.5)
    assert rays.shape == (2, 3, 4, 7, 6)
    single = plucker_rays(SMALL, batch[1, 2])
    np.testing.assert_allclose(rays[1, 2, ..., :3], single[..., :3], atol=1e-15)
    np.testing.assert_allclose(rays[1, 2, ..., 3:], 0.5 * single[..., 3:], atol=1e-15)
