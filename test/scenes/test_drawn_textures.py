from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyview_ros.errors import InvalidInputError
from anyview_ros.scenes import drawn_textures
from anyview_ros.scenes.drawn_textures import drawn_texture
from anyview_ros.scenes.textures import SIDE, Image

SEEDS = st.integers(0, 2**32 - 1)


def photograph() -> Image:
    """Red, brighter to the right."""
    picture = np.zeros((SIDE, SIDE, 3), np.float32)
    picture[..., 0] = np.linspace(0.2, 1, SIDE)
    return picture


@given(seed=SEEDS, photographed=st.booleans())
def test_a_drawn_texture_is_an_image_in_range_and_its_seeds_own(seed: int, photographed: bool) -> None:
    photographs = [photograph()] if photographed else []
    image = drawn_texture(np.random.default_rng(seed), photographs)
    assert image.shape == (SIDE, SIDE, 3)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert 0 <= image.min() <= image.max() <= 1
    np.testing.assert_array_equal(image, drawn_texture(np.random.default_rng(seed), photographs))


@pytest.mark.parametrize("kind", drawn_textures._KINDS, ids=lambda kind: kind.__name__)
def test_no_two_of_a_kind_are_alike_and_most_show_something(kind: drawn_textures.Kind) -> None:
    images = [kind(np.random.default_rng(seed)) for seed in range(12)]
    for image in images:
        assert image.shape == (SIDE, SIDE, 3)
        assert image.dtype == np.float32
    assert len({image.tobytes() for image in images}) == len(images)
    assert sum(float(np.ptp(image.mean(2))) > 0.05 for image in images) >= 10


def test_a_quarter_shows_parts_of_photographs(monkeypatch: pytest.MonkeyPatch) -> None:
    black = np.zeros((SIDE, SIDE, 3), np.float32)
    monkeypatch.setattr(drawn_textures, "_KINDS", (lambda rng: black,))
    monkeypatch.setattr(drawn_textures, "_PATCHED_SHARE", 0.0)
    rng = np.random.default_rng(3)
    shown = [bool(drawn_texture(rng, [photograph()]).any()) for _ in range(200)]
    assert 0.15 < np.mean(shown) < 0.35
    assert not any(drawn_texture(rng).any() for _ in range(20))


def test_parts_of_a_photograph_are_turned_and_coloured_otherwise() -> None:
    rng = np.random.default_rng(5)
    parts = [drawn_textures._part_of(photograph(), rng) for _ in range(24)]
    across = [part.mean((0, 2))[-1] - part.mean((0, 2))[0] for part in parts]
    down = [part.mean((1, 2))[-1] - part.mean((1, 2))[0] for part in parts]
    assert min(across) < -0.02 < 0.02 < max(across)
    assert min(down) < -0.02 < 0.02 < max(down)
    redness = [float((part[..., 0] - part[..., 1]).mean()) for part in parts]
    assert max(redness) > min(redness) + 0.1


def test_a_photograph_of_another_size_is_told() -> None:
    with pytest.raises(InvalidInputError, match=r"photograph is \(4, 4, 3\); make it with square_texture"):
        drawn_texture(np.random.default_rng(0), [np.zeros((4, 4, 3), np.float32)])
