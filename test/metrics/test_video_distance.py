from __future__ import annotations

import cv2
import numpy as np
import pytest
from scipy.linalg import sqrtm
from scipy.stats import wasserstein_distance

from anyview_ros.errors import InvalidInputError
from anyview_ros.metrics import frechet_distance, sliced_wasserstein
from anyview_ros.metrics.video_distance import _mean_distance


def video(seed: int = 0, frames: int = 6) -> np.ndarray:
    """Textures that slide to the right by a pixel per frame."""
    rng = np.random.default_rng(seed)
    noise = cv2.resize(rng.integers(0, 256, (12, 20, 3), np.uint8), (80, 48), interpolation=cv2.INTER_CUBIC)
    return np.stack([np.roll(noise, shift, axis=1) for shift in range(frames)])


def test_the_same_video_is_at_no_distance_and_damage_is() -> None:
    true = video()
    blurred = np.stack([cv2.GaussianBlur(frame, (0, 0), 3) for frame in true])
    more = np.stack([cv2.GaussianBlur(frame, (0, 0), 6) for frame in true])
    assert sliced_wasserstein(true, true) == 0
    assert 1 < sliced_wasserstein(blurred, true) < sliced_wasserstein(more, true)


def test_it_sees_motion_and_not_places() -> None:
    """Frames in another order hold the same pictures, but jump; moved aside, they hold the same motion."""
    true = video(frames=12)
    shuffled = true[np.random.default_rng(1).permutation(12)]
    aside = np.roll(true, 17, axis=2)
    assert sliced_wasserstein(shuffled, true) > 3 * sliced_wasserstein(aside, true)


def test_it_agrees_with_scipy_on_one_direction() -> None:
    rng = np.random.default_rng(6)
    first, second = rng.normal(size=(200, 1)), rng.normal(1, 2, size=(200, 1))
    expected = wasserstein_distance(first[:, 0], second[:, 0])
    assert _mean_distance(first, second) == pytest.approx(expected, rel=1e-9)


def test_one_frame_and_seeds() -> None:
    a, b = video(0, 1), video(1, 1)
    assert sliced_wasserstein(a, b, seed=3) == sliced_wasserstein(a, b, seed=3)
    assert sliced_wasserstein(a, b, seed=3) != sliced_wasserstein(a, b, seed=4)


def test_frechet_agrees_with_the_matrix_root_of_scipy() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(40, 5)), rng.normal(1, 2, size=(30, 5)) @ rng.normal(size=(5, 5))
    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(
        first + second - 2 * sqrtm(first @ second).real
    )
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-8)


def test_frechet_by_hand() -> None:
    """Means 1 and 4, variances 2 and 8: 9 + 2 + 8 - 2 * 4."""
    a, b = np.array([[0.0], [2.0]]), np.array([[2.0], [6.0]])
    assert frechet_distance(a, b) == pytest.approx(11.0)
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-9)


def test_small_videos_are_compared_at_the_scales_that_hold_a_patch() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (2, 3, 8, 13, 3), np.uint8)
    assert sliced_wasserstein(a, a) == 0
    assert sliced_wasserstein(a, b) > 1


def test_what_cannot_be_compared() -> None:
    with pytest.raises(InvalidInputError, match="one shape"):
        sliced_wasserstein(video(), video()[1:])
    with pytest.raises(InvalidInputError, match="7 x 7"):
        sliced_wasserstein(np.zeros((2, 6, 9, 3), np.uint8), np.zeros((2, 6, 9, 3), np.uint8))
    with pytest.raises(InvalidInputError, match="at least 2"):
        frechet_distance(np.zeros((1, 3)), np.zeros((4, 3)))
