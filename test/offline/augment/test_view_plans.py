from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filmed_episode import FilmedEpisode, grey_film, robot_episode
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import poses

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import relative, rotation_angle_deg
from anyview_ros.offline.augment.view_plans import PRESETS, describe_presets, parse_views

RANDOM = ["vista_small", "vista_small_real", "roviaug_lower", "roviaug_upper", "roviaug_ultra", "vista_arc"]


def still_episode(count: int = 4, content: str = "0" * 64) -> FilmedEpisode:
    return FilmedEpisode({"front": grey_film(count)}, content=content)


def drawn_poses(text: str, count: int = 2000) -> np.ndarray:
    """A sampler's draws for each frame, relative to a camera at the world's origin."""
    episode = still_episode(count)
    (sampler,) = parse_views([f"{text},vary=frame" if ":" in text else f"{text}:vary=frame"])
    drawn = sampler.draw(episode, episode.film("front"))
    return drawn.target.trajectory.camera_to_world


@pytest.mark.parametrize(
    ("name", "angle_rad", "position_m"), [("vista_small", 0.075, 0.03), ("vista_small_real", 0.375, 0.15)]
)
def test_vista_changes_have_the_published_spread(name: str, angle_rad: float, position_m: float) -> None:
    drawn = drawn_poses(name)
    angles = np.radians(rotation_angle_deg(drawn))
    assert np.sqrt(np.mean(angles**2)) == pytest.approx(angle_rad, rel=0.06)
    np.testing.assert_allclose(drawn[:, :3, 3].std(axis=0), position_m, rtol=0.06)


@pytest.mark.parametrize(
    ("name", "box_m", "angle_rad"),
    [
        ("roviaug_lower", (0.10, 0.10, 0.10), 0.05),
        ("roviaug_upper", (0.25, 0.10, 0.25), 0.1),
        ("roviaug_ultra", (0.40, 0.10, 0.40), 0.1),
    ],
)
def test_roviaug_boxes_are_those_published(name: str, box_m: tuple[float, ...], angle_rad: float) -> None:
    drawn = drawn_poses(name)
    reach = np.abs(drawn[:, :3, 3]).max(axis=0)
    assert np.all(reach <= box_m)
    assert np.all(reach > 0.97 * np.array(box_m))
    pitch = np.abs(np.arcsin(-drawn[:, 2, 0]))
    assert 0.97 * angle_rad < pitch.max() <= angle_rad + 1e-12


def test_vista_arcs_are_those_published() -> None:
    drawn = drawn_poses("vista_arc:distance=2,up=camera")
    eyes = drawn[:, :3, 3]
    np.testing.assert_allclose(eyes[:, 1], 0, atol=1e-12)  # y is down: all at the source's height
    centers = np.array([0, 0, 2.0])
    azimuth = np.degrees(np.arctan2(-drawn[:, 0, 2], drawn[:, 2, 2]))  # of the line of sight
    assert 44 < np.abs(azimuth).max() <= 45 + 1e-9
    assert azimuth.std() == pytest.approx(45 / np.sqrt(3), rel=0.05)
    about_point = drawn_poses("vista_arc:center=0,0,2,up=camera")
    radii = np.linalg.norm(about_point[:, :3, 3] - centers, axis=1)
    assert radii.std() == pytest.approx(0.05, rel=0.06)
    assert radii.mean() == pytest.approx(2, abs=0.01)
    forward = centers - about_point[:, :3, 3]
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    np.testing.assert_allclose(about_point[:, :3, 2], forward, atol=1e-9)  # all look at the point


@pytest.mark.parametrize("text", RANDOM)
def test_draws_depend_on_seed_episode_index_and_attempt_and_on_nothing_else(text: str) -> None:
    episode, other = robot_episode(), robot_episode(content="1" * 64)
    (sampler,) = parse_views([text])
    film = episode.film("front")

    def pose(source: FilmedEpisode = episode, **changed: int) -> list[float]:
        arguments = {"index": 0, "seed": 5, "attempt": 0, **changed}
        return sampler.draw(source, film, **arguments).target.trajectory.camera_to_world.ravel().tolist()

    again = parse_views([text])[0].draw(robot_episode(name="renamed"), film, index=0, seed=5, attempt=0)
    assert again.target.trajectory.camera_to_world.ravel().tolist() == pose()
    draws = [pose(), pose(other), pose(seed=6), pose(index=1), pose(attempt=1)]
    assert len({tuple(draw) for draw in draws}) == 5


def test_two_samplers_of_one_kind_draw_differently() -> None:
    episode = robot_episode()
    one, two = parse_views(["vista_small", "vista_small:name=again"])
    film = episode.film("front")
    first, second = (s.draw(episode, film).target.trajectory.camera_to_world for s in (one, two))
    assert not np.allclose(first, second)


@settings(max_examples=15)
@given(world=poses(reach_m=5), seed=st.integers(0, 1000))
@pytest.mark.parametrize(
    "text",
    [
        "vista_small",
        "roviaug_upper:vary=frame",
        "vista_small_real:vary=smooth,period=0.5",
        "vista_arc:up=camera",
        "vista_arc:base=0.3,0,0,frame=base",
        "orbit:40,frame=base,center=0.3,0,0.5",
        "fixed:in=source,position=0.1,0,0",
        "frame:wrist,position=0,0,1",
        "camera:side",
    ],
)
def test_views_are_the_same_in_every_world(world: np.ndarray, seed: int, text: str) -> None:
    here, there = robot_episode(), robot_episode(world=world)
    (sampler,) = parse_views([text])
    relatives = []
    for episode in (here, there):
        film = episode.film("front")
        drawn = sampler.draw(episode, film, seed=seed)
        relatives.append(relative(film.camera_to_world, drawn.target.trajectory.camera_to_world))
    np.testing.assert_allclose(*relatives, atol=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        *(f"{name}:vary={vary}" for name in RANDOM for vary in ("episode", "frame", "smooth")),
        "orbit:30",
        "camera:side",
        "fixed",
        "frame:wrist",
    ],
)
def test_what_was_drawn_is_plain_and_complete(text: str) -> None:
    episode = robot_episode()
    (sampler,) = parse_views([text])
    drawn = sampler.draw(episode, episode.film("front"), seed=3, attempt=1)
    assert json.loads(json.dumps(drawn.about, allow_nan=False)) == drawn.about
    assert drawn.about["attempt"] == 1
    assert drawn.about["draw_seed"] == drawn.seed
    assert drawn.sampler == sampler.text
    assert drawn.target.trajectory.stamps_ns.tolist() == episode.film("front").stamps_ns.tolist()


def test_a_draw_can_stand_still_jump_or_glide() -> None:
    episode = FilmedEpisode({"front": grey_film(60)})
    film = episode.film("front")
    steps = {}
    for vary in ("episode", "frame", "smooth"):
        (sampler,) = parse_views([f"vista_small:vary={vary},period=2"])
        places = sampler.draw(episode, film).target.trajectory.camera_to_world[:, :3, 3]
        steps[vary] = np.linalg.norm(np.diff(places, axis=0), axis=1)
        still = {"episode": 1, "frame": 60}.get(vary)
        assert still is None or len(np.unique(places, axis=0)) == still
    assert steps["episode"].max() == 0
    assert 0 < steps["smooth"].max() < 0.2 * steps["frame"].max()


def test_names_are_unique_and_fit_topics() -> None:
    texts = [
        "vista_small",
        "vista_small:vary=frame",
        "camera:side",
        "frame:/arm/wrist-link",
        "fixed:position=0,0,1",
        "fixed:position=0,0,2",
        "orbit:30,name=round",
    ]
    samplers = parse_views(texts)
    assert [sampler.name for sampler in samplers] == [
        "vista_small",
        "vista_small_b",
        "like_side",
        "on_arm_wrist_link",
        "fixed",
        "fixed_b",
        "round",
    ]
    assert [sampler.draws(3) for sampler in samplers] == [3, 3, 1, 1, 1, 1, 1]
    clash = parse_views(["vista_small:name=a", "fixed:name=a_1"])
    assert [sampler.name for sampler in clash] == ["a", "a_1_b"], "a_1 is the second view of a"


def test_a_name_that_the_episode_has_is_refused() -> None:
    episode = FilmedEpisode({"front": grey_film(3), "/fixed": grey_film(3, name="/fixed")})
    (sampler,) = parse_views(["fixed:in=source"])
    with pytest.raises(
        InvalidInputError, match="has a camera of that name; give it another, as fixed:in=source,name=more"
    ):
        sampler.draw(episode, episode.film("front"))


def test_the_size_of_a_view_is_its_own_or_the_runs() -> None:
    episode = robot_episode()
    film = episode.film("front")
    texts = ["vista_small", "roviaug_lower:size=84x84", "fixed:in=source,fov=90", "camera:side"]
    sizes = [
        sampler.draw(episode, film).target.trajectory.camera.size
        for sampler in parse_views(texts, size=(64, 48))
    ]
    assert sizes == [(64, 48), (84, 84), (64, 48), film.camera.size]


def test_a_square_view_sees_the_middle_of_the_sources_field() -> None:
    episode = robot_episode()
    film = episode.film("front")
    (sampler,) = parse_views(["fixed:in=source,size=90x90"])
    camera = sampler.draw(episode, film).target.trajectory.camera
    whole = film.camera.cropped(30, 0, 180, 180).resized(90, 90)
    for name in ("fx", "fy", "cx", "cy"):
        assert getattr(camera, name) == pytest.approx(getattr(whole, name))


def test_intrinsics_can_be_given_in_full() -> None:
    episode = robot_episode()
    (sampler,) = parse_views(["fixed:in=source,intrinsics=50,51,31.5,23.5,64,48"])
    camera = sampler.draw(episode, episode.film("front")).target.trajectory.camera
    assert (camera.fx, camera.fy, camera.cx, camera.cy, camera.size) == (50, 51, 31.5, 23.5, (64, 48))


def test_a_file_of_cameras_is_a_plan(tmp_path: Path) -> None:
    path = tmp_path / "cameras.yaml"
    path.write_text(
        "- {name: over, position: [0.4, 0, 1.5], look_at: [0.4, 0.1, 0], fov: 70}\n- vista_small\n"
    )
    over, small = parse_views([str(path)])
    assert (over.name, small.name) == ("over", "vista_small")
    assert over.text.startswith("fixed:name=over")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["vista_tiny"], "no view 'vista_tiny'; choose one of vista_small"),
        (["vista_small", "vista_small"], "given twice; give samples=2"),
        (["vista_small:azimuth=3"], "takes no 'azimuth'; it takes fov, .*rotation_sigma"),
        (["vista_small:30"], "no argument '30' without a key"),
        (["orbit"], "such as orbit:30"),
        (["camera"], "such as camera:overhead"),
        (["frame"], "such as frame:wrist_link"),
        (["orbit:30,samples=3"], "one view only"),
        (["vista_small:name=a-b"], "such as a_b"),
        (["vista_arc:center=0,0,1,distance=3"], "three ways to say the same"),
        (["vista_arc:up=0,0,0"], "no direction"),
        (["fixed:look_at=0,0,1,quaternion=0,0,0,1"], "give one of them"),
        (["fixed:pose=1,0,0,0,0,1,0,0,0,0,1,0,0,0,0,1,position=1,2,3"], "pose says all"),
        (["fixed:size=3x3,intrinsics=1,1,1,1,3,3"], "intrinsics say the size"),
        (["fixed:intrinsics=1,1,1,1,3,3.5"], "whole numbers"),
        (["roviaug_lower:box=-1,0,0"], "lengths of 0 or more"),
        (["vista_small:period=0,vary=smooth"], "0.01 or more"),
    ],
)
def test_plans_that_cannot_be_are_refused(texts: list[str], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        parse_views(texts)


def test_help_names_every_preset_and_its_keys() -> None:
    told = describe_presets()
    for name, preset in PRESETS.items():
        assert f"\n{name}\n    {preset.summary}\n" in told
    assert "vary is episode" in told


def test_lengths_of_films_that_are_not_metric_are_told() -> None:
    episode = still_episode()
    film = replace(episode.film("front"), metric=False)
    assert parse_views(["vista_small"])[0].draw(episode, film).about["metric"] is False
