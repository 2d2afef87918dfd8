"""Conversions and their inverses. Runs against the upstream tf_transformations as well."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import tf_transformations as tf
from hypothesis import given
from hypothesis import strategies as st

angles = st.floats(-3.1, 3.1)
numbers = st.floats(-10.0, 10.0)
vectors = st.tuples(numbers, numbers, numbers)
quaternions = st.tuples(*[st.floats(0.0, 1.0)] * 3).map(tf.random_quaternion)
SEQUENCES = [
    frame + "".join(axes)
    for frame in "sr"
    for axes in itertools.product("xyz", repeat=3)
    if axes[0] != axes[1] != axes[2]
]


def about(axis: str, angle: float) -> np.ndarray:
    i = "xyz".index(axis)
    j, k = (i + 1) % 3, (i + 2) % 3
    matrix = np.eye(4)
    matrix[j, j] = matrix[k, k] = math.cos(angle)
    matrix[k, j], matrix[j, k] = math.sin(angle), -math.sin(angle)
    return matrix


def same_rotation(a, b) -> bool:
    return bool(np.allclose(a, b, atol=1e-9) or np.allclose(a, np.negative(b), atol=1e-9))


@given(quaternions)
def test_matrix_and_back(q) -> None:
    matrix = tf.quaternion_matrix(q)
    np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1.0)
    back = tf.quaternion_from_matrix(matrix)
    assert same_rotation(back, q)
    assert back[3] >= 0.0


@given(quaternions, st.tuples(*[st.floats(0.2, 5.0)] * 3), vectors)
def test_scale_and_translation_do_not_touch_the_rotation(q, scale, moved) -> None:
    matrix = tf.concatenate_matrices(
        tf.translation_matrix(moved), tf.quaternion_matrix(q), np.diag([*scale, 1.0])
    )
    assert same_rotation(tf.quaternion_from_matrix(matrix), q)
    np.testing.assert_allclose(tf.translation_from_matrix(matrix), moved, atol=1e-12)


def test_the_order_is_xyzw_and_roll_pitch_yaw() -> None:
    np.testing.assert_allclose(
        tf.quaternion_from_euler(0, 0, math.pi / 2), [0, 0, math.sqrt(0.5), math.sqrt(0.5)]
    )
    np.testing.assert_allclose(tf.quaternion_about_axis(math.pi, [0, 5, 0]), [0, 1, 0, 0], atol=1e-15)
    np.testing.assert_allclose(tf.euler_from_quaternion([0, 0, 0, 1]), [0, 0, 0])
    turned = tf.quaternion_matrix(tf.quaternion_from_euler(0.1, 0.2, 0.3))
    np.testing.assert_allclose(turned, about("z", 0.3) @ about("y", 0.2) @ about("x", 0.1))
    np.testing.assert_array_equal(tf.quaternion_matrix([0.0, 0.0, 0.0, 0.0]), np.eye(4))


@pytest.mark.parametrize("axes", SEQUENCES)
@given(angles, angles, angles)
def test_euler_angles_are_turns_about_their_axes(axes: str, a: float, b: float, c: float) -> None:
    turns = [about(axis, angle) for axis, angle in zip(axes[1:], (a, b, c), strict=True)]
    expected = tf.concatenate_matrices(*(turns if axes[0] == "r" else turns[::-1]))
    np.testing.assert_allclose(tf.euler_matrix(a, b, c, axes), expected, atol=1e-12)
    np.testing.assert_allclose(
        tf.quaternion_matrix(tf.quaternion_from_euler(a, b, c, axes)), expected, atol=1e-12
    )
    found = tf.euler_from_matrix(expected, axes)
    np.testing.assert_allclose(tf.euler_matrix(*found, axes), expected, atol=1e-7)


@pytest.mark.parametrize("axes", SEQUENCES)
@pytest.mark.parametrize("middle", [0.0, math.pi / 2, -math.pi / 2, math.pi])
def test_euler_angles_of_a_gimbal_lock_give_the_rotation(axes: str, middle: float) -> None:
    expected = tf.euler_matrix(0.3, middle, 0.4, axes)
    np.testing.assert_allclose(
        tf.euler_matrix(*tf.euler_from_matrix(expected, axes), axes), expected, atol=1e-7
    )


@given(quaternions, quaternions)
def test_products_of_quaternions_are_products_of_matrices(a, b) -> None:
    product = tf.quaternion_matrix(tf.quaternion_multiply(a, b))
    np.testing.assert_allclose(product, tf.quaternion_matrix(a) @ tf.quaternion_matrix(b), atol=1e-12)
    np.testing.assert_allclose(tf.quaternion_multiply(a, tf.quaternion_inverse(a)), [0, 0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(tf.quaternion_inverse(2.0 * a), tf.quaternion_conjugate(a) / 2.0, atol=1e-12)


@given(quaternions, st.floats(0.01, 3.0), vectors.filter(lambda v: math.hypot(*v) > 0.1), st.floats(0.0, 1.0))
def test_slerp_turns_evenly(q, angle: float, axis, fraction: float) -> None:
    end = tf.quaternion_multiply(tf.quaternion_about_axis(angle, axis), q)
    between = tf.quaternion_multiply(tf.quaternion_about_axis(fraction * angle, axis), q)
    assert same_rotation(tf.quaternion_slerp(q, end, fraction), between)
    assert same_rotation(tf.quaternion_slerp(q, np.negative(end), fraction), between)


def test_slerp_at_its_ends_and_between_equals() -> None:
    a, b = tf.quaternion_from_euler(0.1, 0.2, 0.3), tf.quaternion_from_euler(1.0, -0.5, 2.0)
    np.testing.assert_allclose(tf.quaternion_slerp(a, b, 0.0), a)
    np.testing.assert_allclose(tf.quaternion_slerp(a, b, 1.0), b)
    np.testing.assert_allclose(tf.quaternion_slerp(a, a, 0.5), a)
    far = tf.quaternion_slerp([0, 0, 0, 1], [0, 0, -math.sin(0.5), -math.cos(0.5)], 0.5, shortestpath=False)
    np.testing.assert_allclose(np.linalg.norm(far), 1.0)
    assert abs(far[3]) < 0.5


@given(angles, vectors.filter(lambda v: math.hypot(*v) > 0.1), vectors)
def test_rotation_about_a_point_leaves_it(angle: float, axis, point) -> None:
    matrix = tf.rotation_matrix(angle, axis, point)
    np.testing.assert_allclose(matrix @ [*point, 1.0], [*point, 1.0], atol=1e-9)
    turned = tf.quaternion_matrix(tf.quaternion_about_axis(angle, axis))
    np.testing.assert_allclose(matrix[:3, :3], turned[:3, :3], atol=1e-9)


@given(st.floats(0.1, 3.0), vectors.filter(lambda v: math.hypot(*v) > 0.1), vectors)
def test_rotations_are_read_from_matrices(angle: float, axis, point) -> None:
    matrix = tf.rotation_matrix(angle, axis, point)
    assert np.allclose(tf.rotation_matrix(*tf.rotation_from_matrix(matrix)), matrix, atol=1e-6)


def test_what_is_no_rotation_is_refused() -> None:
    with pytest.raises(ValueError, match=r"otat|eigenvector"):
        tf.rotation_from_matrix(np.diag([2.0, 3.0, 4.0, 1.0]))
    with pytest.raises((ValueError, KeyError)):
        tf.euler_matrix(0.1, 0.2, 0.3, "sxxz")
    with pytest.raises(np.linalg.LinAlgError):
        tf.quaternion_from_matrix(np.zeros((4, 4)))


@given(vectors, quaternions)
def test_inverse_and_sameness(moved, q) -> None:
    matrix = tf.translation_matrix(moved) @ tf.quaternion_matrix(q)
    np.testing.assert_allclose(
        tf.concatenate_matrices(matrix, tf.inverse_matrix(matrix)), np.eye(4), atol=1e-9
    )
    assert tf.is_same_transform(matrix, 3.0 * matrix)
    assert not tf.is_same_transform(matrix, matrix @ tf.translation_matrix([0.1, 0.0, 0.0]))


def test_scale_matrices() -> None:
    np.testing.assert_allclose(tf.scale_matrix(2.0, [1, 1, 1]) @ [2, 1, 1, 1], [3, 1, 1, 1])
    np.testing.assert_allclose(tf.scale_matrix(3.0, None, [0, 0, 2]) @ [1, 1, 1, 1], [1, 1, 3, 1])
    np.testing.assert_array_equal(tf.identity_matrix(), np.eye(4))


def test_norms() -> None:
    data = np.arange(24.0).reshape(2, 3, 4)
    assert tf.vector_norm([3.0, 4.0]) == 5.0
    np.testing.assert_allclose(tf.vector_norm(data, axis=1), np.linalg.norm(data, axis=1))
    np.testing.assert_allclose(tf.unit_vector([3.0, 4.0]), [0.6, 0.8])
    np.testing.assert_allclose(np.linalg.norm(tf.unit_vector(data, axis=-1), axis=-1), 1.0)


def test_random_rotations_cover_all_directions() -> None:
    ends = np.array([tf.random_rotation_matrix()[:3, 0] for _ in range(2000)])
    assert np.abs(ends.mean(axis=0)).max() < 0.1
    np.testing.assert_allclose(np.linalg.norm(tf.random_quaternion()), 1.0)
    assert ((tf.random_vector(100) >= 0.0) & (tf.random_vector(100) < 1.0)).all()
