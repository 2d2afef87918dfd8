from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.scenes import TextureSet, photograph_textures, procedural_textures, square_texture
from anyview_ros.scenes.textures import SIDE


def test_patterns_are_square_images_in_range_and_always_the_same() -> None:
    textures = procedural_textures()
    procedural_textures.cache_clear()
    again = procedural_textures()
    assert len(textures.images) >= 20
    for name, image in textures.images.items():
        assert image.shape == (SIDE, SIDE, 3), name
        assert 0 <= image.min() <= image.max() <= 1, name
        np.testing.assert_array_equal(image, again.images[name])


@pytest.mark.parametrize("name", ["noise", "speckle", "wood_0", "marble_1", "bricks", "planks_0", "tiles"])
def test_patterns_repeat_without_a_seam(name: str) -> None:
    image = procedural_textures().images[name][..., 0].astype(float)
    for axis in (0, 1):
        inner = np.abs(np.diff(image, axis=axis)).mean()
        seam = np.abs(np.take(image, 0, axis) - np.take(image, -1, axis)).mean()
        lines = np.abs(np.diff(image, axis=axis)).mean(axis=1 - axis).max()
        assert seam <= max(3 * inner, lines), axis


def test_texels_hold_every_image_down_to_its_mean() -> None:
    textures = procedural_textures()
    texels = textures.texels("cpu").numpy()
    per_image = sum((SIDE >> k) ** 2 for k in range(SIDE.bit_length()))
    assert len(texels) == per_image * len(textures.images)
    index = textures.index("confetti")
    smallest = texels[(index + 1) * per_image - 1]
    np.testing.assert_allclose(smallest, textures.images["confetti"].mean((0, 1), np.float64), atol=1e-6)


def test_a_photograph_is_its_central_square_in_linear_light() -> None:
    photograph = np.zeros((300, 500, 3), np.uint8)
    photograph[:, 100:400] = (255, 128, 0)
    photograph[:150, 100:400, 2] = 255
    texture = square_texture(photograph)
    assert texture.shape == (SIDE, SIDE, 3)
    np.testing.assert_allclose(texture[0, 0], [1, (128 / 255) ** 2.2, 1], atol=1e-3)
    np.testing.assert_allclose(texture[-1, -1], [1, (128 / 255) ** 2.2, 0], atol=1e-3)
    small = square_texture(np.full((7, 9), 255, np.uint8))
    np.testing.assert_allclose(small, 1, atol=1e-6)


def test_photographs_get_names_and_wrong_ones_an_error() -> None:
    grey = np.zeros((8, 8), np.uint8)
    assert list(photograph_textures([grey, grey])) == ["photo_0", "photo_1"]
    named = {"mine": square_texture(grey)}
    assert photograph_textures(named) == named
    with pytest.raises(InvalidInputError, match="must be uint8"):
        square_texture(np.zeros((8, 8, 3), np.float32))  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="no texture 'mahogany'"):
        procedural_textures().index("mahogany")
    with pytest.raises(InvalidInputError, match="square_texture"):
        TextureSet({"odd": np.zeros((3, 3, 3), np.float32)})
