"""Which rooms and textures training may see, and which are kept for tests and benchmarks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from anyview_ros.errors import InvalidInputError
from anyview_ros.scenes.random_room import random_room
from anyview_ros.scenes.robot_cell import simulated_robot
from anyview_ros.scenes.textures import TextureSet, procedural_textures, sample_photographs
from anyview_ros.scenes.world import World

HELD_OUT_PHOTOGRAPHS = ("photo_coins", "photo_hubble_deep_field", "photo_rocket")
"""Photographs that appear in held-out scenes only; training scenes show the other samples only."""
HELD_OUT_PATTERNS = ("bricks", "confetti", "fabric_1", "marble_1", "planks_1")
"""Procedural patterns that appear in held-out scenes only."""
HELD_OUT_SEEDS = 10_000_000
"""Seeds of held-out scenes begin here; those of training scenes lie below."""
TRAINING_ROBOTS = 1_000
"""Seeds of simulated robots that training sees begin here; those of tests, benchmarks and demonstrations lie below."""


class RoomFactory:
    """Makes random rooms of one split, all of which share one set of textures in memory.

    Args:
        held_out: whether to make scenes for tests instead of training.
        cluttered: see :func:`~anyview_ros.scenes.random_room.random_room`.
    """

    def __init__(self, *, held_out: bool, cluttered: bool = False) -> None:
        """Read the photographs."""
        kept = {
            name: image
            for name, image in sample_photographs().items()
            if (name in HELD_OUT_PHOTOGRAPHS) == held_out
        }
        self._held_out = held_out
        self._cluttered = cluttered
        self._photographs = kept
        self._textures: TextureSet = procedural_textures().extended(kept)
        self._allowed = [name for name in self._textures.images if name not in HELD_OUT_PATTERNS]

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
        return replace(world, bodies=bodies, textures=self._textures)

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
