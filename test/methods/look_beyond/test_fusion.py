from __future__ import annotations

import math

import numpy as np
import pytest
from clips import pose_at
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import numbers, quaternions

from anyview_ros.errors import InvalidInputError, InvalidPoseError
from anyview_ros.geometry import RigidTransform, relative, rotation_angle_deg
from anyview_ros.methods.look_beyond.fusion import (
    Temperatures,
    guidance_scales,
    similarity,
    spatial_weights,
    temporal_weights,
)
from anyview_ros.methods.look_beyond.passes import between

temperatures = st.builds(Temperatures, numbers(0.05, 20), numbers(0.05, 20))
few = settings(max_examples=40)


@st.composite
def poses(draw: st.DrawFn) -> np.ndarray:
    return RigidTransform.from_quaternion(draw(quaternions()), draw(st.tuples(*[numbers(-2, 2)] * 3))).matrix


def path(first: np.ndarray, last: np.ndarray, count: int = 9) -> np.ndarray:
    return np.stack([between(first, last, share) for share in np.linspace(0, 1, count)])


@few
@given(poses(), poses(), temperatures)
def test_a_keyframe_weighs_1_at_its_own_pose_and_less_elsewhere(a, b, chosen) -> None:
    own, other = similarity(np.stack([a, b]), a, chosen)
    assert own == pytest.approx(1, abs=1e-6)
    assert 0 <= other <= 1


@few
@given(poses(), poses(), temperatures, st.booleans())
def test_weights_of_both_keyframes_add_up_to_1(a, b, chosen, hold) -> None:
    way = path(a, b)
    there = spatial_weights(way, a, b, chosen, hold_anchors=hold)
    back = spatial_weights(way, b, a, chosen, hold_anchors=hold)
    assert there + back == pytest.approx(1, abs=1e-9)
    assert (there >= 0).all()
    assert (there <= 1).all()


@few
@given(poses(), poses(), temperatures, st.booleans())
def test_weights_fall_along_the_way(a, b, chosen, hold) -> None:
    assume(rotation_angle_deg(relative(a, b)) < 179)  # else it is not clear which way is shorter
    weights = spatial_weights(path(a, b), a, b, chosen, hold_anchors=hold)
    assert (np.diff(weights) <= 1e-6).all()


@few
@given(poses(), temperatures)
def test_held_weights_are_exactly_1_and_0_at_the_keyframes(a, chosen) -> None:
    b = a @ pose_at(x=0.5)
    weights = spatial_weights(path(a, b), a, b, chosen)
    assert weights[0] == 1
    assert weights[-1] == 0


@few
@given(poses(), temperatures)
def test_the_papers_weights_at_a_keyframe_are_the_logistic_of_the_way(a, chosen) -> None:
    b = a @ pose_at(x=0.5)
    weights = spatial_weights(path(a, b), a, b, chosen, hold_anchors=False)
    assert weights[0] == pytest.approx(1 / (1 + math.exp(-0.5 / chosen.translation_m)), abs=1e-6)


@few
@given(poses(), poses())
def test_weights_go_to_a_half_as_the_temperatures_grow(a, b) -> None:
    way = path(a, b)
    hot = spatial_weights(way, a, b, Temperatures(1e7, 1e7), hold_anchors=False)
    assert hot == pytest.approx(0.5, abs=1e-6)
    endless = spatial_weights(way, a, b, Temperatures(math.inf, math.inf), hold_anchors=False)
    assert (endless == 0.5).all()


def test_tiny_temperatures_choose_the_nearer_keyframe_and_overflow_nothing() -> None:
    a, b = pose_at(), pose_at(x=1.0)
    weights = spatial_weights(path(a, b, 5), a, b, Temperatures(1e-9, 1e-9))
    np.testing.assert_allclose(weights, [1, 1, 0.5, 0, 0], atol=1e-9)


@few
@given(poses(), poses(), poses(), numbers(0.1, 1))
def test_weights_are_the_same_in_every_world_frame_and_at_every_scale(a, b, moved, share) -> None:
    b = b @ pose_at(x=0.3)
    way = path(a, b)
    once = spatial_weights(way, a, b, Temperatures.between(a, b, share))
    again = spatial_weights(
        moved @ way, moved @ a, moved @ b, Temperatures.between(moved @ a, moved @ b, share)
    )
    assert again == pytest.approx(once, abs=1e-4)
    larger = np.stack([a, b, *way])
    larger[:, :3, 3] *= 7
    chosen = Temperatures.between(larger[0], larger[1], share)
    assert spatial_weights(larger[2:], larger[0], larger[1], chosen) == pytest.approx(once, abs=1e-4)


def test_both_the_turn_and_the_move_count() -> None:
    a, b = pose_at(), pose_at(x=1.0)
    b[:3, :3] = RigidTransform.from_quaternion([0, math.sin(0.3), 0, math.cos(0.3)]).rotation
    moved, turned = pose_at(x=1.0), b.copy()
    turned[:3, 3] = 0
    for pose in (moved, turned):
        weight = spatial_weights(pose[None], a, b, Temperatures(0.3, 0.5))[0]
        nearer = spatial_weights(path(a, pose, 3)[1:2], a, b, Temperatures(0.3, 0.5))[0]
        assert 0.01 < weight < nearer


def test_weights_follow_the_camera_and_not_the_clock() -> None:
    a, b = pose_at(), pose_at(x=1.0)
    uneven = np.stack([pose_at(x=x) for x in (0, 0.02, 0.05, 0.1, 1.0)])
    weights = spatial_weights(uneven, a, b, Temperatures.between(a, b, 0.25))
    assert weights[3] > 0.95
    assert temporal_weights(5)[3] == 0.25


def test_temporal_weights_fall_evenly() -> None:
    np.testing.assert_allclose(temporal_weights(5), [1, 0.75, 0.5, 0.25, 0])
    with pytest.raises(InvalidInputError, match="count is 1"):
        temporal_weights(1)


def test_guidance_rises_from_the_keyframe_outwards() -> None:
    np.testing.assert_allclose(guidance_scales(3, 1.0, 3.0), [1, 2, 3])


def test_keyframes_that_only_turn_leave_moving_out() -> None:
    a, b = pose_at(), pose_at()
    b[:3, :3] = RigidTransform.from_quaternion([0, math.sin(0.2), 0, math.cos(0.2)]).rotation
    chosen = Temperatures.between(a, b, 0.5)
    assert chosen.translation_m == math.inf
    assert chosen.rotation_rad == pytest.approx(0.2)


@pytest.mark.parametrize("wrong", [0.0, -1.0, math.nan])
def test_temperatures_are_positive(wrong: float) -> None:
    with pytest.raises(InvalidInputError, match="rotation_rad"):
        Temperatures(wrong, 1.0)


def test_poses_come_in_a_row() -> None:
    with pytest.raises(InvalidPoseError, match=r"\(N, 4, 4\)"):
        spatial_weights(np.eye(4), np.eye(4), np.eye(4), Temperatures())
