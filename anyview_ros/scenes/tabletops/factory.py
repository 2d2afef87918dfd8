"""Tabletops of training and of tests: which robot, things, textures and seeds belong to which."""

from __future__ import annotations

from functools import cache

import numpy as np

from anyview_ros.scenes.room_splits import HELD_OUT_SEEDS
from anyview_ros.scenes.tabletops.assets import (
    HELD_OUT_ROBOTS,
    HELD_OUT_THINGS,
    TRAINING_ROBOTS,
    TRAINING_THINGS,
    Assets,
    Robot,
)
from anyview_ros.scenes.tabletops.building import built
from anyview_ros.scenes.tabletops.stage import Stage, compiled_stage
from anyview_ros.scenes.tabletops.surfaces import Surfaces
from anyview_ros.scenes.tabletops.tabletop import Tabletop

_FIRST_ROBOT_SHARE = 0.4


class TabletopFactory:
    """Makes tabletops of one split.

    Args:
        held_out: whether to make scenes for tests, of other robots, textures and seeds than training sees, and with
            further things.
        assets: where meshes and textures are; None for the installed package's.

    Raises:
        MissingDependencyError: MuJoCo, OpenGL or the assets are missing.
    """

    def __init__(self, *, held_out: bool, assets: Assets | None = None) -> None:
        """Find the assets."""
        self._held_out = held_out
        self._assets = assets or Assets.installed()
        self._surfaces = Surfaces(self._assets, held_out=held_out)
        self._robots = HELD_OUT_ROBOTS if held_out else TRAINING_ROBOTS
        self._things = (*TRAINING_THINGS, *(HELD_OUT_THINGS if held_out else ()))

    def room(self, seed: int) -> Tabletop:
        """Return the tabletop of ``seed``; a held-out one's seed is counted from ``HELD_OUT_SEEDS``.

        Raises:
            MissingDependencyError: MuJoCo or OpenGL is missing, or the assets are of another version.
            ReadError: a texture cannot be read.
        """
        rng = np.random.default_rng((0x7AB1E, seed + (HELD_OUT_SEEDS if self._held_out else 0)))
        first = rng.uniform() < _FIRST_ROBOT_SHARE
        robot = self._robots[0 if first else int(rng.integers(len(self._robots)))]
        return built(_stage(self._assets, robot, self._things), self._surfaces, rng)


@cache
def _stage(assets: Assets, robot: Robot, things: tuple[str, ...]) -> Stage:
    """Compiled once in a process."""
    return compiled_stage(assets, robot, things)
