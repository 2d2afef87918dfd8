from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio

from anyview_ros.errors import InvalidInputError
from anyview_ros.metrics import finite_or_none, psnr_db


def images(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    a = generator.integers(0, 256, (20, 30, 3), np.uint8)
    noise = generator.integers(-9, 10, a.shape)
    return a, np.clip(a + noise, 0, 255).astype(np.uint8)


@given(seed=st.integers(0, 2**32 - 1))
def test_agrees_with_scikit_image(seed: int) -> None:
    a, b = images(seed)
    assert psnr_db(a, b) == pytest.approx(peak_signal_noise_ratio(a, b), abs=1e-9)
    assert psnr_db(a / 255, b / 255) == pytest.approx(peak_signal_noise_ratio(a, b), abs=1e-9)


def test_a_difference_of_one_grey_level() -> None:
    a = np.full((4, 4), 100, np.uint8)
    assert psnr_db(a, a + np.uint8(1)) == pytest.approx(20 * math.log10(255))


def test_only_the_mask_counts() -> None:
    a, b = images()
    mask = np.zeros(a.shape[:2], np.bool_)
    mask[2:5, 3:9] = True
    disturbed = np.where(mask[..., None], b, 255 - b)
    assert psnr_db(a, disturbed, mask) == psnr_db(a, b, mask)
    assert psnr_db(a, disturbed) < psnr_db(a, b) - 3
    assert psnr_db(a, b, np.ones_like(mask)) == psnr_db(a, b)


def test_the_same_image_is_infinitely_good_and_none_in_json() -> None:
    a, _ = images()
    assert psnr_db(a, a) == math.inf
    assert json.dumps(finite_or_none(psnr_db(a, a))) == "null"
    assert finite_or_none(31.5) == 31.5
    assert finite_or_none(math.nan) is None


@pytest.mark.parametrize(
    ("a", "b", "word"),
    [
        (np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8), r"\(4, 5\)"),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.float32), "float32"),
        (np.zeros((4, 4), np.int64), np.zeros((4, 4), np.int64), "int64"),
        (np.zeros((0, 4), np.uint8), np.zeros((0, 4), np.uint8), "empty"),
        (np.full((4, 4), np.nan), np.zeros((4, 4)), "nan"),
        (np.zeros((4, 4)), np.full((4, 4), np.inf), "nan"),
        (np.zeros((2, 4, 4, 3), np.uint8), np.zeros((2, 4, 4, 3), np.uint8), r"\(2, 4, 4, 3\)"),
    ],
)
def test_images_that_cannot_be_compared(a: np.ndarray, b: np.ndarray, word: str) -> None:
    with pytest.raises(InvalidInputError, match=word):
        psnr_db(a, b)


@pytest.mark.parametrize(
    ("mask", "word"),
    [
        (np.ones((4, 4), np.bool_), r"\(4, 4\)"),
        (np.ones((20, 30), np.uint8), "uint8"),
        (np.zeros((20, 30), np.bool_), "no pixel"),
    ],
)
def test_masks_that_do_not_fit(mask: np.ndarray, word: str) -> None:
    with pytest.raises(InvalidInputError, match=word):
        psnr_db(*images(), mask)
