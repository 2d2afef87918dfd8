"""What colour a surface shows where a ray meets it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from anyview_ros.scenes.casting import Geometry
from anyview_ros.scenes.scene import Scene
from anyview_ros.scenes.shapes import ShapeKind
from anyview_ros.scenes.textures import SIDE, srgb_to_linear

_LEVELS = SIDE.bit_length()
_LEVEL_STARTS = [sum((SIDE >> k) ** 2 for k in range(level)) for level in range(_LEVELS)]
_TEXELS = sum((SIDE >> level) ** 2 for level in range(_LEVELS))
_GRAZING = 0.02


@dataclass(frozen=True, eq=False)
class Looks:
    """Looks of N bodies: float32 (13, N): colour, ground (linear), texture, 1/tile, gloss, sharpness, size."""

    table: Tensor
    kind: Tensor
    texels: Tensor

    @classmethod
    def of(cls, scene: Scene, device: torch.device) -> Looks:
        """Return the looks of the scene's bodies."""
        rows = []
        for body in scene.bodies:
            m = body.material
            rows.append(
                [
                    *srgb_to_linear(np.array(m.colour)),
                    *srgb_to_linear(np.array(m.ground)),
                    float(scene.textures.index(m.texture)),
                    1 / m.tile_m,
                    m.gloss,
                    m.sharpness,
                    *body.shape.size,
                ]
            )
        table = torch.tensor(rows, dtype=torch.float32, device=device).reshape(-1, 13).T.contiguous()
        kinds = [int(body.shape.kind) for body in scene.bodies]
        return cls(
            table, torch.tensor(kinds, dtype=torch.int64, device=device), scene.textures.texels(str(device))
        )


@dataclass(frozen=True, eq=False)
class Surface:
    """Points that rays met, channel first.

    Attributes:
        t: float32 (B, P), multiples of the rays' directions, refined.
        point: float32 (B, 3, P), in the world.
        normal: float32 (B, 3, P), in the world, unit, towards the viewer.
        facing: float32 (B, P), cosine between normal and ray.
        uv: float32 (B, 2, P), texture coordinates in repetitions.
        look: float32 (B, 13, P), see ``Looks``.
    """

    t: Tensor
    point: Tensor
    normal: Tensor
    facing: Tensor
    uv: Tensor
    look: Tensor


def surface(
    geometry: Geometry, looks: Looks, origin: Tensor, directions: Tensor, t: Tensor, which: Tensor
) -> Surface:
    """Return what rays met, with the distance sharpened by one Newton step on the body's distance function.

    Args:
        geometry: all bodies of the B scenes.
        looks: their looks.
        origin: float64 (B, 3).
        directions: float32 (B, 3, P).
        t: float32 (B, P), finite.
        which: int64 (B, P), the body met.
    """
    frames, _, rays = directions.shape
    rows = geometry.rotation.transpose(-1, -2)
    offset = (rows @ (origin[:, None] - geometry.centre)[..., None])[..., 0]
    placed = torch.cat([rows.reshape(frames, -1, 9), offset], dim=-1).float().transpose(1, 2)
    pose = placed.gather(2, which[:, None].expand(frames, 12, rays))
    look = looks.table[:, which].transpose(0, 1)
    kind = looks.kind[which]
    rotation = pose[:, :9].reshape(frames, 3, 3, rays)
    local_ray = (rotation * directions[:, None]).sum(2)
    point = pose[:, 9:] + t[:, None] * local_ray
    distance, normal, axis = _distance(kind, look[:, 10:], point)
    slope = (normal * local_ray).sum(1)
    length = _length(local_ray)
    sound = slope.abs() > _GRAZING * length
    step = torch.where(sound, distance / torch.where(sound, slope, 1.0), 0.0)
    t = t - step.clamp(-1e-3, 1e-3)
    point = pose[:, 9:] + t[:, None] * local_ray
    away = slope > 0
    world_normal = (rotation * normal[:, :, None]).sum(1)
    return Surface(
        t=t,
        point=origin.float()[..., None] + t[:, None] * directions,
        normal=torch.where(away[:, None], -world_normal, world_normal),
        facing=slope.abs() / length,
        uv=_texture_coordinates(kind, axis, look, point),
        look=look,
    )


def _length(vectors: Tensor) -> Tensor:
    """Lengths (B, P) of vectors (B, 3, P); far faster than ``norm`` over a middle dimension."""
    return (vectors * vectors).sum(1).sqrt()


def _distance(kind: Tensor, size: Tensor, point: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Signed distance (B, P), unit normal (B, 3, P) and dominant axis (B, P) in the body's axes."""
    z = point[:, 2]
    half = torch.where(kind == ShapeKind.CAPSULE, size[:, 1], 0.0)
    from_core = torch.stack([point[:, 0], point[:, 1], z - torch.minimum(torch.maximum(z, -half), half)], 1)
    length = _length(from_core).clamp_min(1e-9)
    round_distance, round_normal = length - size[:, 0], from_core / length[:, None]

    sign = torch.where(point < 0, -1.0, 1.0)
    box_distance, axis = (point.abs() - size).max(dim=1)
    faces = torch.arange(3, device=point.device)[None, :, None]
    box_normal = torch.where(faces == axis[:, None], sign, 0.0)

    radial = _length(point[:, :2]).clamp_min(1e-9)
    side, cap = radial - size[:, 0], z.abs() - size[:, 1]
    on_side = side > cap
    tube_normal = torch.stack(
        [
            torch.where(on_side, point[:, 0] / radial, 0.0),
            torch.where(on_side, point[:, 1] / radial, 0.0),
            torch.where(on_side, 0.0, sign[:, 2]),
        ],
        dim=1,
    )
    flat = kind >= ShapeKind.BOX
    tube = kind == ShapeKind.CYLINDER
    distance = torch.where(flat, box_distance, torch.where(tube, torch.maximum(side, cap), round_distance))
    normal = torch.where(flat[:, None], box_normal, torch.where(tube[:, None], tube_normal, round_normal))
    # Curved sides get axis 3: texture runs around them; a cylinder's ends are covered like a box's.
    curved = torch.where(tube, torch.where(on_side, 3, 2), 3)
    return distance, normal, torch.where(flat, axis, curved)


def _texture_coordinates(kind: Tensor, axis: Tensor, look: Tensor, point: Tensor) -> Tensor:
    x, y, z = point.unbind(1)
    per_metre, radius = look[:, 7], look[:, 10]
    side = torch.where(torch.where(axis == 0, x, y) < 0, -1.0, 1.0)
    u = torch.where(axis == 0, side * y, torch.where(axis == 1, -side * x, x)) * per_metre
    v = torch.where(axis == 2, y, z) * per_metre
    around = torch.round(2 * math.pi * torch.where(kind < ShapeKind.BOX, radius, 0.0) * per_metre).clamp_min(
        1
    )
    angle = torch.atan2(y, x) * (around / (2 * math.pi))
    return torch.stack([0.5 + torch.where(axis == 3, angle, u), 0.5 - v], dim=1)


def albedo(surface: Surface, looks: Looks, pixel: float) -> Tensor:
    """Return the surface's own colour, linear (B, 3, P).

    Args:
        surface: the points.
        looks: the bodies' looks.
        pixel: width of a pixel at one unit of the direction, metres; textures are read at the size that fits.
    """
    look = surface.look
    footprint = pixel * surface.t * torch.rsqrt(surface.facing.clamp_min(0.05)) * look[:, 7] * SIDE
    level = torch.log2(footprint.clamp_min(1e-6)).clamp(0, _LEVELS - 1.001)
    lower = level.floor()
    blend = (level - lower)[:, None]
    texture = look[:, 6].long()
    coarse = lower.long()
    value = _read(looks.texels, texture, surface.uv, coarse) * (1 - blend)
    value = value + _read(looks.texels, texture, surface.uv, coarse + 1) * blend
    return look[:, 3:6] + (look[:, 0:3] - look[:, 3:6]) * value


def _read(texels: Tensor, texture: Tensor, uv: Tensor, level: Tensor) -> Tensor:
    """Textures at one of their sizes, between texels: (B, 3, P)."""
    side = SIDE >> level
    start = texture * _TEXELS + torch.tensor(_LEVEL_STARTS, device=uv.device)[level]
    place = (uv - uv.floor()) * side[:, None] - 0.5
    corner = place.floor()
    fraction = place - corner
    wrap = side - 1  # sides are powers of two
    left, top = corner[:, 0].long() & wrap, corner[:, 1].long() & wrap
    right, bottom = (left + 1) & wrap, (top + 1) & wrap
    fu, fv = fraction[:, 0, :, None], fraction[:, 1, :, None]
    upper = torch.lerp(texels[start + top * side + left], texels[start + top * side + right], fu)
    lower = torch.lerp(texels[start + bottom * side + left], texels[start + bottom * side + right], fu)
    return torch.lerp(upper, lower, fv).transpose(1, 2)


def lit(
    surface: Surface, towards_light: Tensor, towards_eye: Tensor, reach_m: float
) -> tuple[Tensor, Tensor]:
    """Return what one lamp of strength 1 does: diffuse and highlight, (B, P) each.

    Args:
        surface: the points.
        towards_light: (B, 3, P), from the point to the lamp, metres.
        towards_eye: (B, 3, P), unit.
        reach_m: distance at which the lamp has its nominal strength.
    """
    square = (towards_light * towards_light).sum(1)
    unit = towards_light * torch.rsqrt(square)[:, None]
    strength = 2 / (1 + square / reach_m**2)
    diffuse = (surface.normal * unit).sum(1).clamp_min(0) * strength
    middle = unit + towards_eye
    shine = ((surface.normal * middle).sum(1) / _length(middle)).clamp(1e-4, 1) ** surface.look[
        :, 9
    ] * surface.look[:, 8]
    return diffuse, torch.where(diffuse > 0, shine * strength, 0.0)
