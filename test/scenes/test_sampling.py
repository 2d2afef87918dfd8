from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import check_rigid
from anyview_ros.scenes import (
    Body,
    Material,
    box,
    capsule,
    clearance,
    cylinder,
    plane,
    procedural_textures,
    random_room,
    sample_view,
    scene_of,
    simulated_robot,
    sphere,
    view_angle_deg,
)
from anyview_ros.scenes.poses import move, turn


@pytest.mark.parametrize(
    ("shape", "point", "expected"),
    [
        (sphere(0.5), (2.0, 0.0, 0.0), 1.5),
        (sphere(0.5), (0.1, 0.0, 0.0), -0.4),
        (capsule(0.2, 2.0), (0.0, 0.0, 1.5), 0.3),
        (capsule(0.2, 2.0), (1.0, 0.0, 0.5), 0.8),
        (cylinder(0.3, 1.0), (0.0, 0.0, 0.9), 0.4),
        (cylinder(0.3, 1.0), (0.6, 0.0, 0.9), 0.5),
        (box(2, 2, 2), (4.0, 5.0, 0.0), 5.0),
        (box(2, 2, 2), (0.5, 0.2, 0.0), -0.5),
        (plane(), (3.0, 1.0, -0.7), 0.7),
    ],
)
def test_clearance_is_the_distance_to_the_surface(
    shape: object, point: tuple[float, float, float], expected: float
) -> None:
    pose = move(1, -2, 0.5) @ turn("x", 0.7) @ turn("z", -1.2)
    scene = scene_of([Body(shape, Material(), pose)], textures=procedural_textures())  # type: ignore[arg-type]
    assert clearance(scene, (pose @ [*point, 1])[:3]) == pytest.approx(expected)


def test_clearance_is_to_the_nearest_body_at_any_instant() -> None:
    world = simulated_robot(0)
    times = np.linspace(0, 12, 7)
    point = (0.4, 0.1, 1.1)
    alone = [clearance(world.at(t), point) for t in times]
    assert clearance(world.at(times), point) == pytest.approx(min(alone))
    assert max(alone) > min(alone) + 0.01


@pytest.mark.parametrize("seed", range(8))
def test_views_keep_bounds_distance_angle_and_clearance(seed: int) -> None:
    world, rng = random_room(seed), np.random.default_rng(seed)
    first = sample_view(world, rng, [0.0, 1.0], distance_m=(0.6, 2.0))
    second = sample_view(world, rng, [0.0, 1.0], near=first, angle_deg=(20, 40), distance_m=(0.4, 2.5))
    assert 20 <= view_angle_deg(first, second, world.focus) <= 40
    for pose in (first, second):
        check_rigid(pose)
        assert clearance(world.at([0.0, 1.0]), pose[:3, 3]) >= 0.12
        assert (pose[:3, 3] >= world.bounds[0]).all()
        assert (pose[:3, 3] <= world.bounds[1]).all()
        towards = np.array(world.focus) - pose[:3, 3]
        np.testing.assert_allclose(pose[:3, 2], towards / np.linalg.norm(towards), atol=1e-9)
    assert 0.6 <= np.linalg.norm(first[:3, 3] - world.focus) <= 2.0


def test_a_place_that_is_not_there_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match=r"50 to 60 m from .* was found in 200 tries"):
        sample_view(random_room(0), np.random.default_rng(0), distance_m=(50, 60))
