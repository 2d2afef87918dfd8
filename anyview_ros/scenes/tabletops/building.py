"""Dresses a stage by chance: walls, lamps, a table, an arm on it, things on it and around it."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.scenes.poses import move, room_sides, turn
from anyview_ros.scenes.tabletops.stage import SHOWN_GROUP, TEXTURE_SIDE, Stage, mujoco_without_screen
from anyview_ros.scenes.tabletops.surfaces import Surfaces
from anyview_ros.scenes.tabletops.tabletop import (
    ArmSwing,
    BodyPath,
    Tabletop,
    geom_poses,
    half_extents,
    posed,
)

Array = NDArray[np.float64]
Rng = np.random.Generator
_Look = tuple[int, Array]
"""A material's number, -1 for none, and a colour (4,)."""

_POSTURES_TRIED = 30
_JOINT_SPREAD, _JOINT_SWING = 0.45, 0.3
_FOOT_M = 0.15
_TABLE_TOP_M = 0.04
_MARGIN_M = 0.15


def built(stage: Stage, surfaces: Surfaces, rng: np.random.Generator) -> Tabletop:
    """Build a scene on a copy of a stage.

    Args:
        stage: keeps as it is.
        surfaces: what shapes are covered with.
        rng: all is drawn from.

    Raises:
        ReadError: a texture cannot be read.
    """
    return _Builder(stage, surfaces, rng).tabletop()


class _Builder:
    """Dresses a copy of a stage."""

    def __init__(self, stage: Stage, surfaces: Surfaces, rng: Rng) -> None:
        self._rng, self._stage = rng, stage
        self._model = copy.copy(stage.model)
        self._fill_textures(surfaces)
        self._free = {kind: list(bodies) for kind, bodies in stage.shapes.items()}
        self._geoms = {
            int(self._model.body_mocapid[body]): int(self._model.body_geomadr[body])
            for body in range(self._model.nbody)
            if self._model.body_mocapid[body] >= 0 and self._model.body_geomnum[body]
        }
        self._paths: list[BodyPath] = []
        self._size = rng.uniform((3.0, 3.0, 2.3), (7.0, 7.0, 3.4))
        self._taken: list[tuple[float, float, float]] = []  # circles on the table: x, y, radius
        self._paleness = float(rng.uniform(0, 0.95))

    def tabletop(self) -> Tabletop:
        rng, (length, width, height) = self._rng, (float(edge) for edge in self._size)
        self._walls()
        self._lamps()
        table, extents = self._table()
        joints = self._robot(table, extents)
        self._things(table, extents)
        self._furniture(table, extents)
        aside, ahead = rng.uniform(-0.25, 0.25, 2) * extents
        x, y, z = (float(value) for value in (table @ move(aside, ahead, rng.uniform(0.0, 0.35)))[:3, 3])
        count = len(joints)
        return Tabletop(
            self._stage,
            self._model,
            tuple(self._paths),
            ArmSwing(
                joints,
                rng.uniform(0, _JOINT_SWING, count),
                rng.uniform(0.3, 1.5, count),
                rng.uniform(0, 2 * math.pi, count),
            ),
            (x, y, z),
            (
                (-length / 2 + _MARGIN_M, -width / 2 + _MARGIN_M, _MARGIN_M),
                (length / 2 - _MARGIN_M, width / 2 - _MARGIN_M, height - _MARGIN_M),
            ),
        )

    def _fill_textures(self, surfaces: Surfaces) -> None:
        """Each look's six sides alike, each paper once; some shine."""
        model, rng = self._model, self._rng
        for material in (*self._stage.looks, *self._stage.papers):
            number = int(model.mat_texid[material].max())
            start = int(model.tex_adr[number])
            one = surfaces.draw(rng).ravel()
            copies = int(model.tex_height[number]) // TEXTURE_SIDE
            model.tex_data[start : start + copies * one.size] = np.tile(one, copies)
            model.mat_specular[material] = rng.uniform(0, 0.5) if rng.uniform() < 0.4 else 0.0
            model.mat_shininess[material] = rng.uniform(0.2, 0.8)
        for paper in self._stage.papers:
            model.mat_texrepeat[paper] = 1 / rng.uniform(0.4, 2.0)

    def _colour(self) -> Array:
        colour = self._rng.uniform(0.05, 0.98, 3) ** 0.8
        return np.append(colour + self._paleness * (colour.mean() - colour), 1.0)

    def _look(self) -> _Look:
        """A plain colour or one of the textures."""
        if self._rng.uniform() < 0.3:
            return -1, self._colour()
        return int(self._rng.choice(self._stage.looks)), np.ones(4)

    def _dress(self, geom: int, look: _Look) -> None:
        """Show a geom."""
        self._model.geom_group[geom] = SHOWN_GROUP
        self._model.geom_matid[geom], self._model.geom_rgba[geom] = look

    def _put(
        self, kind: str, size: tuple[float, ...], pose: Array, look: _Look | None = None, **swing: Any
    ) -> None:
        """Show a shape of half extents ``size``, in MuJoCo's order, or nothing when there is none left."""
        if not self._free[kind]:
            return
        body = self._free[kind].pop()
        geom, model = self._geoms[body], self._model
        model.geom_size[geom, : len(size)] = size
        model.geom_aabb[geom, 3:] = _around(kind, size)
        self._dress(geom, look or self._look())
        self._paths.append(BodyPath(body, pose, **swing))

    def _walls(self) -> None:
        model = self._model
        mujoco = mujoco_without_screen()
        for geom, pose in zip(self._stage.walls, room_sides(*self._size), strict=True):
            model.geom_pos[geom] = pose[:3, 3]
            model.geom_sameframe[geom] = 0  # compiled at the origin, it would stay there
            mujoco.mju_mat2Quat(model.geom_quat[geom], pose[:3, :3].ravel())
            if self._rng.uniform() < 0.25:
                model.geom_matid[geom], model.geom_rgba[geom] = -1, self._colour()
            else:
                model.geom_matid[geom] = self._rng.choice(self._stage.papers)

    def _lamps(self) -> None:
        model, rng = self._model, self._rng
        length, width, height = self._size
        count = int(rng.integers(1, model.nlight + 1))
        for lamp in range(model.nlight):
            model.light_active[lamp] = lamp < count
            place = np.append(rng.uniform(-0.4, 0.4, 2) * (length, width), height - rng.uniform(0.05, 0.5))
            aim = np.append(rng.uniform(-0.2, 0.2, 2) * (length, width), 0.5) - place
            model.light_pos[lamp], model.light_dir[lamp] = place, aim / np.linalg.norm(aim)
            model.light_cutoff[lamp], model.light_exponent[lamp] = 80.0, rng.uniform(0, 3)
            model.light_attenuation[lamp] = (1.0, 0.0, 0.0)
            model.light_diffuse[lamp] = rng.uniform(0.5, 1.0) / count * rng.uniform(0.85, 1.1, 3)
            model.light_specular[lamp] = rng.uniform(0, 0.5)
            model.light_ambient[lamp] = 0.0
        model.vis.headlight.ambient = rng.uniform(0.2, 0.4) * rng.uniform(0.9, 1.1, 3)
        model.vis.headlight.diffuse = rng.uniform(0, 0.2)
        model.vis.headlight.specular = 0.0

    def _table(self) -> tuple[Array, Array]:
        """A table; returns the pose of the middle of its top, and the top's size (2,)."""
        rng = self._rng
        extents = rng.uniform((0.8, 0.7), (1.7, 1.2))
        height = float(rng.uniform(0.35, 1.0))
        room = (self._size[:2] / 2 - np.linalg.norm(extents) / 2).clip(0)
        x, y = 0.6 * room * rng.uniform(-1, 1, 2)
        table = move(x, y, height) @ turn("z", rng.uniform(0, 2 * math.pi))
        self._put("box", (*extents / 2, _TABLE_TOP_M / 2), table @ move(z=-_TABLE_TOP_M / 2))
        if rng.uniform() < 0.3:
            body = 0.9 * extents / 2
            under = (height - _TABLE_TOP_M) / 2
            self._put("box", (*body, under), table @ move(z=-_TABLE_TOP_M - under))
        else:
            leg, under, look = float(rng.uniform(0.02, 0.04)), (height - _TABLE_TOP_M) / 2, self._look()
            for sx in (-1, 1):
                for sy in (-1, 1):
                    x, y = (sx, sy) * (extents / 2 - 1.5 * leg)
                    self._put("box", (leg, leg, under), table @ move(x, y, -_TABLE_TOP_M - under), look)
        return table, extents

    def _robot(self, table: Array, extents: Array) -> Array:
        """The arm on the table, clear of it; returns its joint angles."""
        rng, stage = self._rng, self._stage
        place = np.array((-0.38, rng.uniform(-0.25, 0.25))) * extents
        base = table @ move(*place) @ turn("z", rng.normal(0, 0.5))
        self._paths.append(BodyPath(stage.base, base))
        self._taken.append((float(place[0]), float(place[1]), 0.16))
        if rng.uniform() < 0.5:
            tint = rng.uniform(0.3, 1.0, 3) if rng.uniform() < 0.5 else np.full(3, rng.uniform(0.4, 1.0))
            materials = {int(self._model.geom_matid[geom]) for geom in stage.robot_geoms} - {-1}
            for material in materials:
                self._model.mat_rgba[material, :3] *= tint
        middle = np.array(stage.robot.posture)
        for _ in range(_POSTURES_TRIED):
            joints = middle + rng.normal(0, _JOINT_SPREAD, len(middle))
            if self._lowest(joints) > table[2, 3]:
                return joints
        return middle

    def _lowest(self, joints: Array) -> float:
        """Height of the arm's lowest point in a posture, but for its foot, metres."""
        model, base = self._model, self._paths[-1].pose
        data = posed(self._stage, model, [(self._stage.base, base)], joints)
        aside = np.linalg.norm(data.geom_xpos[:, :2] - base[:2, 3], axis=1)
        geoms = [geom for geom in self._stage.robot_geoms if aside[geom] > _FOOT_M]
        heights = [
            (pose @ np.append(model.geom_aabb[geom, :3], 1.0))[2]
            - np.abs(pose[2, :3]) @ half_extents(model, geom)
            for pose, geom in zip(geom_poses(data, geoms), geoms, strict=True)
        ]
        return float(min(heights, default=math.inf))

    def _spot(self, extents: Array, radius: float) -> tuple[float, float] | None:
        """A free circle on the table, which is taken from now on, or None where none was found."""
        for _ in range(30):
            x, y = (float(value) for value in self._rng.uniform(-1, 1, 2) * (extents / 2 - radius))
            if all(math.hypot(x - a, y - b) > radius + r for a, b, r in self._taken):
                self._taken.append((x, y, radius))
                return x, y
        return None

    def _things(self, table: Array, extents: Array) -> None:
        """Things on the table, some of which move, a few in the air."""
        rng, model = self._rng, self._model
        for body in rng.permutation(self._stage.things)[: int(rng.integers(0, 6))]:
            geoms = self._of_thing(int(body))
            low = min(float(model.geom_aabb[g, 2] - model.geom_aabb[g, 5]) for g in geoms)
            spot = self._spot(extents, 0.06)
            if spot is None:
                continue
            for geom in geoms:
                if rng.uniform() < 0.4:
                    self._dress(geom, self._look())
                model.geom_group[geom] = SHOWN_GROUP
            pose = table @ move(*spot, -low) @ turn("z", rng.uniform(0, 2 * math.pi))
            self._paths.append(BodyPath(int(body), pose, **self._swing()))
        for _ in range(int(rng.integers(3, 12))):
            radius = float(rng.uniform(0.02, 0.08))
            kind, size, lift = self._shape(radius)
            spot = self._spot(extents, radius)
            if spot is not None:
                pose = table @ move(*spot, lift) @ turn("z", rng.uniform(0, 2 * math.pi))
                self._put(kind, size, pose, **self._swing())
        for _ in range(int(rng.integers(0, 3))):
            kind, size, _ = self._shape(float(rng.uniform(0.03, 0.1)))
            place = np.append(rng.uniform(-0.4, 0.4, 2) * extents, rng.uniform(0.25, 0.6))
            self._put(kind, size, table @ move(*place), **self._swing(always=True))

    def _of_thing(self, body: int) -> list[int]:
        """The geoms of a thing: those of the one body that its carrier has."""
        model = self._model
        carrier = next(b for b in range(model.nbody) if model.body_mocapid[b] == body)
        return [g for g in range(model.ngeom) if model.body_rootid[model.geom_bodyid[g]] == carrier]

    def _swing(self, *, always: bool = False) -> dict[str, Any]:
        rng = self._rng
        if not always and rng.uniform() < 0.7:
            return {}
        return {
            "reach": rng.uniform(0, 0.25, 3) * (1, 1, 0.5 if always else 0.0),
            "rate": rng.uniform(0.5, 2.5, 3),
            "phase": rng.uniform(0, 2 * math.pi, 3),
            "spin": float(rng.uniform(-2, 2)),
        }

    def _shape(self, radius: float) -> tuple[str, tuple[float, ...], float]:
        """A kind, half extents in MuJoCo's order, and how high its middle is when it stands."""
        rng = self._rng
        kind = ("box", "box", "cylinder", "sphere", "capsule", "ellipsoid")[int(rng.integers(6))]
        tall = radius * float(rng.uniform(0.3, 3))
        match kind:
            case "sphere":
                return kind, (radius,), radius
            case "capsule":
                return kind, (0.7 * radius, tall / 2), 0.7 * radius + tall / 2
            case "cylinder":
                return kind, (radius, tall), tall
            case "ellipsoid":
                x, y, z = (float(value) for value in radius * rng.uniform(0.4, 1.0, 3))
                return kind, (x, y, z), z
            case _:
                x, y = (float(value) for value in 0.7 * radius * rng.uniform(0.5, 1.4, 2))
                return kind, (x, y, tall), tall

    def _furniture(self, table: Array, extents: Array) -> None:
        """Things on the floor along the walls, and pictures on them."""
        rng, (length, width, _) = self._rng, self._size
        reach = float(np.linalg.norm(extents)) / 2
        for _ in range(int(rng.integers(2, 8))):
            radius = float(rng.uniform(0.1, 0.45))
            x, y = (float(value) for value in (self._size[:2] / 2 - radius) * rng.uniform(-1, 1, 2))
            if math.hypot(x - table[0, 3], y - table[1, 3]) < radius + reach:
                continue
            kind, size, lift = self._shape(radius)
            self._put(kind, size, move(x, y, lift) @ turn("z", rng.uniform(0, 2 * math.pi)))
        for _ in range(int(rng.integers(0, 5))):
            along, height = rng.uniform(-0.35, 0.35), rng.uniform(1.0, 1.8)
            half = rng.uniform(0.15, 0.5, 2)
            sign = float(rng.choice((-1.0, 1.0)))
            if rng.uniform() < 0.5:
                pose = move(sign * length / 2, along * width, height)
            else:
                pose = move(along * length, sign * width / 2, height) @ turn("z", math.pi / 2)
            self._put("box", (0.02, *half), pose)


def _around(kind: str, size: tuple[float, ...]) -> tuple[float, float, float]:
    """Half extents of the box around a shape."""
    match kind:
        case "sphere":
            return (size[0], size[0], size[0])
        case "capsule":
            return (size[0], size[0], size[0] + size[1])
        case "cylinder":
            return (size[0], size[0], size[1])
        case _:
            return (size[0], size[1], size[2])
