from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.rays import pixel_grid
from anyview_ros.scenes import clearance, sample_view
from anyview_ros.scenes.tabletops import Tabletop, TabletopFactory, film_tabletop
from anyview_ros.scenes.tabletops.assets import Assets

CAMERA = PinholeCamera.from_fov(48, 48, horizontal_fov_deg=60)


@pytest.fixture(scope="module")
def factory(assets: Assets, opengl: None) -> TabletopFactory:
    return TabletopFactory(held_out=False, assets=assets)


def watching(tabletop: Tabletop, seed: int = 0) -> np.ndarray:
    world = tabletop.shell()
    return sample_view(world, np.random.default_rng(seed), [0.0, 1.0], distance_m=(1.0, 1.6))


def test_a_seed_gives_the_same_pictures_whatever_was_made_before(
    factory: TabletopFactory, assets: Assets
) -> None:
    first = factory.room(5)
    pose, times = watching(first)[None], np.zeros(1)
    seen = film_tabletop(first, CAMERA, pose, times)
    other = factory.room(6)
    film_tabletop(other, CAMERA, watching(other)[None], times)
    again = TabletopFactory(held_out=False, assets=assets).room(5)
    for one, two in zip(seen, film_tabletop(again, CAMERA, pose, times), strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(seen[0], film_tabletop(other, CAMERA, pose, times)[0])


def test_held_out_scenes_are_others(factory: TabletopFactory, assets: Assets) -> None:
    held_out = TabletopFactory(held_out=True, assets=assets)
    robots = {held_out.room(seed).stage.robot.name for seed in range(6)}
    assert robots <= {"iiwa", "jaco"}
    assert {factory.room(seed).stage.robot.name for seed in range(6)} <= {
        "panda",
        "sawyer",
        "ur5e",
        "kinova3",
    }


def test_arm_and_things_move_with_time(factory: TabletopFactory) -> None:
    tabletop = factory.room(2)
    pose = watching(tabletop)
    _, depth = film_tabletop(tabletop, CAMERA, np.stack([pose, pose]), np.array([0.0, 1.0]))
    assert (np.abs(depth[0] - depth[1]) > 0.01).any()
    angles = [tabletop.posed(time).qpos[list(tabletop.stage.joints)] for time in (0.0, 1.0)]
    assert not np.allclose(*angles)


def test_a_scene_leaves_the_stage_as_it_was(factory: TabletopFactory) -> None:
    stage = factory.room(3).stage
    before = {
        name: np.array(getattr(stage.model, name))
        for name in ("geom_size", "geom_group", "tex_data", "light_pos")
    }
    for seed in range(3, 9):
        factory.room(seed)
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(stage.model, name), value)


@pytest.mark.parametrize("seed", range(4))
def test_all_that_is_seen_is_a_wall_or_in_the_shell(factory: TabletopFactory, seed: int) -> None:
    tabletop = factory.room(seed)
    pose = watching(tabletop, seed)
    _, depth = film_tabletop(tabletop, CAMERA, pose[None], np.zeros(1))
    assert (depth > 0).all(), "a room has walls everywhere"
    low, high = (np.array(corner) for corner in tabletop.bounds)
    seen = CAMERA.unproject(pixel_grid(CAMERA), depth[0]).reshape(-1, 3)
    points = seen @ pose[:3, :3].T + pose[:3, 3]
    inside = ((points > low) & (points < high)).all(1)
    assert inside.any()
    scene = tabletop.shell().at(0.0)
    for point in points[inside][::7]:
        assert clearance(scene, point) < 0.01


def test_the_arm_stands_on_the_table_and_above_it(factory: TabletopFactory) -> None:
    for seed in range(5):
        tabletop = factory.room(seed)
        foot = next(path.pose for path in tabletop.paths if path.body == tabletop.stage.base)
        middle = tabletop.posed(0.0)
        lowest = min(middle.geom_xpos[geom][2] for geom in tabletop.stage.robot_geoms)
        assert lowest > foot[2, 3] - 0.05
