from __future__ import annotations

import cv2
import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.metrics import (
    Correspondences,
    correspondences_from_depth,
    refined_correspondences,
    sift_correspondences,
)

CAMERA = PinholeCamera(100.0, 100.0, 49.5, 39.5, 100, 80)


def shifted(metres: float) -> np.ndarray:
    pose = np.eye(4)
    pose[0, 3] = metres
    return pose


def textured(seed: int = 0, size: tuple[int, int] = (80, 100)) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (size[0] // 4, size[1] // 4, 3), np.uint8)
    return np.asarray(cv2.resize(noise, size[::-1], interpolation=cv2.INTER_CUBIC), np.uint8)


def test_a_wall_moves_by_its_disparity() -> None:
    """Focal length 100, 2 m away, 0.1 m aside: 5 pixels to the left."""
    depth = np.full((80, 100), 2.0, np.float32)
    matches = correspondences_from_depth(depth, CAMERA, shifted(0), CAMERA, shifted(0.1), stride=5)
    np.testing.assert_allclose(matches.points_b, matches.points_a - (5, 0), atol=1e-4)
    assert len(matches) == 16 * 19  # rows 0, 5, … 75; columns 5, 10, … 95
    assert matches.points_a[:, 0].min() == 5


def test_unknown_depth_and_what_is_hidden_give_no_match() -> None:
    depth = np.full((80, 100), 2.0, np.float32)
    depth[:40] = 0
    matches = correspondences_from_depth(depth, CAMERA, shifted(0), CAMERA, shifted(0.1))
    assert matches.points_a[:, 1].min() == 40
    hidden = np.full((80, 100), 2.0, np.float32)
    hidden[:, 50:] = 1.0  # a board in front of the right half of b
    seen = correspondences_from_depth(
        depth, CAMERA, shifted(0), CAMERA, shifted(0.1), depth_b=hidden, stride=1
    )
    assert 40 < seen.points_b[:, 0].max() < 51


def test_refining_finds_what_has_moved_from_its_place() -> None:
    """Picture b shows everything 3.5 px right of and 2 px above where it should be."""
    image = textured()
    move = np.array([[1, 0, -5 + 3.5], [0, 1, -2]])
    other = cv2.warpAffine(image, move, (100, 80), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    depth = np.full((80, 100), 2.0, np.float32)
    expected = correspondences_from_depth(depth, CAMERA, shifted(0), CAMERA, shifted(0.1), stride=6)
    found = refined_correspondences(image, other, expected)
    assert len(found) > 50
    off = found.points_b - (found.points_a - (5, 0))
    np.testing.assert_allclose(np.median(off, axis=0), (3.5, -2.0), atol=0.15)


def test_refining_keeps_parts_of_pixels() -> None:
    image = textured()
    expected = Correspondences(
        [[40, 40], [60.25, 30], [50.75, 45.6]], [[40.4, 39.7], [60.25, 30], [50.75, 45.6]]
    )
    found = refined_correspondences(image, image, expected)
    assert len(found) == 3
    np.testing.assert_allclose(found.points_b, found.points_a, atol=0.1)


@pytest.mark.parametrize("move", [(2, 0), (-2, 0), (0, 2), (0, -2)])
def test_what_is_best_at_the_border_of_the_search_is_no_match(move: tuple[int, int]) -> None:
    image = textured()
    moved = np.roll(image, move, axis=(1, 0))
    expected = Correspondences([[40, 40]], [[40, 40]])
    assert len(refined_correspondences(image, moved, expected, search_px=2)) == 0
    found = refined_correspondences(image, moved, expected, search_px=3)
    np.testing.assert_allclose(found.points_b, [np.add((40, 40), move)], atol=0.1)


def test_plain_surfaces_and_other_pictures_give_no_match() -> None:
    expected = Correspondences([[40, 40], [50, 30]], [[40, 40], [50, 30]])
    plain = np.full((80, 100, 3), 128, np.uint8)
    assert len(refined_correspondences(plain, plain, expected)) == 0
    assert len(refined_correspondences(textured(1), textured(2), expected, search_px=2)) == 0


def test_sift_finds_a_known_shift() -> None:
    big = textured(3, (160, 240))
    matches = sift_correspondences(big[:, :200], big[:, 30:230])
    assert len(matches) > 20
    off = matches.points_b - matches.points_a
    np.testing.assert_allclose(np.median(off, axis=0), (-30, 0), atol=0.1)
    assert np.mean(np.abs(off - (-30, 0)).max(axis=1) < 1) > 0.9


def test_sift_matches_no_place_twice() -> None:
    """Picture a shows twice what b shows once."""
    tile = textured(4, (160, 160))
    once = np.hstack([tile, textured(5, (160, 160))])
    matches = sift_correspondences(np.hstack([tile, tile]), once)
    assert len(matches) > 10
    assert len(np.unique(matches.points_b, axis=0)) > 0.9 * len(matches)  # a place may carry several features


def test_sift_finds_nothing_on_a_plain_picture() -> None:
    plain = np.full((80, 100, 3), 128, np.uint8)
    assert len(sift_correspondences(plain, textured())) == 0


def test_what_cannot_be_matched() -> None:
    depth = np.ones((80, 100), np.float32)
    with pytest.raises(InvalidInputError, match="stride is 0"):
        correspondences_from_depth(depth, CAMERA, np.eye(4), CAMERA, np.eye(4), stride=0)
    with pytest.raises(InvalidInputError, match=r"\(80, 100\)"):
        correspondences_from_depth(depth.T, CAMERA, np.eye(4), CAMERA, np.eye(4))
    with pytest.raises(InvalidInputError, match="image_b must be uint8"):
        sift_correspondences(textured(), textured()[..., 0])
    with pytest.raises(InvalidInputError, match="ratio"):
        sift_correspondences(textured(), textured(), ratio=0)
    with pytest.raises(InvalidInputError, match="search_px"):
        refined_correspondences(textured(), textured(), Correspondences([], []), search_px=0)
    with pytest.raises(InvalidInputError, match="as many points"):
        Correspondences([[1, 2]], [])
