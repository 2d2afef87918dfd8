"""Images that cover surfaces: procedural patterns that repeat without a seam, and photographs that the user gives.

Patterns are grey or coloured in [0, 1] and take their colours from the material, so one small set serves all scenes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError, MissingDependencyError

Image = NDArray[np.float32]
SIDE = 256
"""Edge length of every texture, pixels; a power of two, so that it halves down to one."""


@dataclass(frozen=True, eq=False)
class TextureSet:
    """Named textures of one size, with their smaller versions, ready for a renderer.

    Args:
        images: name → float32 (SIDE, SIDE, 3), linear light in [0, 1].
    """

    images: Mapping[str, Image]
    _index: dict[str, int] = field(init=False, repr=False)
    _on_device: dict[str, Any] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        for name, image in self.images.items():
            if image.shape != (SIDE, SIDE, 3):
                raise InvalidInputError(f"texture {name!r} is {image.shape}; make it with square_texture()")
        object.__setattr__(self, "_index", {name: i for i, name in enumerate(self.images)})

    def index(self, name: str) -> int:
        """Return the position of texture ``name``.

        Raises:
            InvalidInputError: no such texture.
        """
        try:
            return self._index[name]
        except KeyError:
            raise InvalidInputError(
                f"no texture {name!r} in this set; it has {', '.join(sorted(self._index))}"
            ) from None

    def extended(self, images: Mapping[str, Image]) -> TextureSet:
        """Return a set that also has ``images``."""
        return TextureSet({**self.images, **images})

    def texels(self, device: str) -> Any:
        """Return all textures at all sizes as one float32 tensor (texels, 3) on ``device``; kept for the next call.

        Texture by texture, and in each from the full size down to one texel.
        """
        if device not in self._on_device:
            import torch

            rows = [level.reshape(-1, 3) for image in self.images.values() for level in _halvings(image)]
            self._on_device[device] = torch.from_numpy(np.concatenate(rows)).to(device)
        return self._on_device[device]


def _halvings(image: Image) -> list[Image]:
    levels = [image]
    while len(levels[-1]) > 1:
        last = levels[-1]
        quarters = (last[::2, ::2] + last[1::2, ::2] + last[::2, 1::2] + last[1::2, 1::2]) / 4
        levels.append(quarters.astype(np.float32))
    return levels


def square_texture(image: NDArray[np.uint8]) -> Image:
    """Return a photograph as a texture: its central square, scaled, in linear light.

    Args:
        image: uint8 (H, W, 3) RGB or (H, W) grey.

    Raises:
        InvalidInputError: another type or shape.
    """
    picture = np.asarray(image)
    if (
        picture.dtype != np.uint8
        or picture.ndim not in (2, 3)
        or (picture.ndim == 3 and picture.shape[2] < 3)
    ):
        raise InvalidInputError(
            f"a photograph must be uint8 (H, W, 3) or (H, W), got {picture.dtype} {picture.shape}"
        )
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    side = min(picture.shape[:2])
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    square = picture[top : top + side, left : left + side, :3].astype(np.float32) / 255
    edges = np.linspace(0, side, SIDE + 1)
    starts = edges[:-1].astype(int)
    stops = np.maximum(np.ceil(edges[1:]).astype(int), starts + 1)
    sums = np.zeros((side + 1, side + 1, 3), np.float64)
    sums[1:, 1:] = srgb_to_linear(square).cumsum(0).cumsum(1)
    total = sums[stops][:, stops] - sums[starts][:, stops] - sums[stops][:, starts] + sums[starts][:, starts]
    area = (stops - starts)[:, None] * (stops - starts)[None]
    return np.asarray(np.clip(total / area[..., None], 0, 1), np.float32)


def srgb_to_linear(colour: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return linear light of display values in [0, 1] (the power 2.2 approximation of sRGB)."""
    return np.asarray(np.power(np.clip(colour, 0, 1), 2.2), np.float32)


def sample_photographs() -> dict[str, Image]:
    """Return textures from scikit-image's sample pictures.

    Nothing is downloaded; each picture's licence is told in scikit-image's ``skimage/data/README.txt``.

    Raises:
        MissingDependencyError: scikit-image is not installed.
    """
    try:
        from skimage import data
    except ImportError as error:
        raise MissingDependencyError(
            "sample photographs need scikit-image: pip install scikit-image, or give your own pictures"
        ) from error
    names = (
        "astronaut",
        "brick",
        "chelsea",
        "coffee",
        "coins",
        "grass",
        "gravel",
        "hubble_deep_field",
        "rocket",
    )
    return {f"photo_{name}": square_texture(getattr(data, name)()) for name in names}


@cache
def procedural_textures() -> TextureSet:
    """Return the built-in patterns; always the same."""
    images: dict[str, Image] = {
        "plain": np.ones((SIDE, SIDE, 3), np.float32),
        "checker": _grey(_checker(2)),
        "fine_checker": _grey(_checker(8)),
        "stripes": _grey(_stripes(2)),
        "fine_stripes": _grey(_stripes(8)),
        "tiles": _grey(_tiles(4)),
        "bricks": _grey(_bricks()),
        "dots": _grey(_dots(4)),
        "grid": _grey(_grid(8)),
        "confetti": _confetti(),
        "belt": _grey(_belt()),
    }
    for name, first_octave, seed in (
        ("clouds", 1, 11),
        ("noise", 3, 12),
        ("speckle", 5, 13),
        ("grain", 6, 14),
    ):
        images[name] = _grey(_noise(first_octave, seed))
    for i in range(2):
        images[f"wood_{i}"] = _grey(_wood(seed=20 + i))
        images[f"planks_{i}"] = _grey(_planks(seed=30 + i))
        images[f"marble_{i}"] = _grey(_marble(seed=40 + i))
        images[f"plaster_{i}"] = _grey(0.82 + 0.18 * _noise(2 + i, seed=50 + i))
        images[f"fabric_{i}"] = _grey(_fabric(seed=60 + i))
    return TextureSet(images)


def photograph_textures(photographs: Sequence[NDArray[np.uint8]] | Mapping[str, Image]) -> dict[str, Image]:
    """Return named textures of pictures: ``photo_0``, ``photo_1``…, or what is named already, as it is."""
    if isinstance(photographs, Mapping):
        return dict(photographs)
    return {f"photo_{i}": square_texture(image) for i, image in enumerate(photographs)}


def _grey(values: NDArray[np.floating[Any]]) -> Image:
    return np.repeat(np.clip(values, 0, 1).astype(np.float32)[..., None], 3, axis=2)


def _unit_grid() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows and columns of texel centres in [0, 1)."""
    centres = (np.arange(SIDE) + 0.5) / SIDE
    v, u = np.meshgrid(centres, centres, indexing="ij")
    return v, u


def _checker(count: int) -> NDArray[np.float64]:
    v, u = _unit_grid()
    return ((np.floor(v * count) + np.floor(u * count)) % 2).astype(np.float64)


def _stripes(count: int) -> NDArray[np.float64]:
    _, u = _unit_grid()
    return (np.floor(u * count * 2) % 2).astype(np.float64)


def _belt() -> NDArray[np.float64]:
    _, u = _unit_grid()
    return np.asarray(0.25 + 0.75 * (np.abs((u * 8) % 1 - 0.5) < 0.36), np.float64)


def _tiles(count: int) -> NDArray[np.float64]:
    v, u = _unit_grid()
    edge = np.minimum(np.abs((u * count) % 1 - 0.5), 0.5)
    edge = np.maximum(edge, np.abs((v * count) % 1 - 0.5))
    shade = np.random.default_rng(3).uniform(0.8, 1.0, (count, count))
    rows, columns = (v * count).astype(int), (u * count).astype(int)
    return np.where(edge > 0.47, 0.25, shade[rows, columns]) * (0.94 + 0.06 * _noise(3, 4))


def _bricks() -> NDArray[np.float64]:
    rows, columns = 8, 4
    v, u = _unit_grid()
    row = np.floor(v * rows).astype(int)
    along = (u * columns + 0.5 * (row % 2)) % columns
    mortar = (np.abs((v * rows) % 1 - 0.5) > 0.44) | (np.abs(along % 1 - 0.5) > 0.47)
    shade = np.random.default_rng(5).uniform(0.55, 1.0, (rows, columns))[row, along.astype(int)]
    return np.asarray(np.where(mortar, 0.15, shade * (0.8 + 0.2 * _noise(4, 6))))


def _dots(count: int) -> NDArray[np.float64]:
    v, u = _unit_grid()
    return (np.hypot((u * count) % 1 - 0.5, (v * count) % 1 - 0.5) < 0.3).astype(np.float64)


def _grid(count: int) -> NDArray[np.float64]:
    v, u = _unit_grid()
    line = np.maximum(np.abs((u * count) % 1 - 0.5), np.abs((v * count) % 1 - 0.5))
    return (line < 0.45).astype(np.float64)


def _confetti() -> Image:
    rng = np.random.default_rng(7)
    image = np.full((SIDE, SIDE, 3), 0.9, np.float32)
    v, u = _unit_grid()
    for _ in range(60):
        centre, radius, colour = rng.uniform(0, 1, 2), rng.uniform(0.02, 0.07), rng.uniform(0, 1, 3)
        du, dv = (u - centre[0] + 0.5) % 1 - 0.5, (v - centre[1] + 0.5) % 1 - 0.5
        image[np.hypot(du, dv) < radius] = colour
    return image


def _noise(first_octave: int, seed: int, octaves: int = 5) -> NDArray[np.float64]:
    """Fractal value noise in [0, 1] that repeats without a seam; (SIDE, SIDE)."""
    rng = np.random.default_rng(seed)
    total = np.zeros((SIDE, SIDE))
    for octave in range(first_octave, min(first_octave + octaves, 9)):
        total += _value_noise(rng, 2**octave, 2**octave) * 0.5 ** (octave - first_octave)
    low, high = float(total.min()), float(total.max())
    return (total - low) / (high - low)


def _value_noise(rng: np.random.Generator, rows: int, columns: int) -> NDArray[np.float64]:
    lattice = rng.uniform(0, 1, (rows, columns))
    v, u = _unit_grid()
    return _smooth_lookup(lattice, v * rows, u * columns)


def _smooth_lookup(
    lattice: NDArray[np.float64], y: NDArray[np.float64], x: NDArray[np.float64]
) -> NDArray[np.float64]:
    rows, columns = lattice.shape
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    fy, fx = y - top, x - left
    fy, fx = fy * fy * (3 - 2 * fy), fx * fx * (3 - 2 * fx)
    top, left = top % rows, left % columns
    bottom, right = (top + 1) % rows, (left + 1) % columns
    upper = lattice[top, left] * (1 - fx) + lattice[top, right] * fx
    lower = lattice[bottom, left] * (1 - fx) + lattice[bottom, right] * fx
    return np.asarray(upper * (1 - fy) + lower * fy)


def _wood(seed: int) -> NDArray[np.float64]:
    """Grain along v, wavering across u."""
    rng = np.random.default_rng(seed)
    slow = _value_noise(rng, 2, 8) + 0.5 * _value_noise(rng, 4, 16)
    fine = _value_noise(rng, 8, 128)
    _, u = _unit_grid()
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * (6 * u + 1.6 * slow))
    return 0.35 + 0.4 * rings + 0.25 * fine


def _planks(seed: int) -> NDArray[np.float64]:
    count = 4
    v, u = _unit_grid()
    grain = _wood(seed)
    rng = np.random.default_rng(seed + 1)
    column = np.floor(u * count).astype(int)
    joint = rng.uniform(0, 1, count)[column]
    gap = (np.abs((u * count) % 1 - 0.5) > 0.485) | (np.abs((v - joint + 0.5) % 1 - 0.5) < 0.004)
    shade = rng.uniform(0.7, 1.0, count)[column]
    return np.asarray(np.where(gap, 0.1, (0.45 + 0.55 * grain) * shade), np.float64)


def _marble(seed: int) -> NDArray[np.float64]:
    v, u = _unit_grid()
    veins = np.abs(np.sin(np.pi * (2 * u + 2 * v + 2.5 * _noise(2, seed))))
    return 0.35 + 0.65 * np.sqrt(veins)


def _fabric(seed: int) -> NDArray[np.float64]:
    v, u = _unit_grid()
    weave = 0.5 + 0.25 * np.sin(2 * np.pi * 32 * u) + 0.25 * np.sin(2 * np.pi * 32 * v)
    return 0.55 + 0.25 * weave + 0.2 * _noise(3, seed)
