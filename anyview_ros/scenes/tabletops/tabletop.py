"""One tabletop: what moves how, and where all is at an instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.scenes.material import Material
from anyview_ros.scenes.poses import move, turn
from anyview_ros.scenes.scene import WORLD, Body
from anyview_ros.scenes.shapes import box
from anyview_ros.scenes.tabletops.stage import SHOWN_GROUP, Stage, mujoco_without_screen
from anyview_ros.scenes.textures import procedural_textures
from anyview_ros.scenes.world import FramePoses, World

Array = NDArray[np.float64]
_THINNEST_M = 1e-4


@dataclass(frozen=True, eq=False)
class BodyPath:
    """Where a body is: a place, and a swing around it, place + reach·sin(rate·t + phase), while it turns steadily.

    Attributes:
        body: number of the mocap body.
        pose: (4, 4), from the body's axes to the world's, metres.
        reach, rate, phase: (3,), metres, radians per second, radians.
        spin: about the body's z axis, radians per second.
    """

    body: int
    pose: Array
    reach: Array = field(default_factory=lambda: np.zeros(3))
    rate: Array = field(default_factory=lambda: np.zeros(3))
    phase: Array = field(default_factory=lambda: np.zeros(3))
    spin: float = 0.0

    def at(self, time_s: float) -> Array:
        """The pose (4, 4) at an instant, seconds."""
        pose = self.pose @ turn("z", self.spin * time_s)
        pose[:3, 3] += self.reach * np.sin(self.rate * time_s + self.phase)
        return pose


@dataclass(frozen=True, eq=False)
class ArmSwing:
    """The joint angles of an arm that swings around a posture: middle + reach·sin(rate·t + phase), (joints,) each."""

    middle: Array
    reach: Array
    rate: Array
    phase: Array

    def at(self, time_s: float) -> Array:
        """The angles (joints,) at an instant, seconds; radians."""
        return np.asarray(self.middle + self.reach * np.sin(self.rate * time_s + self.phase))


@dataclass(frozen=True, eq=False)
class Tabletop:
    """One scene.

    Attributes:
        stage: what its model is a copy of.
        model: ``mujoco.MjModel`` with this scene's sizes and looks.
        paths: of the bodies that are shown.
        arm: how the arm moves.
        focus: point that cameras had better look at, metres.
        bounds: lower and upper corner of the space where cameras may be, metres.
    """

    stage: Stage
    model: Any
    paths: tuple[BodyPath, ...]
    arm: ArmSwing
    focus: tuple[float, float, float]
    bounds: tuple[tuple[float, float, float], tuple[float, float, float]]

    def posed(self, time_s: float) -> Any:
        """``mujoco.MjData`` of an instant, seconds."""
        return posed(
            self.stage, self.model, [(path.body, path.at(time_s)) for path in self.paths], self.arm.at(time_s)
        )

    def shell(self) -> World:
        """A world of boxes around all that stands in this one: what cameras keep clear of."""
        model = self.model
        shown = [
            geom
            for geom in range(model.ngeom)
            if model.geom_group[geom] == SHOWN_GROUP and geom not in self.stage.walls
        ]
        bodies = tuple(
            Body(
                box(*(2 * half_extents(model, geom))),
                Material(),
                move(*model.geom_aabb[geom, :3]),
                f"geom_{geom}",
            )
            for geom in shown
        )

        def motion(times_s: Array) -> FramePoses:
            poses = np.stack([geom_poses(self.posed(time), shown) for time in np.atleast_1d(times_s)])
            return {f"geom_{geom}": (WORLD, poses[:, index]) for index, geom in enumerate(shown)}

        return World(
            bodies=bodies,
            motion=motion,
            lights=(),
            textures=procedural_textures(),
            focus=self.focus,
            bounds=self.bounds,
        )


def posed(stage: Stage, model: Any, bodies: Sequence[tuple[int, Array]], angles: Array) -> Any:
    """``mujoco.MjData`` of a model whose bodies and arm are put somewhere.

    Args:
        stage: what the model is a copy of.
        model: ``mujoco.MjModel``.
        bodies: numbers of mocap bodies, each with its pose (4, 4) in the world, metres.
        angles: of the arm's joints, radians.
    """
    mujoco = mujoco_without_screen()
    data = mujoco.MjData(model)
    for body, pose in bodies:
        data.mocap_pos[body] = pose[:3, 3]
        mujoco.mju_mat2Quat(data.mocap_quat[body], pose[:3, :3].ravel())
    data.qpos[list(stage.joints)] = angles
    mujoco.mj_kinematics(model, data)
    mujoco.mj_camlight(model, data)
    return data


def half_extents(model: Any, geom: int) -> Array:
    """Half the edges (3,) of the box around a geom in the geom's axes, metres; flat ones get a thickness."""
    return np.asarray(np.maximum(model.geom_aabb[geom, 3:], _THINNEST_M), np.float64)


def geom_poses(data: Any, geoms: Sequence[int]) -> Array:
    """Poses (N, 4, 4) of geoms, from their axes to the world's, metres."""
    chosen = list(geoms)
    poses = np.tile(np.eye(4), (len(chosen), 1, 1))
    poses[:, :3, :3] = data.geom_xmat[chosen].reshape(-1, 3, 3)
    poses[:, :3, 3] = data.geom_xpos[chosen]
    return poses
