"""Textures drawn by chance, no two alike.

A network that sees a few fixed textures learns by heart how they look near and far, and reads depth from that; in
textures that it never saw it is then a good deal worse. In endless ones it has to look at shapes, shades and edges.

Leaves that hide each other in sizes by a power law have the statistics of photographs ("dead leaves": Lee, Mumford and
Huang, Occlusion models for natural images, 2001), and so have fields whose spectrum falls with the frequency.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.scenes.textures import SIDE, Image, srgb_to_linear

Field = NDArray[np.float32]
"""(SIDE, SIDE), or (SIDE, SIDE, 3) display values, in [0, 1]."""
Rng = np.random.Generator
Kind = Callable[[Rng], Field]

_PHOTOGRAPH_SHARE = 0.25
_PATCHED_SHARE = 0.25
_WEATHERED_SHARE = 0.6


def drawn_texture(rng: np.random.Generator, photographs: Sequence[Image] = ()) -> Image:
    """Draw a texture: float32 (SIDE, SIDE, 3), linear light in [0, 1].

    Args:
        rng: the same state gives the same texture.
        photographs: textures whose parts are shown in a quarter of the draws, turned, mirrored and in other colours.

    Raises:
        InvalidInputError: a photograph of another shape.
    """
    for photograph in photographs:
        if photograph.shape != (SIDE, SIDE, 3):
            raise InvalidInputError(f"a photograph is {photograph.shape}; make it with square_texture()")
    surface = _surface(rng, photographs)
    if rng.uniform() < _PATCHED_SHARE:
        patches = np.clip((_field(rng) - rng.uniform(0.3, 0.7)) * rng.uniform(3, 30) + 0.5, 0, 1)
        surface = surface + patches[..., None] * (_surface(rng, photographs) - surface)
    if rng.uniform() < _WEATHERED_SHARE:
        surface = surface * (1 - rng.uniform(0.1, 0.6) * _field(rng)[..., None])
    return srgb_to_linear(np.clip(surface, 0, 1))


def _surface(rng: Rng, photographs: Sequence[Image]) -> Field:
    if photographs and rng.uniform() < _PHOTOGRAPH_SHARE:
        return _part_of(photographs[int(rng.integers(len(photographs)))], rng)
    return _KINDS[int(rng.integers(len(_KINDS)))](rng)


def _part_of(photograph: Image, rng: Rng) -> Field:
    """A part of a photograph, 0.3 of its side at least, turned by quarters, mirrored, its colours changed."""
    side = int(SIDE * rng.uniform(0.3, 1))
    top, left = (int(value) for value in rng.integers(0, SIDE - side + 1, 2))
    part = np.power(photograph[top : top + side, left : left + side], 1 / 2.2)
    part = np.rot90(part, int(rng.integers(4)))
    part = cv2.resize(part[:, ::-1] if rng.uniform() < 0.5 else part, (SIDE, SIDE))
    grey = part.mean(2, keepdims=True)
    coloured = grey + rng.uniform(0, 1.2) * (part - grey)
    tint, contrast = rng.uniform(0.7, 1.1, 3), rng.uniform(0.5, 1.3)
    shown = ((coloured - grey.mean()) * contrast + rng.uniform(0.2, 0.7)) * tint
    return np.asarray(np.clip(shown, 0, 1), np.float32)


def _palette(rng: Rng, count: int) -> Field:
    """Colours (count, 3) around one another, mostly pale, as those of real surfaces are."""
    middle, spread = rng.uniform(0.1, 0.9), rng.uniform(0.05, 0.5)
    greys = middle + spread * rng.normal(size=(count, 1))
    common, own = rng.exponential(0.08), rng.exponential(0.08)
    hues = common * rng.normal(size=(1, 3)) + own * rng.normal(size=(count, 3))
    return np.asarray(np.clip(greys + hues, 0.02, 0.98), np.float32)


def _through(values: NDArray[np.floating], palette: Field) -> Field:
    """Values in [0, 1] as colours between those of a palette."""
    places = np.linspace(0, 1, len(palette))
    return np.stack([np.interp(values, places, channel) for channel in palette.T], -1).astype(np.float32)


def _field(rng: Rng) -> Field:
    """Noise in [0, 1] with a falling spectrum, stretched along one axis at times; repeats without a seam."""
    v = np.fft.fftfreq(SIDE)[:, None] * rng.choice([1.0, 1.0, 4.0, 12.0])
    u = np.fft.rfftfreq(SIDE)[None] * rng.choice([1.0, 1.0, 4.0, 12.0])
    frequency = np.hypot(v, u) * SIDE
    frequency[0, 0] = np.inf
    white = rng.normal(size=(2, *frequency.shape))
    values = np.fft.irfft2((white[0] + 1j * white[1]) * frequency ** -rng.uniform(0.8, 2.2), (SIDE, SIDE))
    low, high = np.quantile(values[::4, ::4], (0.01, 0.99))
    return np.asarray(np.clip((values - low) / (high - low), 0, 1), np.float32)


def _bent_grid(rng: Rng) -> tuple[Field, Field]:
    """Rows and columns in [0, 1), bent by a smooth field in two of three draws."""
    centres = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE
    v, u = np.meshgrid(centres, centres, indexing="ij")
    bend = rng.choice([0.0, 0.02, 0.1])
    if bend:
        v, u = v + bend * _smooth(rng), u + bend * _smooth(rng)
    return np.asarray(v, np.float32), np.asarray(u, np.float32)


def _smooth(rng: Rng) -> Field:
    """A smooth field around 0 of about unit size."""
    coarse = rng.normal(size=(int(rng.integers(3, 9)),) * 2).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC), np.float32)


def _clouds(rng: Rng) -> Field:
    return _through(_field(rng), _palette(rng, int(rng.integers(2, 6))))


def _stripes(rng: Rng) -> Field:
    """Stripes of uneven widths, soft or hard, straight or bent as grain is."""
    v, u = _bent_grid(rng)
    across = u if rng.uniform() < 0.5 else v
    count = int(rng.integers(3, 60))
    edges = np.sort(rng.uniform(0, 1, count))
    if rng.uniform() < 0.3:  # even ones
        edges = (np.arange(count) + 0.5) / count
    colours = _palette(rng, int(rng.integers(2, 5)))
    chosen = colours[rng.integers(len(colours), size=count)]
    if rng.uniform() < 0.5:
        return np.asarray(chosen[np.searchsorted(edges, across % 1) % count], np.float32)
    soft = [np.interp(across % 1, edges, channel, period=1) for channel in chosen.T]
    return np.stack(soft, -1).astype(np.float32)


def _cells(rng: Rng) -> Field:
    """Tiles, bricks, planks, boards, grids: cells in rows, shifted or not, with joints or without."""
    v, u = _bent_grid(rng)
    rows, columns = (int(2 ** rng.uniform(0, 4.5)) for _ in range(2))
    row = np.floor(v * rows)
    shift = rng.choice([0.0, 0.5, rng.uniform()])
    along = u * columns + shift * row
    colours = _palette(rng, int(rng.integers(2, 12)))
    table = rng.integers(len(colours), size=(64, 64))
    cell = colours[table[row.astype(int) % 64, np.floor(along).astype(int) % 64]]
    joint = np.maximum(np.abs((v * rows) % 1 - 0.5) * 2, np.abs(along % 1 - 0.5) * 2)
    width = rng.uniform(0, 0.25)
    return np.asarray(np.where((joint > 1 - width)[..., None], _palette(rng, 1)[0], cell), np.float32)


def _stones(rng: Rng) -> Field:
    """Cells around scattered points, as of stones, leather or cracks."""
    count = int(2 ** rng.uniform(3, 9))
    points = np.ones((SIDE, SIDE), np.uint8)
    points[tuple(rng.integers(0, SIDE, (2, count)))] = 0
    distance, labels = cv2.distanceTransformWithLabels(points, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    colours = _palette(rng, int(rng.integers(2, 12)))
    shown = colours[rng.integers(len(colours), size=count + 1)[labels % (count + 1)]]
    shade = 1 - rng.uniform(0, 0.8) * distance / max(float(distance.max()), 1.0)
    edge = cv2.morphologyEx(labels.astype(np.float32), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    joints = (edge & bool(rng.uniform() < 0.5))[..., None]
    return np.asarray(np.where(joints, _palette(rng, 1)[0], shown * shade[..., None]), np.float32)


def _leaves(rng: Rng) -> Field:
    """Shapes of many sizes that hide each other."""
    canvas = np.empty((SIDE, SIDE, 3), np.float32)
    colours = _palette(rng, int(rng.integers(3, 30)))
    canvas[:] = colours[0]
    smallest = rng.uniform(2, 12)
    round_share = rng.uniform()
    count = int(rng.integers(40, 400))
    sizes = np.minimum(smallest * rng.uniform(0.003, 1, count) ** -0.5, SIDE / 2)
    for size in sizes[np.argsort(-sizes)] if rng.uniform() < 0.5 else sizes:
        centre = rng.uniform(0, SIDE, 2)
        sides, angle = size * rng.uniform(0.3, 1, 2), float(rng.uniform(0, 180))
        colour = tuple(float(c) for c in colours[int(rng.integers(len(colours)))])
        box = ((float(centre[0]), float(centre[1])), (float(sides[0]), float(sides[1])), angle)
        if rng.uniform() < round_share:
            cv2.ellipse(canvas, box, colour, -1, cv2.LINE_AA)
        else:
            cv2.fillPoly(canvas, [np.rint(cv2.boxPoints(box)).astype(np.int32)], colour, cv2.LINE_AA)
    return canvas


def _print(rng: Rng) -> Field:
    """Letters and lines on boards and labels."""
    canvas = _clouds(rng) if rng.uniform() < 0.5 else _leaves(rng)
    colours = _palette(rng, 4)
    for _ in range(int(rng.integers(3, 25))):
        x, y = (int(value) for value in rng.integers(-20, SIDE, 2))
        colour = tuple(float(c) for c in colours[int(rng.integers(len(colours)))])
        thick = int(rng.integers(1, 6))
        if rng.uniform() < 0.6:
            letters = "".join(chr(int(c)) for c in rng.integers(48, 91, int(rng.integers(1, 9))))
            cv2.putText(canvas, letters, (x, y), 0, rng.uniform(0.4, 3), colour, thick, cv2.LINE_AA)
        else:
            end = tuple(int(value) for value in rng.integers(-20, SIDE + 20, 2))
            cv2.line(canvas, (x, y), end, colour, thick, cv2.LINE_AA)
    return canvas


_KINDS: tuple[Kind, ...] = (_clouds, _stripes, _cells, _stones, _leaves, _print)
