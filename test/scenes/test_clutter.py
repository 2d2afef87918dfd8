from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from anyview_ros.geometry import PinholeCamera
from anyview_ros.scenes import clutter, film, random_room, sample_view
from anyview_ros.scenes.clutter import Part
from anyview_ros.scenes.scene import Body

CAMERA = PinholeCamera.from_fov(48, 36, horizontal_fov_deg=70)
Maker = Callable[[np.random.Generator], list[Part]]


@pytest.mark.parametrize("make", clutter.KINDS)
def test_things_stand_on_the_floor_and_fit_into_rooms(make: Maker) -> None:
    for seed in range(40):
        parts = make(np.random.default_rng(seed))
        assert 2 <= len(parts) < 120
        for part in parts:
            assert np.linalg.det(part.pose[:3, :3]) == pytest.approx(1)
            assert -0.01 < part.pose[2, 3] < 2.5
            assert np.abs(part.pose[:2, 3]).max() < 2.5


def test_a_machine_hangs_together() -> None:
    for seed in range(20):
        rods = [part for part in clutter.machine(np.random.default_rng(seed)) if part.look == 0]
        ends = [
            part.pose[:3, 3] + sign * part.shape.size[1] * part.pose[:3, 2]
            for part in rods
            for sign in (-1, 1)
        ]
        joints = np.unique(np.round(ends, 6), axis=0)
        reached = {0}
        links = [
            tuple(int(np.abs(joints - end).sum(1).argmin()) for end in ends[2 * i : 2 * i + 2])
            for i in range(len(rods))
        ]
        for _ in joints:
            reached |= {b for link in links for b in link if reached & set(link)}
        assert len(reached) == len(joints)


def looks(body: Body) -> tuple[str | None, float]:
    return body.material.texture, body.material.gloss


@pytest.mark.parametrize("seed", range(6))
def test_a_cluttered_room_is_the_same_room_with_things_in_it(seed: int) -> None:
    plain, full = random_room(seed), random_room(seed, cluttered=True)
    further = [body for body in full.bodies if body.instance.startswith("clutter_")]
    kept = [body for body in full.bodies if not body.instance.startswith("clutter_")]
    assert len(further) > 10
    assert len(kept) == len(plain.bodies)
    for before, after in zip(plain.bodies, kept, strict=True):
        np.testing.assert_array_equal(before.pose, after.pose)
        assert looks(before) == looks(after)
    assert full.lights == plain.lights
    assert all(np.abs(body.pose[:2, 3]).max() < 6 for body in further)


def test_colours_of_cluttered_rooms_are_paler() -> None:
    def colourfulness(cluttered: bool) -> float:
        colours = [b.material.colour for s in range(8) for b in random_room(s, cluttered=cluttered).bodies]
        return float(np.ptp(colours, axis=1).mean())

    assert colourfulness(True) < 0.8 * colourfulness(False)


def test_a_cluttered_room_can_be_filmed() -> None:
    world = random_room(3, cluttered=True)
    pose = sample_view(world, np.random.default_rng(3), [0.0])
    rendering, _ = film(world, CAMERA, pose, [0.0])
    assert (rendering.depth > 0).all()
    assert rendering.frames.std() > 8
