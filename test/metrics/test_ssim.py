from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.data import astronaut
from skimage.metrics import structural_similarity

from anyview_ros.errors import InvalidInputError
from anyview_ros.metrics import ssim, ssim_map


def photograph(seed: int = 0, sigma: float = 12.0) -> tuple[np.ndarray, np.ndarray]:
    a = astronaut()[100:164, 180:260]
    noise = np.random.default_rng(seed).normal(0, sigma, a.shape)
    return a, np.clip(a + noise, 0, 255).astype(np.uint8)


@given(seed=st.integers(0, 2**32 - 1), sigma=st.floats(0, 80))
@settings(max_examples=20)
def test_agrees_with_scikit_image(seed: int, sigma: float) -> None:
    a, b = photograph(seed, sigma)
    assert ssim(a, b) == pytest.approx(structural_similarity(a, b, channel_axis=2), abs=1e-6)
    a, b = a / 255, b / 255
    assert ssim(a, b) == pytest.approx(structural_similarity(a, b, channel_axis=2, data_range=1), abs=1e-6)


def test_agrees_with_scikit_image_on_grey_and_flat_images() -> None:
    a, b = photograph()
    assert ssim(a[..., 1], b[..., 1]) == pytest.approx(structural_similarity(a[..., 1], b[..., 1]), abs=1e-6)
    flat = np.full_like(a, 200)
    assert ssim(flat, b) == pytest.approx(structural_similarity(flat, b, channel_axis=2), abs=1e-6)


def test_dark_and_even_images_differ_by_their_light_as_the_paper_says() -> None:
    dark, grey = (np.full((9, 9), level, np.uint8) for level in (0, 10))
    light = 0.01**2 / ((10 / 255) ** 2 + 0.01**2)
    assert ssim(dark, grey) == pytest.approx(light)
    rough = np.where(np.indices((9, 9)).sum(axis=0) % 2, 104, 100).astype(np.uint8)
    assert ssim(rough, 204 - rough) == pytest.approx(structural_similarity(rough, 204 - rough), abs=1e-9)


def test_the_same_image_scores_one() -> None:
    a, _ = photograph()
    assert ssim(a, a) == pytest.approx(1)


def test_the_mask_selects_window_centres() -> None:
    a, b = photograph()
    mask = np.zeros(a.shape[:2], np.bool_)
    mask[20:30, 40:50] = True
    assert ssim(a, b, mask) == pytest.approx(ssim_map(a, b)[17:27, 37:47].mean())
    far = b.copy()
    far[:16] = 0
    assert ssim(a, far, mask) == pytest.approx(ssim(a, b, mask), abs=1e-9)
    assert ssim(a, b, np.ones_like(mask)) == pytest.approx(ssim(a, b))


def test_a_mask_of_nothing_but_border_is_an_error() -> None:
    a, b = photograph()
    mask = np.zeros(a.shape[:2], np.bool_)
    mask[:3] = True
    with pytest.raises(InvalidInputError, match="border"):
        ssim(a, b, mask)


def test_an_image_smaller_than_a_window_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match="7 x 7"):
        ssim(np.zeros((6, 20), np.uint8), np.zeros((6, 20), np.uint8))
