from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from filmed_episode import FilmedEpisode, grey_film, robot_episode

from anyview_ros.errors import InvalidInputError, InvalidPoseError, ReadError
from anyview_ros.geometry import look_at, relative, rotation_angle_deg
from anyview_ros.offline.augment.view_plans import DrawnView, parse_views


def drawn(text: str, episode: FilmedEpisode, **arguments: int) -> DrawnView:
    (sampler,) = parse_views([text])
    return sampler.draw(episode, episode.film("front"), **arguments)


def path(view: DrawnView) -> np.ndarray:
    return view.target.trajectory.camera_to_world


def test_without_a_point_the_arc_goes_round_what_the_camera_looks_at() -> None:
    episode = robot_episode()
    film = episode.film("front")
    depth = next(film.frames(range(1))).depth
    middle = np.median(depth[60:120, 80:160])
    view = drawn("vista_arc:radius_sigma=0", episode)
    assert view.about["radius_m"] == pytest.approx(float(middle))
    center = film.camera_to_world[0, :3, 3] + middle * film.camera_to_world[0, :3, 2]
    offset = center - path(view)[:, :3, 3]
    np.testing.assert_allclose(np.linalg.norm(offset, axis=1), middle, rtol=1e-6)
    np.testing.assert_allclose(offset / middle, path(view)[:, :3, 2], atol=1e-6)
    np.testing.assert_allclose(path(view)[:, 2, 3], film.camera_to_world[0, 2, 3], atol=1e-9)


def test_a_base_gives_the_distance_as_vista_has_it() -> None:
    episode = robot_episode()
    eye = episode.film("front").camera_to_world[0, :3, 3]
    view = drawn("vista_arc:base=0.1,0.2,0.3,frame=base", episode)
    assert view.about["radius_m"] == pytest.approx(np.linalg.norm(eye - [0.1, 0.2, 0.5]))
    assert view.about["frame"] == "base"


def test_the_cameras_own_place_is_on_every_arc() -> None:
    episode = robot_episode()
    eye = episode.film("front").camera_to_world[0, :3, 3]
    view = drawn("vista_arc:azimuth=0,radius_sigma=0.2,distance=1.5", episode, seed=4)
    assert abs(view.about["drawn_radius_m"]) > 0.01
    np.testing.assert_allclose(path(view)[0, :3, 3], eye, atol=1e-9)


def test_an_orbit_swings_the_camera_of_the_first_frame() -> None:
    episode = robot_episode()
    start = episode.film("front").camera_to_world[0]
    view = drawn("orbit:30,center=0.3,0,0.85", episode)
    poses = path(view)
    np.testing.assert_allclose(poses[0], start, atol=1e-12)
    turned = rotation_angle_deg(relative(start, poses))
    np.testing.assert_allclose(turned, np.linspace(0, 30, len(poses)), atol=1e-6)
    np.testing.assert_allclose(poses[:, 2, 3], start[2, 3], atol=1e-9)


def test_a_point_that_cannot_be_known_is_asked_for() -> None:
    episode = FilmedEpisode({"front": grey_film(4)})
    with pytest.raises(InvalidInputError, match="give center=x,y,z, base=x,y,z or distance=metres"):
        drawn("vista_arc", episode)
    with pytest.raises(ReadError, match="no frame elbow"):
        drawn("vista_arc:center=0,0,1,frame=elbow", episode)


def test_a_camera_right_above_its_point_is_refused() -> None:
    film = grey_film(4)
    down = look_at((0, 0, 2), (0, 0, 0), up=(1, 0, 0))
    episode = FilmedEpisode({"front": replace(film, camera_to_world=np.tile(down, (4, 1, 1)))})
    with pytest.raises(InvalidPoseError, match="give another point, or another up"):
        drawn("vista_arc:center=0,0,0", episode)
    view = drawn("vista_arc:center=0,0,0,up=camera", episode)  # it has an upward direction of its own
    np.testing.assert_allclose(path(view)[0, 0, 3], 0, atol=1e-9)
