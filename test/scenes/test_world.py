from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.scenes import (
    WORLD,
    Body,
    Light,
    Material,
    World,
    box,
    mounted,
    procedural_textures,
    scene_of,
    sphere,
)
from anyview_ros.scenes.poses import move, turn
from anyview_ros.scenes.world import FramePoses


def motion(times_s: np.ndarray) -> FramePoses:
    return {
        "cart": (WORLD, move(x=times_s)),
        "mast": ("cart", turn("z", times_s)),
    }


def world() -> World:
    bodies = (
        Body(box(0.1, 0.1, 0.1), Material(), move(z=2.0), "mast"),
        Body(sphere(0.1), Material(), move(y=1.0), "head", "ball"),
    )
    camera = PinholeCamera.from_fov(32, 24, horizontal_fov_deg=60)
    return World(
        bodies,
        motion,
        (Light((0, 0, 3)),),
        procedural_textures(),
        fixed={"head": ("mast", move(z=1.0))},
        cameras={"eye": mounted(camera, "head", move(x=0.1))},
        hidden_frames=frozenset({"mast"}),
    )


def test_bodies_are_where_their_chain_of_frames_puts_them() -> None:
    scene = world().at([0.0, np.pi / 2])
    assert [b.instance for b in scene.bodies] == ["ball", "background"]
    np.testing.assert_allclose(scene.poses[0, 0, :3, 3], [0, 1, 1], atol=1e-12)
    np.testing.assert_allclose(scene.poses[1, 0, :3, 3], [np.pi / 2 - 1, 0, 1], atol=1e-12)
    np.testing.assert_allclose(scene.poses[1, 1, :3, 3], [np.pi / 2, 0, 2], atol=1e-12)


def test_cameras_ride_on_their_frames() -> None:
    pose = world().camera_to_world("eye", [0.0, np.pi])
    np.testing.assert_allclose(pose[:, :3, 3], [[0.1, 0, 1], [np.pi - 0.1, 0, 1]], atol=1e-12)


def test_frames_tell_fixed_and_moving_ones_but_not_hidden_ones() -> None:
    frames = world().frames(2.0)
    assert set(frames) == {"cart", "head"}
    np.testing.assert_allclose(frames["cart"][1], move(x=2.0))


def test_unknown_names_are_refused_with_those_that_are_known() -> None:
    with pytest.raises(InvalidInputError, match="no camera 'ear' in this world; it has eye"):
        world().camera_to_world("ear", 0.0)
    with pytest.raises(
        InvalidInputError, match="no frame 'tail' in this world; it has cart, head, mast, world"
    ):
        world().frame_to_world("tail", 0.0)
    with pytest.raises(InvalidInputError, match="build a World"):
        scene_of([Body(sphere(1), Material(), np.eye(4), "cart")], textures=procedural_textures())
