"""A ball in a box, marched through and cast: colours, depth and coverage as geometry has them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.rendering.coverage import seen_from
from anyview_ros.rendering.grids import GridField, corner_coordinates, decoded, summed_grids
from anyview_ros.rendering.ray_casting import RayCaster
from anyview_ros.rendering.ray_marching import render_rays
from anyview_ros.rendering.space import Space

CPU = torch.device("cpu")
BOX = Space("box", np.eye(4), -np.ones(3), np.ones(3))
CAMERA = PinholeCamera.from_fov(24, 24, horizontal_fov_deg=50)
POSE = look_at((-3.0, 0.0, 0.0), (0.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def ball() -> GridField:
    """A red ball of radius 0.5 before a blue backdrop on the walls of the box."""
    field = GridField((41, 41, 41))
    where = corner_coordinates((41, 41, 41), CPU)
    radius = where.norm(dim=-1).view(41, 41, 41)
    with torch.no_grad():
        field.grids[0].zero_()
        finest = field.grids[-1]
        finest[0, 0] = torch.where(radius < 0.5, 6.0, -12.0)
        finest[0, 1] = torch.where(radius < 0.7, 8.0, -8.0)
        finest[0, 3] = -finest[0, 1]
    return field


def rays(camera: PinholeCamera, pose: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    v, u = np.mgrid[: camera.height, : camera.width]
    pixels = np.stack([u.ravel(), v.ravel()], -1).astype(float)
    directions = camera.unproject(pixels, np.ones(len(pixels))) @ pose[:3, :3].T
    origins = np.broadcast_to(pose[:3, 3], directions.shape).copy()
    return torch.from_numpy(origins).float(), torch.from_numpy(directions).float()


def look_up_of(field: GridField):
    def look_up(coordinates: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        density, colour = decoded(field.still_values(coordinates.reshape(-1, 3)))
        return density.view(coordinates.shape[:2]), colour.view(coordinates.shape)

    return look_up


def test_rays_show_the_ball_before_the_backdrop(ball: GridField) -> None:
    with torch.no_grad():
        seen = render_rays(look_up_of(ball), BOX, *rays(CAMERA, POSE), 64)
    colour = seen.colour.view(24, 24, 3)
    torch.testing.assert_close(colour[12, 12], torch.tensor([1.0, 0.5, 0.0]), atol=0.02, rtol=0)
    torch.testing.assert_close(colour[4, 12], torch.tensor([0.0, 0.5, 1.0]), atol=0.02, rtol=0)
    depth = seen.weights.expected(seen.depths).view(24, 24)
    assert float(depth[12, 12]) == pytest.approx(2.5, abs=0.06)
    assert float(depth[4, 12]) == pytest.approx(CAMERA.fy / 7.5, rel=0.01)  # the ceiling, 1 m up, 7.5 rows up


def test_gradients_reach_the_field(ball: GridField) -> None:
    render_rays(look_up_of(ball), BOX, *rays(CAMERA, POSE), 32).colour.sum().backward()
    gradient = ball.grids[-1].grad
    assert gradient is not None
    assert gradient.abs().sum() > 0
    ball.zero_grad()


def test_casting_shows_what_marching_shows(ball: GridField) -> None:
    baked = torch.cat([summed_grids(ball.grids), torch.ones(1, 1, 41, 41, 41)], 1)
    image, confidence, depth = RayCaster(BOX).picture(baked, CAMERA, POSE)
    with torch.no_grad():
        marched = render_rays(look_up_of(ball), BOX, *rays(CAMERA, POSE), 96)
    apart = np.abs(image / 255 - marched.colour.view(24, 24, 3).numpy())
    assert np.median(apart) < 0.01
    assert apart.mean() < 0.03
    assert confidence.min() > 0.95
    assert float(depth[12, 12]) == pytest.approx(2.5, abs=0.06)


def test_only_what_lies_before_the_surface_is_seen(ball: GridField) -> None:
    baked = torch.cat([summed_grids(ball.grids), torch.ones(1, 1, 41, 41, 41)], 1)
    _, _, depth = RayCaster(BOX).picture(baked, CAMERA, POSE)
    seen = seen_from(BOX, (41, 41, 41), depth, CAMERA, POSE, CPU)
    assert seen.shape == (41, 41, 41)
    assert seen[20, 20, 5] == 255  # (-0.75, 0, 0), before the ball
    assert seen[20, 20, 20] == 0  # its middle
    assert seen[20, 20, 35] == 0  # behind it
    assert seen[20, 38, 35] == 255  # beside it, at the backdrop


def test_summed_grids_are_the_field_at_its_corners() -> None:
    field = GridField((9, 7, 11))
    with torch.no_grad():
        for index, grid in enumerate(field.grids):
            grid.normal_(0, 1, generator=torch.Generator().manual_seed(index))
    where = corner_coordinates((11, 7, 9), CPU)
    torch.testing.assert_close(
        summed_grids(field.grids)[0].flatten(1).T, field.still_values(where).detach(), atol=1e-4, rtol=1e-4
    )
