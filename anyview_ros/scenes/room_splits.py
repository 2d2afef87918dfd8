"""Which rooms and textures training may see, and which are kept for tests and benchmarks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from anyview_ros.errors import InvalidInputError
from anyview_ros.scenes.drawn_textures import drawn_texture
from anyview_ros.scenes.material import Material
from anyview_ros.scenes.random_room import random_room
from anyview_ros.scenes.robot_cell import simulated_robot
from anyview_ros.scenes.textures import Image, TextureSet, procedural_textures, sample_photographs
from anyview_ros.scenes.world import World

HELD_OUT_PHOTOGRAPHS = ("photo_coins", "photo_hubble_deep_field", "photo_rocket")
"""Photographs that appear in held-out scenes only; training scenes show the other samples only."""
HELD_OUT_PATTERNS = ("bricks", "confetti", "fabric_1", "marble_1", "planks_1")
"""Procedural patterns that appear in held-out scenes only."""
HELD_OUT_SEEDS = 10_000_000
"""Seeds of held-out scenes begin here; those of training scenes lie below."""
TRAINING_ROBOTS = 1_000
"""Seeds of simulated robots that training sees begin here; those of tests, benchmarks and demonstrations lie below."""
_ROOMS_PER_SET, _DRAWN_PER_SET = 20, 80
_DRAWN_SHARE = 0.8


def split_photographs(*, held_out: bool) -> dict[str, Image]:
    """The photographs that one split may show, as textures by name."""
    return {
        name: image
        for name, image in sample_photographs().items()
        if (name in HELD_OUT_PHOTOGRAPHS) == held_out
    }


class RoomFactory:
    """Makes random rooms of one split, which share sets of textures in memory.

    Args:
        held_out: whether to make scenes for tests instead of training.
        cluttered: see :func:`~anyview_ros.scenes.random_room.random_room`.
        drawn_textures: cover four in five of the surfaces that have a texture with one of 80 that are drawn for every
            20 rooms, see :func:`~anyview_ros.scenes.drawn_textures.drawn_texture`, in place of the few fixed ones.
    """

    def __init__(self, *, held_out: bool, cluttered: bool = False, drawn_textures: bool = False) -> None:
        """Read the photographs."""
        kept = split_photographs(held_out=held_out)
        self._held_out = held_out
        self._cluttered = cluttered
        self._photographs = kept
        self._textures: TextureSet = procedural_textures().extended(kept)
        self._allowed = [name for name in self._textures.images if name not in HELD_OUT_PATTERNS]
        self._drawn_textures = drawn_textures
        self._drawn: tuple[int, TextureSet] = (-1, self._textures)

    def room(self, seed: int) -> World:
        """Return the room of ``seed``; a held-out room's seed is counted from ``HELD_OUT_SEEDS``."""
        number = seed + (HELD_OUT_SEEDS if self._held_out else 0)
        world = random_room(number, photographs=self._photographs, cluttered=self._cluttered)
        bodies = world.bodies
        if not self._held_out:
            rng = np.random.default_rng((0xA55E7, seed))
            bodies = tuple(
                replace(body, material=replace(body.material, texture=self._substitute(rng)))
                if body.material.texture in HELD_OUT_PATTERNS
                else body
                for body in bodies
            )
        world = replace(world, bodies=bodies, textures=self._textures)
        return self._covered_anew(world, number) if self._drawn_textures else world

    def _covered_anew(self, world: World, number: int) -> World:
        """The room with drawn textures on most of its surfaces."""
        rng = np.random.default_rng((0xC07E, number))

        def covered(material: Material) -> Material:
            if material.texture == "plain" or rng.uniform() >= _DRAWN_SHARE:
                return material
            name = f"drawn_{rng.integers(_DRAWN_PER_SET)}"
            return replace(material, colour=(1.0, 1.0, 1.0), ground=(0.0, 0.0, 0.0), texture=name)

        bodies = tuple(replace(body, material=covered(body.material)) for body in world.bodies)
        return replace(world, bodies=bodies, textures=self._drawn_set(number // _ROOMS_PER_SET))

    def _drawn_set(self, index: int) -> TextureSet:
        """The fixed textures and the drawn ones of 20 rooms; the last such set is kept."""
        if self._drawn[0] != index:
            rng = np.random.default_rng((0xD4A3, index))
            photographs = list(self._photographs.values())
            drawn = {f"drawn_{i}": drawn_texture(rng, photographs) for i in range(_DRAWN_PER_SET)}
            self._drawn = (index, self._textures.extended(drawn))
        return self._drawn[1]

    def _substitute(self, rng: np.random.Generator) -> str:
        return self._allowed[int(rng.integers(len(self._allowed)))]


class RobotFactory:
    """Makes simulated robots of one split.

    Args:
        held_out: whether to make scenes for tests instead of training.
    """

    def __init__(self, *, held_out: bool) -> None:
        self._held_out = held_out

    def room(self, seed: int) -> World:
        """Return the robot of ``seed``; a training robot's seed is counted from ``TRAINING_ROBOTS``.

        Raises:
            InvalidInputError: a held-out robot whose seed is one of training.
        """
        if not self._held_out:
            return simulated_robot(TRAINING_ROBOTS + seed)
        if seed >= TRAINING_ROBOTS:
            raise InvalidInputError(
                f"held-out robot {seed} is one of training; give a seed below {TRAINING_ROBOTS}"
            )
        return simulated_robot(seed)
