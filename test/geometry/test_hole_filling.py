from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry.hole_filling import fill_confidence, fill_holes


def scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A red object at 1 m on the left, a blue wall at 2 m on the right, and a hole between."""
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, :20], image[:, 40:] = (240, 0, 0), (0, 0, 240)
    covered = np.zeros((40, 60), np.bool_)
    covered[:, :20], covered[:, 40:] = True, True
    depth = np.where(covered, np.where(np.arange(60) < 30, 1.0, 2.0), 0).astype(np.float32)
    return image, covered, depth


def test_covered_pixels_stay_as_they_are() -> None:
    image, covered, depth = scene()
    image[covered] = np.random.default_rng(0).integers(0, 256, (covered.sum(), 3))
    filled = fill_holes(image, covered, depth)
    np.testing.assert_array_equal(filled[covered], image[covered])
    assert image[:, 25].max() == 0  # the input is not written to


def test_holes_are_filled_from_the_farther_side() -> None:
    image, covered, depth = scene()
    hole = fill_holes(image, covered, depth)[:, 24:40]
    assert (hole[..., 2] > 170).all()
    assert (hole[..., 0] < 70).all()
    middle = fill_holes(image, covered)[:, 29:31].astype(int)
    assert np.abs(middle[..., 0] - middle[..., 2]).max() < 60  # without depth, from both alike


def test_a_flat_colour_is_continued_exactly() -> None:
    covered = np.random.default_rng(1).random((37, 53)) < 0.2
    image = np.where(covered[..., None], (10, 200, 77), 0).astype(np.uint8)
    assert (fill_holes(image, covered) == (10, 200, 77)).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1), (2, 3)])
def test_small_images(size: tuple[int, int]) -> None:
    covered = np.zeros(size, np.bool_)
    covered[0, 0] = True
    image = np.where(covered[..., None], (9, 8, 7), 0).astype(np.uint8)
    assert (fill_holes(image, covered) == (9, 8, 7)).all()


def test_nothing_to_fill_from_gives_black_and_no_confidence() -> None:
    nothing = np.zeros((6, 8), np.bool_)
    image = np.full((6, 8, 3), 99, np.uint8)
    assert (fill_holes(image, nothing) == 0).all()
    assert (fill_confidence(nothing, nothing.astype(np.float32)) == 0).all()
    np.testing.assert_array_equal(fill_holes(image, ~nothing), image)


def test_confidence_falls_with_the_distance_to_what_was_seen() -> None:
    covered = np.zeros((5, 60), np.bool_)
    covered[:, :20] = True
    confidence = fill_confidence(covered, covered.astype(np.float32))
    assert (confidence[:, :20] == 1).all()
    np.testing.assert_allclose(confidence[:, 20], 0.5, atol=0.01)
    assert (np.diff(confidence[2, 20:37]) < 0).all()
    assert (confidence[:, 35] > 0).all()  # 16 pixels from what was seen
    assert (confidence[:, 36:] == 0).all()


def test_no_hole_is_trusted_more_than_the_pixels_beside_it() -> None:
    covered = np.zeros((5, 60), np.bool_)
    covered[:, :10], covered[:, 50:] = True, True
    seen = np.where(np.arange(60) < 30, 0.2, 0.8)[None].repeat(5, axis=0).astype(np.float32)
    confidence = fill_confidence(covered, seen)
    np.testing.assert_array_equal(confidence[covered], seen[covered])
    np.testing.assert_allclose(confidence[:, 10], 0.1, atol=0.01)
    np.testing.assert_allclose(confidence[:, 49], 0.4, atol=0.01)


def test_holes_are_trusted_by_the_pixels_beside_them_and_not_by_their_surroundings() -> None:
    covered = np.zeros((60, 30), np.bool_)
    covered[:, :10] = True
    seen = np.where(np.arange(60) < 30, 0.2, 0.8)[:, None].repeat(30, axis=1).astype(np.float32)
    confidence = fill_confidence(covered, seen)
    np.testing.assert_allclose(confidence[:25, 10], 0.1, atol=0.01)
    np.testing.assert_allclose(confidence[35:, 10], 0.4, atol=0.01)


def test_sizes_that_differ() -> None:
    image, covered, depth = scene()
    with pytest.raises(InvalidInputError, match="differ in size"):
        fill_holes(image, covered[:5], depth)
    with pytest.raises(InvalidInputError, match="differ in size"):
        fill_holes(image, covered, depth[:5])
    with pytest.raises(InvalidInputError, match="differ in size"):
        fill_confidence(covered, depth[:5])
