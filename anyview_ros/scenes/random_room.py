"""Rooms made by chance: furniture, things, textures, lamps, motion and sometimes an arm; no two seeds alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyview_ros.scenes import clutter
from anyview_ros.scenes.arm import Arm
from anyview_ros.scenes.material import Light, Material, Rgb
from anyview_ros.scenes.poses import move, room_sides, turn
from anyview_ros.scenes.scene import WORLD, Body
from anyview_ros.scenes.shapes import Shape, ShapeKind, box, capsule, cylinder, plane, sphere
from anyview_ros.scenes.textures import Image, TextureSet, photograph_textures, procedural_textures
from anyview_ros.scenes.world import FramePoses, World

Array = NDArray[np.float64]
_PLAIN_SHARE = 0.25
_PALEST = 0.95


@dataclass(frozen=True)
class _Swing:
    """A thing that moves around a place: position = place + reach·sin(rate·t + phase), and a steady turn."""

    frame: str
    place: Array
    reach: Array
    rate: Array
    phase: Array
    axis: str
    spin: float

    def pose(self, times_s: Array) -> Array:
        offset = self.place + self.reach * np.sin(self.rate * times_s[..., None] + self.phase)
        return move(offset[..., 0], offset[..., 1], offset[..., 2]) @ turn(self.axis, self.spin * times_s)


@dataclass(frozen=True)
class _SwingingArm:
    """An arm whose joints swing around a posture."""

    arm: Arm
    base: Array
    middle: Array
    reach: Array
    rate: Array
    phase: Array

    def frames(self, times_s: Array) -> FramePoses:
        joints = self.middle + self.reach * np.sin(self.rate * times_s[..., None] + self.phase)
        opening = 0.025 + 0.018 * np.sin(2.0 * times_s)
        return {
            **self.arm.frames(joints, opening),
            **self.arm.fixed_frames(),
            "base_link": (WORLD, self.base),
        }


@dataclass(frozen=True)
class _Motion:
    swings: tuple[_Swing, ...]
    arm: _SwingingArm | None

    def __call__(self, times_s: Array) -> FramePoses:
        frames: dict[str, tuple[str, Array]] = {s.frame: (WORLD, s.pose(times_s)) for s in self.swings}
        if self.arm is not None:
            frames.update(self.arm.frames(times_s))
        return frames


def random_room(
    seed: int,
    *,
    photographs: Sequence[NDArray[np.uint8]] | Mapping[str, Image] = (),
    cluttered: bool = False,
) -> World:
    """Return a random room of 3 to 7 metres with things of 3 cm to 1 m in it, some of which move.

    Frames of moving things are ``mover_0``…; where there is an arm, its frames are those of ``Arm``. The room has no
    cameras of its own: see ``sample_view``.

    Args:
        seed: same seed, same room.
        photographs: pictures to cover surfaces with, uint8 (H, W, 3), or textures by name.
        cluttered: the same room in paler colours, with the things of :mod:`~anyview_ros.scenes.clutter` in it besides.
    """
    rng = np.random.default_rng((0x600D, seed))
    extra = photograph_textures(photographs)
    textures = procedural_textures().extended(extra) if extra else procedural_textures()
    paleness = np.random.default_rng((0xC107, seed)).uniform(0, _PALEST) if cluttered else 0.0
    builder = _Builder(rng, tuple(textures.images), tuple(extra), float(paleness))
    return builder.world(textures, cluttered=cluttered)


class _Builder:
    def __init__(
        self,
        rng: np.random.Generator,
        textures: tuple[str, ...],
        photographs: tuple[str, ...],
        paleness: float,
    ) -> None:
        self._rng = rng
        self._paleness = paleness
        self._textures, self._photographs = textures, photographs
        self._size = rng.uniform((3.0, 3.0, 2.3), (7.0, 7.0, 3.4))
        self._bodies: list[Body] = []
        self._swings: list[_Swing] = []
        self._taken: list[tuple[float, float, float]] = []  # circles on the floor: x, y, radius
        self._arm: _SwingingArm | None = None

    def world(self, textures: TextureSet, *, cluttered: bool) -> World:
        rng, (length, width, height) = self._rng, self._size
        self._walls()
        tables = [self._table(i) for i in range(int(rng.integers(1, 4)))]
        if rng.uniform() < 0.5:
            self._place_arm(tables[0])
        for i in range(int(rng.integers(4, 12))):
            self._floor_thing(i)
        for i in range(int(rng.integers(2, 6))):
            self._mover(i, tables)
        self._pictures()
        focus = tables[0] + rng.uniform((-0.3, -0.3, 0.0), (0.3, 0.3, 0.3))
        margin = 0.15
        lights, ambient = self._lights(), self._tint(rng.uniform(0.2, 0.45))
        if cluttered:
            focus = self._clutter(focus)
        return World(
            bodies=tuple(self._bodies),
            motion=_Motion(tuple(self._swings), self._arm),
            lights=lights,
            textures=textures,
            focus=(float(focus[0]), float(focus[1]), float(focus[2])),
            bounds=(
                (-length / 2 + margin, -width / 2 + margin, margin),
                (length / 2 - margin, width / 2 - margin, height - margin),
            ),
            ambient=ambient,
        )

    def _colour(self) -> Rgb:
        colour = self._rng.uniform(0.05, 0.98, 3) ** 0.8
        r, g, b = colour + self._paleness * (colour.mean() - colour)
        return (float(r), float(g), float(b))

    def _tint(self, strength: float) -> Rgb:
        """Almost white light."""
        r, g, b = strength * self._rng.uniform(0.85, 1.1, 3)
        return (float(r), float(g), float(b))

    def _material(self, scale_m: float) -> Material:
        """Any look, with a texture that repeats at about ``scale_m``."""
        rng = self._rng
        gloss = float(rng.uniform(0, 0.35)) if rng.uniform() < 0.4 else 0.0
        tile = float(scale_m * rng.uniform(0.5, 2.0))
        draw = rng.uniform()
        if draw < _PLAIN_SHARE:
            return Material(self._colour(), gloss=gloss)
        if self._photographs and draw < _PLAIN_SHARE + 0.35:
            name = self._photographs[int(rng.integers(len(self._photographs)))]
            return Material((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), name, tile, gloss)
        name = self._textures[int(rng.integers(len(self._textures)))]
        return Material(self._colour(), self._colour(), name, tile, gloss)

    def _walls(self) -> None:
        for pose in room_sides(*self._size):
            self._bodies.append(Body(plane(), self._material(1.2), pose, instance="room", casts_shadow=False))

    def _lights(self) -> tuple[Light, ...]:
        rng, (length, width, height) = self._rng, self._size
        count = int(rng.integers(1, 4))
        lamps = []
        for _ in range(count):
            x, y = rng.uniform(-0.4, 0.4, 2) * (length, width)
            place = (float(x), float(y), float(height - rng.uniform(0.05, 0.5)))
            strength = float(rng.uniform(0.5, 1.1)) / count
            lamps.append(
                Light(place, self._tint(strength), float(rng.uniform(2, 4)), float(rng.uniform(0, 0.2)))
            )
        return tuple(lamps)

    def _free(self, radius: float) -> tuple[float, float] | None:
        """A free circle on the floor, or None where none was found; it is taken from now on."""
        for _ in range(30):
            x, y = (self._size[:2] / 2 - radius).clip(0.1) * self._rng.uniform(-1, 1, 2)
            if all(math.hypot(x - a, y - b) > radius + r for a, b, r in self._taken):
                self._taken.append((float(x), float(y), radius))
                return float(x), float(y)
        return None

    def _table(self, number: int) -> Array:
        """A table with things on it; returns the middle of its top."""
        rng = self._rng
        x_size, y_size = rng.uniform(0.6, 1.5), rng.uniform(0.5, 1.0)
        place = self._free(math.hypot(x_size, y_size) / 2) or (0.0, 0.0)
        height = float(rng.uniform(0.4, 1.0))
        pose = move(*place) @ turn("z", float(rng.uniform(0, math.pi)))
        look, legs, name = self._material(0.7), self._material(0.3), f"table_{number}"
        self._bodies.append(
            Body(box(x_size, y_size, 0.04), look, pose @ move(z=height - 0.02), instance=name)
        )
        for sx in (-1, 1):
            for sy in (-1, 1):
                leg = move(sx * (x_size / 2 - 0.04), sy * (y_size / 2 - 0.04), (height - 0.04) / 2)
                self._bodies.append(Body(box(0.05, 0.05, height - 0.04), legs, pose @ leg, instance=name))
        spots = [
            (float(x), float(y))
            for x in np.arange(-x_size / 2 + 0.1, x_size / 2 - 0.05, 0.18)
            for y in np.arange(-y_size / 2 + 0.1, y_size / 2 - 0.05, 0.18)
        ]
        count = min(int(rng.integers(3, 11)), len(spots))
        for i in rng.permutation(len(spots))[:count]:
            shape, lift = self._shape(float(rng.uniform(0.03, 0.085)))
            spot = move(spots[i][0], spots[i][1], height + lift) @ turn("z", float(rng.uniform(0, 6.3)))
            self._add(shape, pose @ spot, f"{name}_thing_{i}")
        top: Array = (pose @ move(z=height))[:3, 3]
        return top

    def _shape(self, radius: float) -> tuple[Shape, float]:
        """A shape within ``radius`` of its upright axis, and how high its middle is when it stands."""
        rng = self._rng
        match ShapeKind(int(rng.integers(4))):
            case ShapeKind.SPHERE:
                return sphere(radius), radius
            case ShapeKind.CAPSULE:
                length = radius * float(rng.uniform(0.5, 4))
                return capsule(radius * 0.7, length), radius * 0.7 + length / 2
            case ShapeKind.CYLINDER:
                height = radius * float(rng.uniform(0.5, 4))
                return cylinder(radius, height), height / 2
            case _:
                x, y, z = radius * rng.uniform((0.5, 0.5, 0.3), (1.4, 1.4, 4.0))
                return box(float(x), float(y), float(z)), float(z) / 2

    def _add(self, shape: Shape, pose: Array, name: str, frame: str = WORLD) -> None:
        self._bodies.append(Body(shape, self._material(3 * max(shape.size[0], 0.03)), pose, frame, name))

    def _floor_thing(self, number: int) -> None:
        radius = float(self._rng.uniform(0.08, 0.4))
        place = self._free(radius)
        if place is not None:
            shape, lift = self._shape(radius)
            pose = move(*place, lift) @ turn("z", float(self._rng.uniform(0, 6.3)))
            self._add(shape, pose, f"floor_thing_{number}")

    def _mover(self, number: int, tables: list[Array]) -> None:
        """A thing that swings in the air over a table or somewhere in the room."""
        rng, (length, width, height) = self._rng, self._size
        radius = float(rng.uniform(0.03, 0.18))
        if rng.uniform() < 0.6:
            place = tables[int(rng.integers(len(tables)))] + rng.uniform((-0.3, -0.3, 0.3), (0.3, 0.3, 0.6))
        else:
            place = rng.uniform((-0.35, -0.35, 0.25), (0.35, 0.35, 0.7)) * (length, width, height)
        frame = f"mover_{number}"
        swing = _Swing(
            frame,
            place,
            rng.uniform(0.0, 0.35, 3) * (1, 1, 0.4),
            rng.uniform(0.5, 3.0, 3),
            rng.uniform(0, 6.3, 3),
            "xyz"[int(rng.integers(3))],
            float(rng.uniform(-2, 2)),
        )
        self._swings.append(swing)
        shape, _ = self._shape(radius)
        self._add(shape, np.eye(4), frame, frame)

    def _place_arm(self, table_top: Array) -> None:
        rng = self._rng
        arm = Arm()
        base = move(table_top[0], table_top[1], table_top[2]) @ turn("z", float(rng.uniform(0, 6.3)))
        self._arm = _SwingingArm(
            arm,
            base,
            np.array([0.0, 0.5, 1.2, 0.0, 0.9, 0.0]) + rng.uniform(-0.3, 0.3, 6),
            rng.uniform(0.1, 0.5, 6),
            rng.uniform(0.4, 1.6, 6),
            rng.uniform(0, 6.3, 6),
        )
        self._bodies += arm.bodies(self._material(0.2), self._material(0.1), self._material(0.1))

    def _clutter(self, focus: Array) -> Array:
        """Clutter along the walls and on the floor; returns what to look at, mostly one of these things."""
        rng = self._rng
        for number in range(int(rng.integers(4, 9))):
            make = clutter.KINDS[int(rng.integers(len(clutter.KINDS)))]
            pose = self._standing(against_wall=make in clutter.AGAINST_WALLS)
            parts = make(rng)
            looks = {part.look: self._material(0.3) for part in parts}
            for part in parts:
                self._bodies.append(
                    Body(part.shape, looks[part.look], pose @ part.pose, instance=f"clutter_{number}")
                )
            if rng.uniform() < 0.4:
                focus = np.append(pose[:2, 3], rng.uniform(0.2, 0.9))
        return focus

    def _standing(self, *, against_wall: bool) -> Array:
        """The pose of a thing that stands somewhere on the floor, or with its +y side at one of the walls."""
        rng, (length, width, _) = self._rng, self._size
        heading = float(rng.uniform(0, 2 * math.pi))
        x, y = rng.uniform(-0.35, 0.35, 2) * (length, width)
        if not against_wall:
            return move(x, y) @ turn("z", heading)
        wall = int(rng.integers(4))  # at +y, -x, -y, +x: quarter turns from the first
        gap = rng.uniform(0.25, 0.5)
        along, across = (length, width) if wall % 2 == 0 else (width, length)
        return turn("z", wall * math.pi / 2) @ move(rng.uniform(-0.35, 0.35) * along, across / 2 - gap)

    def _pictures(self) -> None:
        rng, (length, width, _) = self._rng, self._size
        for _ in range(int(rng.integers(1, 6))):
            size = float(rng.uniform(0.3, 0.9))
            along, height = float(rng.uniform(-0.35, 0.35)), float(rng.uniform(1.2, 1.8))
            sign = float(rng.choice((-1.0, 1.0)))
            if rng.uniform() < 0.5:
                pose = move(sign * length / 2, along * width, height)
            else:
                pose = move(along * length, sign * width / 2, height) @ turn("z", math.pi / 2)
            picture = box(0.04, size, size * float(rng.uniform(0.6, 1.0)))
            self._bodies.append(
                Body(picture, self._material(size), pose, instance="pictures", casts_shadow=False)
            )
