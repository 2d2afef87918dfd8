from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.geometry import PinholeCamera
from anyview_ros.scenes import ShapeKind, film, random_room, sample_view

CAMERA = PinholeCamera.from_fov(48, 36, horizontal_fov_deg=70)
SEEDS = range(12)


def test_one_seed_makes_one_room() -> None:
    first, again, other = random_room(7), random_room(7), random_room(8)
    assert [b.material for b in first.bodies] == [b.material for b in again.bodies]
    np.testing.assert_array_equal(first.at([0.0, 2.0]).poses, again.at([0.0, 2.0]).poses)
    assert len(first.bodies) != len(other.bodies) or first.lights != other.lights


def test_rooms_are_rich_and_differ() -> None:
    rooms = [random_room(seed) for seed in SEEDS]
    kinds = {b.shape.kind for room in rooms for b in room.bodies}
    assert kinds == set(ShapeKind)
    assert len({b.material.texture for room in rooms for b in room.bodies}) > 15
    assert 0 < sum("link_6" in room.frames(0.0) for room in rooms) < len(rooms)
    assert len({len(room.lights) for room in rooms}) > 1


@pytest.mark.parametrize("seed", SEEDS)
def test_rooms_are_closed_lit_and_in_motion(seed: int) -> None:
    world = random_room(seed)
    pose = sample_view(world, np.random.default_rng(seed), [0.0, 1.0])
    rendering, _ = film(world, CAMERA, pose, [0.0, 1.0])
    assert (rendering.depth > 0).all()
    assert 20 < rendering.frames.mean() < 235
    assert rendering.frames.std() > 8
    poses = world.at([0.0, 1.0]).poses
    assert (np.abs(poses[0] - poses[1]).max(axis=(1, 2)) > 1e-3).sum() >= 2


def test_things_stay_in_the_room() -> None:
    for seed in SEEDS:
        world = random_room(seed)
        low, high = np.array(world.bounds)
        scene = world.at(np.linspace(0, 10, 11))
        for i, body in enumerate(scene.bodies):
            if body.instance.startswith("mover"):
                centres = scene.poses[:, i, :3, 3]
                assert (centres > low - 0.4).all()
                assert (centres < high + 0.4).all()


def test_photographs_cover_surfaces() -> None:
    photograph = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    used = [b.material.texture for b in random_room(1, photographs=[photograph]).bodies]
    assert used.count("photo_0") >= 2
