"""The algebra of rigid transforms, against 4x4 matrices."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

rigid_module = pytest.importorskip("tf2_ros.rigid", reason="the upstream tf2_ros has no such module")
Rigid, canonical, normalised = rigid_module.Rigid, rigid_module.canonical, rigid_module.normalised

coordinates = st.floats(-10.0, 10.0)
quaternions = st.tuples(*[st.floats(-1.0, 1.0)] * 4).filter(lambda q: math.hypot(*q) > 0.1).map(normalised)
rigids = st.builds(Rigid, quaternions, st.tuples(coordinates, coordinates, coordinates))


def matrix(rigid) -> np.ndarray:
    x, y, z, w = rigid.rotation
    result = np.eye(4)
    result[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    result[:3, 3] = rigid.translation
    return result


@given(rigids, rigids)
def test_compose_is_the_product_of_matrices(a, b) -> None:
    np.testing.assert_allclose(matrix(a.compose(b)), matrix(a) @ matrix(b), atol=1e-12)


@given(rigids)
def test_inverse_undoes(a) -> None:
    np.testing.assert_allclose(matrix(a.inverse()), np.linalg.inv(matrix(a)), atol=1e-12)


@given(rigids, rigids, st.floats(0.0, 1.0))
def test_interpolation_turns_evenly_and_the_short_way(a, b, ratio: float) -> None:
    whole = turned_by(a, b)
    assume(whole < math.pi - 1e-3)  # two half turns are equally short
    between = a.interpolate(b, ratio)
    assert turned_by(a, between) == pytest.approx(ratio * whole, abs=1e-6)
    assert turned_by(between, b) == pytest.approx((1.0 - ratio) * whole, abs=1e-6)
    straight = np.array(a.translation) * (1.0 - ratio) + np.array(b.translation) * ratio
    np.testing.assert_allclose(between.translation, straight, atol=1e-12)


def turned_by(a, b) -> float:
    """Return the angle between two rotations, from the chord between their matrices."""
    chord = np.linalg.norm(matrix(a)[:3, :3] - matrix(b)[:3, :3]) / math.sqrt(8.0)
    return 2.0 * math.asin(min(chord, 1.0))


@given(quaternions)
def test_canonical_keeps_the_rotation_and_forgets_the_sign(q) -> None:
    assume(abs(abs(q[3]) - 0.5) > 1e-9)
    sizes = sorted(abs(component) for component in q[:3])
    assume(abs(q[3]) > 0.5 or sizes[2] - sizes[1] > 1e-9)
    assert canonical(q) in (q, tuple(-component for component in q))
    assert canonical(q) == canonical(tuple(-component for component in q))
