from __future__ import annotations

import numpy as np
import torch

from anyview_ros.scenes import Body, Material, Shape, box, procedural_textures, scene_of, sphere
from anyview_ros.scenes.casting import Bundle, Geometry, nearest, reached
from anyview_ros.scenes.poses import move


def bundle(*bodies: tuple[Shape, np.ndarray], origin: tuple[float, ...]) -> Bundle:
    scene = scene_of(
        [Body(shape, Material(), pose) for shape, pose in bodies], textures=procedural_textures()
    )
    return Bundle.of(Geometry.of(scene, torch.device("cpu")), torch.tensor([origin], dtype=torch.float64))


def towards(*points: tuple[float, ...], origin: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor([(np.array(points) - origin).T.tolist()], dtype=torch.float32)


LAMP = (0.0, 0.0, 3.0)


def test_a_body_just_before_the_end_of_rays_is_kept_and_one_beyond_is_not() -> None:
    seen = bundle((box(1, 1, 0.1), move(z=0.1)), (sphere(0.2), move(z=-0.5)), origin=LAMP)
    rays = towards((0, 0, 0), (0.1, 0, 0), (0, 0.1, 0), origin=LAMP)
    kept = seen.within(rays, reach=1.0)
    assert kept.index.tolist() == [1]
    assert not reached(kept, rays, 1e-4).any()
    assert seen.within(rays).index.tolist() == [0, 1]


def test_rays_end_at_what_they_are_meant_to_reach() -> None:
    seen = bundle((sphere(0.2), move()), origin=LAMP)
    assert reached(seen, towards((0, 0, 0.21), origin=LAMP), 1e-4).all()
    assert not reached(seen, towards((0, 0, 0.19), origin=LAMP), 1e-4).any()
    assert reached(seen, towards((2, 0, 0.0), origin=LAMP), 1e-4).all()


def test_bodies_beside_the_rays_are_skipped() -> None:
    seen = bundle((sphere(0.2), move(x=2.0)), (sphere(0.2), move(x=0.1)), origin=LAMP)
    kept = seen.within(towards((0, 0, 0), (0.05, 0, 0), origin=LAMP))
    assert kept.index.tolist() == [1]
    distance, which = nearest(kept, towards((0.1, 0, 0), origin=LAMP), 0.0)
    np.testing.assert_allclose(distance.numpy(), 1 - 0.2 / np.hypot(3, 0.1), rtol=1e-5)
    assert which.item() == 1


def test_with_nothing_there_rays_meet_nothing() -> None:
    seen = bundle((sphere(0.2), move(x=2.0)), origin=LAMP)
    rays = towards((0, 0, 0), origin=LAMP)
    nothing = seen.within(rays)
    assert nearest(nothing, rays, 0.0)[0].item() == float("inf")
    assert reached(nothing, rays, 0.0).all()
