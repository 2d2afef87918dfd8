from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from clips import pose_at
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import numbers

from anyview_ros.errors import InvalidInputError, InvalidRequestError
from anyview_ros.geometry import PinholeCamera, RigidTransform, orbit
from anyview_ros.methods.look_beyond.passes import PlannedPass, Spacing, between, plan_passes

SPACING = Spacing(angle_deg=30, distance_m=0.5, max_passes=50)


def turned(degrees: float) -> np.ndarray:
    half = np.radians(degrees) / 2
    return RigidTransform.from_quaternion([0, np.sin(half), 0, np.cos(half)]).matrix


def check(
    passes: list[PlannedPass], start: np.ndarray, poses: np.ndarray, frames: int, spacing: Spacing
) -> None:
    """What holds of every plan."""
    shown = {}
    for planned in passes:
        assert planned.camera_to_world.shape == (frames, 4, 4)
        for number, index in planned.shows:
            shown.setdefault(number, planned.camera_to_world[index])
        for pose in planned.camera_to_world:
            assert spacing.parts(planned.camera_to_world[0], pose) <= 1 + 1e-6
    for before, after in pairwise(passes):
        np.testing.assert_array_equal(before.camera_to_world[-1], after.camera_to_world[0])
    if passes:
        np.testing.assert_array_equal(passes[0].camera_to_world[0], start)
        # Where two poses differ by less than counts as standing still, the first of them is drawn.
        np.testing.assert_allclose(passes[-1].camera_to_world[-1], poses[-1], atol=2e-5)
    for number, pose in shown.items():
        np.testing.assert_allclose(pose, poses[number], atol=2e-5)
    missing = set(range(len(poses))) - set(shown)
    for number in missing:  # at the start itself, where there is nothing to draw
        np.testing.assert_allclose(poses[number], start, atol=2e-5)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(numbers(-1, 1), numbers(-60, 60)), min_size=1, max_size=12),
    st.integers(2, 9),
)
def test_every_pose_is_on_the_path_and_neighbouring_passes_share_a_keyframe(
    stops: list[tuple[float, float]], frames: int
) -> None:
    poses = np.stack([pose_at(x=x) @ turned(degrees) for x, degrees in stops])
    spacing = Spacing(30, 0.5, 500)
    check(plan_passes(np.eye(4), poses, frames, spacing), np.eye(4), poses, frames, spacing)


def test_a_far_target_is_led_to_in_steps() -> None:
    (first, second, third) = plan_passes(np.eye(4), pose_at(x=1.4)[None], 5, SPACING)
    assert [len(p.shows) for p in (first, second, third)] == [0, 0, 1]
    assert second.camera_to_world[-1][0, 3] == pytest.approx(1.4 * 2 / 3)


def test_a_turn_counts_as_well() -> None:
    assert len(plan_passes(np.eye(4), turned(85)[None], 5, SPACING)) == 3
    assert len(plan_passes(np.eye(4), turned(29)[None], 5, SPACING)) == 1


def test_places_that_nobody_asked_for_are_spread_evenly() -> None:
    (planned,) = plan_passes(np.eye(4), pose_at(x=0.4)[None], 5, SPACING)
    np.testing.assert_allclose(planned.camera_to_world[:, 0, 3], np.linspace(0, 0.4, 5), atol=1e-6)
    assert planned.shows == ((0, 4),)


def test_more_poses_than_a_pass_has_pictures_take_more_passes() -> None:
    poses = np.stack([pose_at(x=0.01 * (i + 1)) for i in range(10)])
    passes = plan_passes(np.eye(4), poses, 4, SPACING)
    check(passes, np.eye(4), poses, 4, SPACING)
    assert len(passes) == 4


def test_a_camera_that_stays_at_the_source_needs_no_pass() -> None:
    assert plan_passes(np.eye(4), np.stack([np.eye(4)] * 3), 5, SPACING) == []


def test_standing_still_on_the_way_costs_nothing() -> None:
    poses = np.stack([pose_at(x=0.2)] * 20)
    (planned,) = plan_passes(np.eye(4), poses, 5, SPACING)
    assert planned.shows == tuple((number, 4) for number in range(20))


def test_a_loop_is_closed() -> None:
    camera = PinholeCamera(40, 40, 15.5, 15.5, 32, 32)
    loop = orbit(camera, (0, 0, 1), np.eye(4), 360, 24, axis=(0, 1, 0)).camera_to_world
    spacing = Spacing(30, 5.0, 50)
    passes = plan_passes(np.eye(4), loop, 5, spacing)
    check(passes, np.eye(4), loop, 5, spacing)
    assert 12 <= len(passes) <= 24


def test_too_long_a_path_names_the_passes_and_the_remedy() -> None:
    with pytest.raises(InvalidRequestError, match=r"20 passes .* max_passes is 8") as error:
        plan_passes(np.eye(4), pose_at(x=10.0)[None], 5, Spacing(30, 0.5, 8))
    for word in ("10.00 m", "keyframe_distance_m", "shorter path"):
        assert word in str(error.value)


@pytest.mark.parametrize("parts", range(1, 25))
def test_a_way_of_whole_keyframes_is_led_in_as_many_passes(parts: int) -> None:
    by_move = plan_passes(np.eye(4), pose_at(x=0.5 * parts)[None], 5, SPACING)
    check(by_move, np.eye(4), pose_at(x=0.5 * parts)[None], 5, SPACING)
    assert len(by_move) == parts
    turn = turned(7.5 * parts)[None]
    by_turn = plan_passes(np.eye(4), turn, 5, Spacing(7.5, 0.5, 50))
    check(by_turn, np.eye(4), turn, 5, Spacing(7.5, 0.5, 50))
    assert len(by_turn) == parts


def test_a_path_without_end_is_refused_before_it_is_laid_out() -> None:
    with pytest.raises(InvalidRequestError, match=r"at least \d+ passes .* max_passes is 50"):
        plan_passes(np.eye(4), pose_at(x=1e15)[None], 8, SPACING)


def test_going_to_and_fro_costs_no_more_passes_than_it_takes() -> None:
    poses = np.stack([pose_at(x=x) for x in (0.45, -0.45)])
    assert len(plan_passes(np.eye(4), poses, 5, Spacing(30, 0.5, 1))) == 1


@pytest.mark.parametrize("name", ["angle_deg", "distance_m", "max_passes"])
def test_a_spacing_is_positive(name: str) -> None:
    with pytest.raises(InvalidInputError, match=name):
        Spacing(**{name: 0})


def test_between_is_the_middle_of_turn_and_move() -> None:
    middle = between(np.eye(4), pose_at(x=1.0) @ turned(40), 0.25)
    np.testing.assert_allclose(middle, pose_at(x=0.25) @ turned(10), atol=1e-6)
