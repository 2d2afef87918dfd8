"""Coordinates and rays of frusta and boxes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import numbers

from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import look_at
from anyview_ros.rendering.space import Space

SPACES = (
    Space("box", np.eye(4), np.array([-1.0, -2.0, 0.5]), np.array([1.5, 2.0, 3.0])),
    Space("frustum", np.eye(4), np.array([-0.6, -0.4, np.log(0.5)]), np.array([0.7, 0.5, np.log(4.0)])),
)


@pytest.mark.parametrize("space", SPACES, ids=["box", "frustum"])
def test_points_and_coordinates_are_inverse(space: Space) -> None:
    coordinates = torch.rand(200, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    torch.testing.assert_close(space.coordinates(space.points(coordinates)), coordinates)


@pytest.mark.parametrize("space", SPACES, ids=["box", "frustum"])
@given(
    st.tuples(*[numbers(-3, 3)] * 3),
    st.tuples(*[numbers(-1, 1)] * 3).filter(lambda d: np.linalg.norm(d) > 0.1),
)
def test_rays_are_inside_between_the_crossings_and_nowhere_else(space: Space, origin, direction) -> None:
    o, d = torch.tensor([origin]).double(), torch.tensor([direction]).double()
    near, far = space.crossing(o, d)
    assert 0 < near.item() < far.item()
    steps = torch.linspace(0.021, 12, 800, dtype=torch.float64)
    points = o + steps[:, None] * d
    inside = (space.coordinates(points).abs() <= 1).all(-1)
    if space.kind == "frustum":
        inside &= points[:, 2] > 0
    tolerance = 1e-6 + 1e-3 * (far / near < 1.001).double()  # rays that miss get a sliver
    within = (steps >= near - tolerance) & (steps <= far + tolerance)
    assert not (inside & ~within).any()
    clearly = (steps > near + 1e-6) & (steps < far - 1e-6) & (far > near * 1.001)
    assert not (clearly & ~inside).any()


def test_cells_are_cubes_and_about_as_many_as_asked_for() -> None:
    space = SPACES[0]
    shape = space.grid_shape(10_000)
    edges = (space.high - space.low) / shape
    assert edges.max() / edges.min() < 1.1
    assert np.prod(shape) == pytest.approx(10_000, rel=0.15)


def test_a_space_survives_json() -> None:
    space = SPACES[1]
    again = Space.from_dict(json.loads(json.dumps(space.as_dict())))
    assert again.kind == space.kind
    for name in ("anchor_to_world", "low", "high"):
        np.testing.assert_array_equal(getattr(again, name), getattr(space, name))


def test_an_anchor_elsewhere_moves_poses_only() -> None:
    pose = look_at((0.1, 0.2, 0.3), (1, 2, 0))
    space = Space("box", pose, -np.ones(3), np.ones(3))
    np.testing.assert_allclose(space.to_anchor(pose), np.eye(4), atol=1e-12)


def test_an_empty_space_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="the scene's space is empty"):
        Space("box", np.eye(4), np.zeros(3), np.array([1.0, 0.0, 1.0]))
