"""What stands about in garages, workshops and laboratories: machines of rods and wheels, shelves, piles, boards.

Things of many thin and hollow parts, before and behind each other, as rooms of plain solids have none.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyview_ros.scenes.poses import between, move, turn
from anyview_ros.scenes.shapes import Shape, box, capsule, cylinder, sphere

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Part:
    """A primitive of a thing.

    Attributes:
        shape: what it is.
        pose: (4, 4) from its axes to those of the thing, which stands on z = 0, metres.
        look: parts of one number look the same.
    """

    shape: Shape
    pose: Array
    look: int


def machine(rng: np.random.Generator) -> list[Part]:
    """Rods that join random points, up to three wheels and a few solid parts; 0.5 to 1.8 m long along x."""
    length, height = float(rng.uniform(0.5, 1.8)), float(rng.uniform(0.4, 1.3))
    depth = float(rng.uniform(0.1, 0.5))
    reach = np.array((length / 2, depth / 2, height / 2))
    joints = reach * rng.uniform(-1, 1, (int(rng.integers(6, 12)), 3)) + (0, 0, height / 2)
    joints[:, 2] = joints[:, 2].clip(0.05)
    parts = [_rod(joints[a], joints[b], float(rng.uniform(0.006, 0.03)), 0) for a, b in _pairs(rng, joints)]
    for _ in range(int(rng.integers(0, 4))):
        radius = float(rng.uniform(0.12, 0.34))
        side = turn("z", float(rng.normal(0, 0.15))) @ turn("x", math.pi / 2)
        place = move(float(rng.uniform(-reach[0], reach[0])), float(rng.uniform(-reach[1], reach[1])), radius)
        parts += _wheel(rng, radius, place @ side)
    for _ in range(int(rng.integers(2, 6))):
        middle = reach * rng.uniform(-0.7, 0.7, 3) + (0, 0, height / 2)
        parts.append(Part(_solid(rng, 0.06, 0.22), move(*middle) @ _any_turn(rng), int(rng.integers(2, 5))))
    return parts


def shelves(rng: np.random.Generator) -> list[Part]:
    """Boards above each other with things on them, 0.6 to 2 m wide along x."""
    width, depth = float(rng.uniform(0.6, 2.0)), float(rng.uniform(0.2, 0.5))
    levels = np.cumsum(rng.uniform(0.25, 0.5, int(rng.integers(2, 6))))
    top = float(levels[-1])
    parts = [Part(box(0.03, depth, top), move(x * width / 2, z=top / 2), 0) for x in (-1, 1)]
    for level in levels:
        parts.append(Part(box(width, depth, 0.025), move(z=float(level)), 0))
        for x in np.arange(-width / 2 + 0.12, width / 2 - 0.1, float(rng.uniform(0.14, 0.3))):
            if rng.uniform() < 0.75:
                thing, lift = _standing(rng, float(rng.uniform(0.03, 0.09)))
                spot = move(float(x), float(rng.uniform(-0.3, 0.3) * depth), float(level) + 0.0125 + lift)
                parts.append(Part(thing, spot, int(rng.integers(1, 7))))
    return parts


def pile(rng: np.random.Generator) -> list[Part]:
    """Boxes and rolls on each other, 0.2 to 2.4 m high, 1 m in the mean."""
    parts, height = [], 0.0
    for look in range(int(rng.integers(3, 9))):
        x, y, z = (float(extent) for extent in rng.uniform((0.15, 0.15, 0.06), (0.6, 0.5, 0.3)))
        shape, lying = box(x, y, z), np.eye(4)
        if rng.uniform() < 0.25:
            shape, lying = cylinder(z / 2, x), turn("y", math.pi / 2)
        aside = 0.06 * rng.normal(size=2)
        askew = move(aside[0], aside[1], height + z / 2) @ turn("z", float(rng.uniform(0, 6.3)))
        parts.append(Part(shape, askew @ lying, look))
        height += z
    return parts


def leaning(rng: np.random.Generator) -> list[Part]:
    """Boards and poles that lean towards +y, spread along x."""
    parts = []
    for look in range(int(rng.integers(2, 7))):
        long, tilt = float(rng.uniform(0.6, 2.0)), float(rng.uniform(0.05, 0.4))
        shape = (
            box(float(rng.uniform(0.05, 0.6)), 0.02, long)
            if rng.uniform() < 0.6
            else capsule(float(rng.uniform(0.008, 0.03)), long)
        )
        across = float(rng.normal(0, 0.35))
        foot = move(across, float(rng.normal(0, 0.05))) @ turn("y", float(rng.normal(0, 0.1)))
        parts.append(Part(shape, foot @ turn("x", -tilt) @ move(z=long / 2), look))
    return parts


KINDS: tuple[Callable[[np.random.Generator], list[Part]], ...] = (machine, shelves, pile, leaning)
"""Makers of things that clutter a room."""

AGAINST_WALLS = (shelves, leaning)
"""Those whose things stand with their +y side at a wall."""


def _pairs(rng: np.random.Generator, joints: Array) -> list[tuple[int, int]]:
    """Each joint with one before it, so that all hang together, and some more."""
    pairs = [(index, int(rng.integers(index))) for index in range(1, len(joints))]
    for _ in range(len(joints) // 2):
        first, second = rng.choice(len(joints), 2, replace=False)
        pairs.append((int(first), int(second)))
    return [(a, b) for a, b in pairs if np.linalg.norm(joints[a] - joints[b]) > 0.02]


def _rod(start: Array, end: Array, radius: float, look: int) -> Part:
    pose, length = between(start, end)
    return Part(capsule(radius, length), pose, look)


def _wheel(rng: np.random.Generator, radius: float, pose: Array) -> list[Part]:
    """A disc, or a ring of rods with spokes, about its own z axis."""
    thick = float(rng.uniform(0.01, 0.06))
    if rng.uniform() < 0.4:
        hub = Part(cylinder(radius * 0.5, thick * 1.2), pose, 2)
        return [Part(cylinder(radius, thick), pose, 1), hub]
    count = int(rng.integers(8, 13))
    angles = 2 * math.pi * np.arange(count) / count
    rim = np.column_stack((radius * np.cos(angles), radius * np.sin(angles), np.zeros(count)))
    parts = [_rod(rim[index - 1], rim[index], thick / 2, 1) for index in range(count)]
    parts += [_rod(np.zeros(3), rim[index], 0.004, 2) for index in range(0, count, 2)]
    return [Part(part.shape, pose @ part.pose, part.look) for part in parts]


def _solid(rng: np.random.Generator, least: float, most: float) -> Shape:
    radius = float(rng.uniform(least, most)) / 2
    draw = rng.uniform()
    if draw < 0.5:
        x, y, z = radius * rng.uniform(0.6, 2.4, 3)
        return box(float(x), float(y), float(z))
    if draw < 0.8:
        return cylinder(radius, radius * float(rng.uniform(0.5, 4)))
    return sphere(radius)


def _standing(rng: np.random.Generator, radius: float) -> tuple[Shape, float]:
    """A box, a can or a ball, and how high its middle is."""
    draw, height = rng.uniform(), radius * float(rng.uniform(0.6, 4))
    if draw < 0.6:
        return box(radius * float(rng.uniform(0.4, 2)), radius * 1.5, height), height / 2
    if draw < 0.9:
        return cylinder(radius, height), height / 2
    return sphere(radius), radius


def _any_turn(rng: np.random.Generator) -> Array:
    return turn("z", float(rng.uniform(0, 6.3))) @ turn("x", float(rng.normal(0, 0.5)))
