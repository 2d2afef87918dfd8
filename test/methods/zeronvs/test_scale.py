from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from strategies import numbers, poses

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import look_at
from anyview_ros.methods.zeronvs.scale import (
    OF_LOOK_AT_DISTANCE,
    look_at_point,
    propose_scale,
    scale_of_depth,
    stands_elsewhere,
)

SOURCE = look_at((2.0, 0.0, 0.0), (0.0, 0.0, 0.0))[None]
TARGETS = np.stack([look_at((0.0, 3.0, 1.0), (0.0, 0.0, 0.0)), look_at((1.0, -2.0, 1.0), (0.0, 0.0, 0.0))])


def test_the_scale_is_the_20th_percentile_of_known_depth() -> None:
    depth = np.arange(1.0, 102.0)
    holes = np.array([0.0, np.nan, np.inf, 0.0])
    assert scale_of_depth(np.concatenate([depth, holes])) == pytest.approx(21.0)


@given(numbers(0.01, 100))
def test_scale_grows_with_depth(factor: float) -> None:
    depth = np.linspace(1, 5, 30).reshape(5, 6)
    assert scale_of_depth(factor * depth) == pytest.approx(factor * scale_of_depth(depth))


def test_depth_that_knows_nothing_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="give scale_m"):
        scale_of_depth(np.zeros((4, 4)))


def test_what_is_told_goes_first_then_depth_then_where_cameras_look_then_what_is_assumed() -> None:
    depth = np.full((1, 4, 4), 1.7)
    parallel = np.tile(np.eye(4), (2, 1, 1))
    told = propose_scale(SOURCE, TARGETS, depth_m=depth, told_m=3.0)
    measured = propose_scale(SOURCE, TARGETS, depth_m=depth, assumed_m=9.0)
    looked = propose_scale(SOURCE, TARGETS, depth_m=np.zeros((1, 4, 4)), assumed_m=9.0)
    assumed = propose_scale(parallel[:1], parallel, assumed_m=9.0)
    assert (told.scale_m, told.origin) == (3.0, "told")
    assert (measured.scale_m, measured.origin) == (pytest.approx(1.7), "depth")
    assert (looked.scale_m, looked.origin) == (pytest.approx(2.0 * OF_LOOK_AT_DISTANCE), "look-at")
    assert looked.why.startswith("2 m is guessed: source and targets look at a point 2 m from the source;")
    assert (assumed.scale_m, assumed.origin) == (9.0, "assumed")
    assert [each.why.split()[0] for each in (told, measured, looked, assumed)] == [
        "scale_m",
        "1.7",
        "2",
        "9",
    ]


def test_cameras_that_only_turn_need_no_scale_but_take_one_that_is_known() -> None:
    turned = look_at((2.0, 0.0, 0.0), (1.0, 1.0, 0.3))[None]
    depth = np.full((1, 4, 4), 1.7)
    unneeded = propose_scale(SOURCE, turned, moves=False)
    assert unneeded.origin == "not needed"
    assert propose_scale(SOURCE, turned, assumed_m=9.0, moves=False) == unneeded
    assert propose_scale(SOURCE, turned, depth_m=depth, moves=False).origin == "depth"
    assert propose_scale(SOURCE, turned, told_m=3.0, moves=False).origin == "told"


@given(poses(), poses())
def test_a_camera_that_turns_looks_at_no_point_however_its_axes_are_rounded(
    source: np.ndarray, turned: np.ndarray
) -> None:
    target = turned.copy()
    target[:3, 3] = source[:3, 3]
    assert look_at_point(source[None], target[None]) is None
    assert not stands_elsewhere(source, target)
    target[:3, 3] += (0.0, 2e-4, 0.0)
    assert stands_elsewhere(source, target)


def test_of_several_depth_images_the_median_counts_and_empty_ones_do_not() -> None:
    depth = np.stack([np.full((2, 2), value) for value in (1.0, 0.0, 2.0, 30.0)])
    assert propose_scale(SOURCE, TARGETS, depth_m=depth).scale_m == 2.0


def test_without_any_hint_the_error_names_the_remedy() -> None:
    parallel = np.tile(np.eye(4), (2, 1, 1))
    with pytest.raises(InvalidInputError, match="give depth images, or option scale_m"):
        propose_scale(parallel[:1], parallel)


@pytest.mark.parametrize("value", [0.0, -2.0, np.nan, np.inf])
def test_impossible_scales_are_refused(value: float) -> None:
    with pytest.raises(InvalidInputError, match="scale_m is"):
        propose_scale(SOURCE, TARGETS, told_m=value)
    with pytest.raises(InvalidInputError, match="assumed_scale_m is"):
        propose_scale(SOURCE, TARGETS, assumed_m=value)


@given(poses())
def test_the_point_looked_at_moves_with_the_world(world: np.ndarray) -> None:
    centre = np.array([0.2, -0.1, 0.4])
    source, target = look_at((2.0, 0.0, 0.3), centre), look_at((0.5, 1.5, 1.0), centre)
    point = look_at_point((world @ source)[None], (world @ target)[None])
    assert point is not None
    np.testing.assert_allclose(point, world[:3, :3] @ centre + world[:3, 3], atol=1e-6)


def test_no_point_is_looked_at_by_cameras_that_look_away() -> None:
    ahead = look_at((0.0, 0.0, 0.0), (1.0, 0.0, 0.0))
    assert look_at_point(ahead[None], look_at((0.0, 1.0, 0.0), (-1.0, 2.0, 0.0))[None]) is None
    assert look_at_point(ahead[None], ahead[None]) is None
    missed = look_at((1.0, -1.0, 5.0), (1.0, 1.0, 5.0))  # passes 5 m above what the other looks at
    assert look_at_point(ahead[None], missed[None]) is None
