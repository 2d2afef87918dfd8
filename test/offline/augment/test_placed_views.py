from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from filmed_episode import FilmedEpisode, grey_film, robot_episode

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.geometry import BODY_FROM_OPTICAL, look_at
from anyview_ros.offline.augment.view_plans import DrawnView, parse_views


def drawn(text: str, episode: FilmedEpisode) -> DrawnView:
    (sampler,) = parse_views([text])
    return sampler.draw(episode, episode.film("front"))


def path(view: DrawnView) -> np.ndarray:
    return view.target.trajectory.camera_to_world


def test_a_pose_in_the_world_stays_there() -> None:
    view = drawn("fixed:position=0.4,0,1.5,look_at=0.4,0.5,0", robot_episode())
    expected = look_at((0.4, 0, 1.5), (0.4, 0.5, 0))
    np.testing.assert_allclose(path(view), np.tile(expected, (12, 1, 1)))
    assert view.about["camera_to_frame"] == expected.tolist()


def test_a_pose_in_the_source_camera_rides_with_it() -> None:
    episode = robot_episode()
    view = drawn("fixed:in=source,position=0.1,0,0", episode)
    source = episode.film("front").camera_to_world
    np.testing.assert_allclose(path(view)[:, :3, 3], source[:, :3, 3] + 0.1 * source[:, :3, 0])
    np.testing.assert_allclose(path(view)[:, :3, :3], source[:, :3, :3])
    aimed = drawn("fixed:in=source,position=0.1,0,0,look_at=0.1,0,2", episode)
    np.testing.assert_allclose(path(aimed), path(view), atol=1e-12)


def test_a_pose_on_a_frame_moves_with_it() -> None:
    episode = robot_episode()
    view = drawn("frame:wrist,position=0,0,0.3", episode)
    seconds = episode.film("front").stamps_ns / 1e9
    np.testing.assert_allclose(path(view)[:, 0, 3], seconds)
    np.testing.assert_allclose(path(view)[:, 2, 3], 0.3)
    same = drawn("fixed:in=wrist,position=0,0,0.3", episode)
    np.testing.assert_array_equal(path(same), path(view))
    with pytest.raises(ReadError, match="no frame elbow"):
        drawn("frame:elbow", episode)


def test_a_whole_matrix_and_body_axes() -> None:
    numbers = "0,-1,0,0.1,1,0,0,0.2,0,0,1,0.3,0,0,0,1"
    pose = np.array(numbers.split(","), float).reshape(4, 4)
    np.testing.assert_allclose(path(drawn(f"fixed:pose={numbers}", robot_episode()))[0], pose)
    body = drawn("frame:wrist,axes=body", robot_episode())
    np.testing.assert_allclose(path(body)[0, :3, :3], BODY_FROM_OPTICAL[:3, :3])
    np.testing.assert_allclose(path(body)[0, :3, 2], [1, 0, 0])  # looks along the frame's x


def test_another_camera_is_the_truth() -> None:
    episode = robot_episode()
    view = drawn("camera:side", episode)
    other = episode.film("side")
    assert view.target.truth is not None
    assert view.target.truth.name == "side"
    assert view.target.trajectory.camera == other.camera
    np.testing.assert_array_equal(path(view), other.camera_to_world)
    frame = next(view.target.truth.frames(range(3, 4)))
    np.testing.assert_array_equal(frame.image, next(other.frames(range(3, 4))).image)


def test_a_camera_with_gaps_gives_the_pose_but_no_truth() -> None:
    episode = robot_episode()
    other = episode.films["side"].sliced(slice(0, None, 5))
    episode = replace(episode, films={**episode.films, "side": other})
    view = drawn("camera:side", episode)
    assert view.target.truth is None
    assert "no frame of its own" in view.about["no_truth"]
    np.testing.assert_allclose(path(view)[[0, 5, 10]], other.camera_to_world, atol=1e-9)
    np.testing.assert_allclose(path(view)[11], other.camera_to_world[-1], atol=1e-9)


def test_a_camera_of_another_size_has_no_truth_to_compare_with() -> None:
    view = drawn("camera:side,size=64x48", robot_episode())
    assert view.target.truth is None
    assert view.target.trajectory.camera.size == (64, 48)


def test_cameras_that_there_are_not() -> None:
    episode = FilmedEpisode({"front": grey_film(3), "left": grey_film(3, name="left")})
    with pytest.raises(InvalidInputError, match=r"no other camera 'right'; .*are: left"):
        drawn("camera:right", episode)
    with pytest.raises(InvalidInputError, match="no other camera 'front'"):
        drawn("camera:front", episode)
