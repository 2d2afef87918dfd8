from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import numbers, poses

from anyview_ros.errors import InvalidInputError, InvalidPoseError
from anyview_ros.geometry import look_at
from anyview_ros.methods.zeronvs.conditioning import MODES, NUMBERS, object_vector, pose_vector, squashed

SCALED = ("viewer", "aggregate")
SIX_DOF = ("viewer", "aggregate", "6dof1")
UP = np.array([0.0, 0.0, 1.0])


def moved(pose: np.ndarray, factor: float) -> np.ndarray:
    """The same camera in a world that is ``factor`` times as large."""
    larger = pose.copy()
    larger[:3, 3] *= factor
    return larger


def test_the_vector_is_the_opengl_transform_row_by_row_and_the_lens() -> None:
    source = np.eye(4)
    target = np.eye(4)
    target[:3, 3] = (1.0, 2.0, 3.0)  # right, down, forward in OpenCV axes
    vector = pose_vector(source, target, 0.9, mode="6dof1")
    matrix = vector[:16].reshape(4, 4)
    np.testing.assert_allclose(matrix[:3, :3], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(matrix[:3, 3], squashed([1.0, -2.0, -3.0]), atol=1e-12)  # right, up, backward
    np.testing.assert_allclose(matrix[3], (0, 0, 0, 1), atol=1e-12)
    np.testing.assert_allclose(vector[16:], (0.9, math.sin(0.9), math.cos(0.9)))


def test_a_turn_to_the_right_is_about_opengls_y_downwards() -> None:
    angle = 0.3
    turn = np.eye(4)
    turn[:3, :3] = [[math.cos(angle), 0, math.sin(angle)], [0, 1, 0], [-math.sin(angle), 0, math.cos(angle)]]
    matrix = pose_vector(np.eye(4), turn, 1.0)[:16].reshape(4, 4)
    ahead = matrix[:3, :3] @ (0, 0, -1)
    np.testing.assert_allclose(ahead, (math.sin(angle), 0, -math.cos(angle)), atol=1e-12)


@given(poses(), poses(), poses(), st.sampled_from(SIX_DOF), numbers(0.1, 10), numbers(0.2, 2.5))
def test_a_rigid_change_of_world_changes_nothing(world, source, target, mode, scale_m, fov) -> None:
    before = pose_vector(source, target, fov, mode=mode, scale_m=scale_m)
    after = pose_vector(world @ source, world @ target, fov, mode=mode, scale_m=scale_m)
    np.testing.assert_allclose(after, before, atol=1e-9)


@given(poses(), poses(), poses())
def test_a_rigid_change_of_world_changes_nothing_of_zero123s_numbers(world, source, target) -> None:
    centre = np.array([25.0, 3.0, -4.0])
    before = object_vector(source, target, centre, UP)
    moved_centre = world[:3, :3] @ centre + world[:3, 3]
    after = object_vector(world @ source, world @ target, moved_centre, world[:3, :3] @ UP)
    arms = np.stack([source[:3, 3] - centre, target[:3, 3] - centre])
    if np.linalg.norm(arms[:, :2], axis=-1).min() < 1e-3:
        return  # right above or below the centre there is no azimuth
    np.testing.assert_allclose(after, before, atol=1e-6)


@given(poses(), poses(), st.sampled_from(SCALED), numbers(0.1, 10), numbers(0.05, 20))
def test_scaling_depth_and_translation_together_changes_nothing(
    source, target, mode, scale_m, factor
) -> None:
    before = pose_vector(source, target, 1.0, mode=mode, scale_m=scale_m)
    after = pose_vector(
        moved(source, factor), moved(target, factor), 1.0, mode=mode, scale_m=factor * scale_m
    )
    np.testing.assert_allclose(after, before, atol=1e-9)


@given(poses(reach_m=5), numbers(0.3, 3), numbers(1.5, 20))
def test_6dof1_is_changed_by_the_scale_of_the_world(source, forward, factor) -> None:
    target = source.copy()
    target[:3, 3] += forward * source[:3, 2]
    before = pose_vector(source, target, 1.0, mode="6dof1", scale_m=1.0)
    after = pose_vector(moved(source, factor), moved(target, factor), 1.0, mode="6dof1", scale_m=factor)
    assert np.abs(after - before).max() > 0.01


def test_6dof1_takes_no_notice_of_the_scale() -> None:
    target = np.eye(4)
    target[0, 3] = 1.0
    vectors = [pose_vector(np.eye(4), target, 1.0, mode="6dof1", scale_m=scale) for scale in (1.0, 7.0)]
    np.testing.assert_array_equal(*vectors)


def test_viewer_and_aggregate_divide_by_the_scale_that_they_are_given() -> None:
    target = np.eye(4)
    target[0, 3] = 3.0
    for mode in SCALED:
        vector = pose_vector(np.eye(4), target, 1.0, mode=mode, scale_m=2.0)
        assert vector[3] == pytest.approx(squashed(1.5))


def test_zero123s_numbers_tell_neither_lens_nor_where_the_camera_looks() -> None:
    centre = np.zeros(3)
    source = look_at((2.0, 0.0, 0.0), centre)
    level = look_at((0.0, 3.0, 0.0), centre)
    vector = object_vector(source, level, centre, UP)
    np.testing.assert_allclose(vector[:4], (0.0, 1.0, 0.0, 1.0), atol=1e-9)  # a quarter turn, 1 m further
    assert not vector[4:].any()
    assert len(vector) == NUMBERS
    elsewhere = look_at((0.0, 3.0, 0.0), (1.0, 0.0, 0.5))
    np.testing.assert_allclose(object_vector(source, elsewhere, centre, UP), vector, atol=1e-12)
    above = look_at((math.sqrt(2), 0.0, math.sqrt(2)), centre)
    np.testing.assert_allclose(
        object_vector(source, above, centre, UP)[:4], (math.pi / 4, 0, 1, 0), atol=1e-9
    )


def test_translations_are_squashed() -> None:
    np.testing.assert_allclose(squashed([0.0, 0.2, 1e9]), (0.0, 0.1, 5.0), atol=1e-4)


def test_vectors_come_in_batches() -> None:
    sources = np.tile(np.eye(4), (3, 2, 1, 1))
    vectors = pose_vector(sources, np.eye(4), 1.0, scale_m=np.array([1.0, 2.0]))
    assert vectors.shape == (3, 2, NUMBERS)


@pytest.mark.parametrize("scale_m", [0.0, -1.0, math.nan, math.inf])
def test_a_scale_that_cannot_be_is_refused(scale_m: float) -> None:
    with pytest.raises(InvalidInputError, match="scale_m is"):
        pose_vector(np.eye(4), np.eye(4), 1.0, scale_m=scale_m)


def test_what_cannot_be_told_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="choose one of viewer"):
        pose_vector(np.eye(4), np.eye(4), 1.0, mode="7dof")
    with pytest.raises(InvalidInputError, match="object_vector"):
        pose_vector(np.eye(4), np.eye(4), 1.0, mode="3dof")
    with pytest.raises(InvalidInputError, match="fov_rad is"):
        pose_vector(np.eye(4), np.eye(4), 60.0)
    with pytest.raises(InvalidPoseError, match="target_to_world"):
        pose_vector(np.eye(4), 2 * np.eye(4), 1.0)
    assert set(MODES) == {"viewer", "aggregate", "6dof1", "3dof"}
