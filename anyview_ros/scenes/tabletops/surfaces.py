"""What covers the shapes of tabletops: parts of robosuite's textures, and drawn ones."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import ReadError
from anyview_ros.scenes.drawn_textures import drawn_texture
from anyview_ros.scenes.room_splits import split_photographs
from anyview_ros.scenes.tabletops.assets import Assets
from anyview_ros.scenes.tabletops.stage import TEXTURE_SIDE
from anyview_ros.scenes.textures import SIDE

_OF_ROBOSUITE_SHARE, _TINTED_SHARE = 0.5, 0.4


class Surfaces:
    """Draws the surfaces of one split.

    Args:
        assets: where robosuite's textures are.
        held_out: whether they are for tests instead of training.
    """

    def __init__(self, assets: Assets, *, held_out: bool) -> None:
        """Find the pictures."""
        self._pictures = assets.textures(held_out=held_out)
        self._photographs = list(split_photographs(held_out=held_out).values())

    def draw(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """A surface, uint8 (TEXTURE_SIDE, TEXTURE_SIDE, 3), RGB.

        Raises:
            ReadError: a texture of robosuite cannot be read.
        """
        if self._pictures and rng.uniform() < _OF_ROBOSUITE_SHARE:
            return _part(_picture(self._pictures[int(rng.integers(len(self._pictures)))]), rng)
        drawn, halves = drawn_texture(rng, self._photographs), SIDE // TEXTURE_SIDE
        small = drawn.reshape(TEXTURE_SIDE, halves, TEXTURE_SIDE, halves, 3).mean((1, 3))
        return np.asarray((small.clip(0, 1) ** (1 / 2.2) * 255).round(), np.uint8)


def _part(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A square of at least 0.3 of a picture's side, now and then in one other colour."""
    side = int(rng.uniform(0.3, 1.0) * min(picture.shape[:2]))
    top, left = (int(rng.integers(length - side + 1)) for length in picture.shape[:2])
    part = picture[top : top + side, left : left + side]
    small = cv2.resize(part, (TEXTURE_SIDE, TEXTURE_SIDE), interpolation=cv2.INTER_AREA)
    values = small.astype(np.float32) / 255
    if rng.uniform() < _TINTED_SHARE:
        values = values.mean(2, keepdims=True) * rng.uniform(0.3, 1.4, 3)
    return np.asarray((values.clip(0, 1) * 255).round(), np.uint8)


@cache
def _picture(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise ReadError(f"{path} of robosuite's assets cannot be read; install robosuite 1.5.2 anew")
    return np.asarray(picture, np.uint8)
