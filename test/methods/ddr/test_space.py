"""Coordinates and rays of frusta and boxes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from ddr_scenes import CAMERA, poses_at, small_clip
from hypothesis import given
from hypothesis import strategies as st
from strategies import numbers

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import look_at
from anyview_ros.methods.ddr.space import Space, space_around

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


def test_a_camera_that_hardly_moves_gets_a_frustum_that_holds_what_it_sees() -> None:
    clip = small_clip()
    space = space_around([clip], None, "auto")
    assert space.kind == "frustum"
    for index in range(len(clip)):
        pose = space.to_anchor(clip.camera_to_world[index])
        v, u = np.nonzero(clip.depth[index])
        local = CAMERA.unproject(np.stack([u, v], -1).astype(float), clip.depth[index][v, u].astype(float))
        points = torch.from_numpy(local @ pose[:3, :3].T + pose[:3, 3])
        assert (space.coordinates(points).abs() <= 1).all(-1).double().mean() > 0.99


def test_cameras_that_look_from_all_around_get_a_box() -> None:
    poses = np.stack([look_at((2, 0, 1), (0, 0, 0)), look_at((-2, 0.1, 1), (0, 0, 0))])
    clip = small_clip(offsets=[(0, 0, 0)] * 2)
    around = PosedClip(clip.frames, clip.camera, poses, clip.stamps_ns, np.full_like(clip.depth, 2.0))
    space = space_around([around], None, "auto")
    assert space.kind == "box"
    np.testing.assert_allclose(space.anchor_to_world[:3, :3], np.eye(3))
    assert space_around([around], None, "frustum").kind == "frustum"


def test_without_depth_the_range_tells_where_the_space_is() -> None:
    clip = small_clip()
    blind = PosedClip(clip.frames, clip.camera, clip.camera_to_world, clip.stamps_ns)
    space = space_around([blind], (0.8, 3.0), "auto")
    assert np.exp(space.low[2]) == pytest.approx(0.8, rel=0.2)
    assert np.exp(space.high[2]) == pytest.approx(3.0, rel=0.2)
    with pytest.raises(InvalidRequestError, match="no depth"):
        space_around([blind], None, "auto")
    dark = PosedClip(*(blind.frames, blind.camera, blind.camera_to_world, blind.stamps_ns), 0 * clip.depth)
    with pytest.raises(InvalidRequestError, match="unknown in every pixel"):
        space_around([dark], None, "auto")


def test_cells_are_cubes_and_about_as_many_as_asked_for() -> None:
    space = SPACES[0]
    shape = space.grid_shape(10_000)
    edges = (space.high - space.low) / shape
    assert edges.max() / edges.min() < 1.1
    assert np.prod(shape) == pytest.approx(10_000, rel=0.15)


def test_a_space_survives_json() -> None:
    space = space_around([small_clip()], None, "auto")
    again = Space.from_dict(json.loads(json.dumps(space.as_dict())))
    assert again.kind == space.kind
    for name in ("anchor_to_world", "low", "high"):
        np.testing.assert_array_equal(getattr(again, name), getattr(space, name))


def test_an_anchor_elsewhere_moves_poses_only() -> None:
    pose = poses_at([(0.1, 0.2, 0.3)])[0]
    space = Space("box", pose, -np.ones(3), np.ones(3))
    np.testing.assert_allclose(space.to_anchor(pose), np.eye(4), atol=1e-12)
