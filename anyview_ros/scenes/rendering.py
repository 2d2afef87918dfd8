"""Pictures, depth and instance ids of scenes, by casting rays: the same on CPU and GPU, many frames at once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera, check_rigid
from anyview_ros.scenes.casting import Bundle, Geometry, nearest, reached
from anyview_ros.scenes.scene import Scene
from anyview_ros.scenes.shading import Looks, albedo, lit, surface
from anyview_ros.scenes.textures import srgb_to_linear

NEAR_M = 0.01
"""Nothing nearer than this to the camera is seen, metres."""
_SHADOW_MARGIN_M = 1e-3
_CPU_TILE = 80
_SKIPPING = frozenset({"cpu"})
"""Devices where it pays to go tile by tile and skip bodies that a tile cannot see; others take whole batches."""
_ELEMENTS = {"cpu": 2**20, "cuda": 2**26}


@dataclass(frozen=True, eq=False)
class Rendering:
    """What a camera sees.

    Attributes:
        frames: uint8 (T, H, W, 3), RGB.
        depth: float32 (T, H, W), metres along the optical axis through the pixel's centre, 0 where nothing is.
        instances: int32 (T, H, W), instance ids, see ``Scene.instances``; 0 where nothing is.
    """

    frames: NDArray[np.uint8]
    depth: NDArray[np.float32]
    instances: NDArray[np.int32]


class PictureRays(Protocol):
    """The rays through the pixels of a picture."""

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        ...

    @property
    def pixel_width(self) -> float:
        """How far apart neighbouring rays are at one unit of their directions."""
        ...

    def directions(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Directions (3, ...) in the picture's own axes of pixels (x, y), which need not be whole.

        A depth of 1 lies one direction away.
        """
        ...


@dataclass(frozen=True)
class PinholeRays:
    """Rays of a pinhole camera: depth is along its axis."""

    camera: PinholeCamera

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self.camera.size

    @property
    def pixel_width(self) -> float:
        """How far apart neighbouring rays are at one unit of their directions."""
        return 1 / self.camera.fx

    def directions(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Directions (3, ...) of pixels, with one metre along the optical axis."""
        c = self.camera
        return np.stack([(x - c.cx) / c.fx, (y - c.cy) / c.fy, np.ones(x.shape)])


@dataclass(frozen=True, eq=False)
class _Tile:
    """Frames ``first`` to ``last`` and a rectangle of their pixels."""

    first: int
    last: int
    rows: slice
    columns: slice


def render(
    scene: Scene,
    camera: PinholeCamera,
    camera_to_world: ArrayLike,
    *,
    supersampling: int = 1,
    shadows: bool = True,
    device: str = "cpu",
) -> Rendering:
    """Return what ``camera`` sees of ``scene``.

    Args:
        scene: one instant, or as many as there are poses.
        camera: intrinsics of every frame.
        camera_to_world: (T, 4, 4) or (4, 4), metres, OpenCV axes.
        supersampling: s×s rays per pixel for the colour; depth and instances come from the pixel's centre always.
        shadows: whether lamps throw shadows.
        device: where torch computes, for instance "cpu" or "cuda".

    Returns:
        T frames. The same arguments give the same pixels; a batch gives what its frames give one by one, to within
        one grey level.

    Raises:
        InvalidInputError: supersampling below 1, or numbers of instants and poses that do not fit.
        InvalidPoseError: a pose that is not rigid.
    """
    return cast(
        scene,
        PinholeRays(camera),
        camera_to_world,
        supersampling=supersampling,
        shadows=shadows,
        device=device,
    )


def cast(
    scene: Scene,
    rays: PictureRays,
    camera_to_world: ArrayLike,
    *,
    supersampling: int = 1,
    shadows: bool = True,
    device: str = "cpu",
) -> Rendering:
    """Return what a picture of any rays that leave one point shows of ``scene``; else as :func:`render`.

    Raises:
        InvalidInputError: supersampling below 1, or numbers of instants and poses that do not fit.
        InvalidPoseError: a pose that is not rigid.
    """
    poses = check_rigid(camera_to_world, name="camera_to_world").reshape(-1, 4, 4)
    if supersampling < 1:
        raise InvalidInputError(f"supersampling is {supersampling}; 1 means one ray per pixel")
    if len(scene) not in (1, len(poses)):
        raise InvalidInputError(
            f"the scene has {len(scene)} instants and there are {len(poses)} poses; give one instant or one per pose"
        )
    with torch.inference_mode():
        return _Renderer(scene, rays, poses, supersampling, shadows, torch.device(device)).run()


class _Renderer:
    def __init__(
        self,
        scene: Scene,
        rays: PictureRays,
        poses: NDArray[np.float64],
        supersampling: int,
        shadows: bool,
        device: torch.device,
    ) -> None:
        self._scene, self._rays, self._device = scene, rays, device
        self._width, self._height = rays.size
        self._supersampling, self._shadows = supersampling, shadows
        self._count = len(poses)
        self._poses = torch.from_numpy(poses).to(device)
        self._geometry = self._per_frame(Geometry.of(scene, device))
        self._casters = self._per_frame(Geometry.of(scene, device, only_shadows=True))
        self._looks = Looks.of(scene, device)
        ids = {name: i for i, name in enumerate(scene.instances)}
        self._instance = torch.tensor(
            [ids[body.instance] for body in scene.bodies] or [0], dtype=torch.int32, device=device
        )
        self._culls = device.type in _SKIPPING

    def run(self) -> Rendering:
        shape = (self._count, self._height, self._width)
        frames = torch.empty((*shape, 3), dtype=torch.uint8, device=self._device)
        depth = torch.empty(shape, dtype=torch.float32, device=self._device)
        instances = torch.empty(shape, dtype=torch.int32, device=self._device)
        for tile in self._tiles():
            where = (slice(tile.first, tile.last), tile.rows, tile.columns)
            size = depth[where].shape
            light, z, ids = self._colour(tile, (0.0, 0.0), 0)
            depth[where] = z.reshape(size)
            instances[where] = ids.reshape(size)
            if self._supersampling > 1:
                light = self._supersampled(tile)
            shown = light.clamp(0, 1).pow(1 / 2.2).mul(255).add(0.5).to(torch.uint8)
            frames[where] = shown.transpose(1, 2).reshape(*size, 3)
        return Rendering(frames.cpu().numpy(), depth.cpu().numpy(), instances.cpu().numpy())

    def _per_frame(self, geometry: Geometry) -> Geometry:
        if len(self._scene) == self._count:
            return geometry
        return Geometry(
            geometry.rotation.expand(self._count, -1, -1, -1),
            geometry.centre.expand(self._count, -1, -1),
            geometry.size,
            geometry.bound,
            geometry.counts,
            geometry.index,
        )

    def _tiles(self) -> Iterator[_Tile]:
        """Pieces small enough for the memory; on a CPU also small enough to skip what they cannot see."""
        height, width = self._height, self._width
        budget = max(1, _ELEMENTS.get(self._device.type, 2**24) // max(1, len(self._scene.bodies)))
        if self._culls:
            side, frames = _CPU_TILE, 1
        else:
            side = max(height, width) if height * width <= budget else max(1, math.isqrt(budget))
            frames = max(1, budget // min(side * side, height * width))
        for first in range(0, self._count, frames):
            for top in range(0, height, side):
                for left in range(0, width, side):
                    yield _Tile(
                        first,
                        min(first + frames, self._count),
                        slice(top, min(top + side, height)),
                        slice(left, min(left + side, width)),
                    )

    def _supersampled(self, tile: _Tile) -> Tensor:
        count = self._supersampling
        total: Tensor | None = None
        for i in range(count * count):
            shift = ((i % count + 0.5) / count - 0.5, (i // count + 0.5) / count - 0.5)
            light, _, _ = self._colour(tile, shift, i)
            total = light.clamp(0, 1) if total is None else total + light.clamp(0, 1)
        assert total is not None  # noqa: S101 - for the type checker: count is at least 1
        return total / count**2

    def _directions(self, tile: _Tile, shift: tuple[float, float]) -> Tensor:
        """Rays in the world, float32 (B, 3, P); depth counts in their lengths."""
        columns = np.arange(tile.columns.start, tile.columns.stop, dtype=np.float64)
        rows = np.arange(tile.rows.start, tile.rows.stop, dtype=np.float64)
        x, y = np.meshgrid(columns + shift[0], rows + shift[1])
        rays = torch.from_numpy(self._rays.directions(x.ravel(), y.ravel())).to(self._device)
        return (self._poses[tile.first : tile.last, :3, :3] @ rays).float()

    def _colour(self, tile: _Tile, shift: tuple[float, float], sample: int) -> tuple[Tensor, Tensor, Tensor]:
        """Linear light (B, 3, P), depth (B, P) and instance ids (B, P) of a tile's pixels."""
        directions = self._directions(tile, shift)
        origin = self._poses[tile.first : tile.last, :3, 3]
        geometry = self._geometry.frames(tile.first, tile.last)
        bundle = Bundle.of(geometry, origin)
        t, which = nearest(bundle.within(directions) if self._culls else bundle, directions, NEAR_M)
        met = torch.isfinite(t)
        background = torch.from_numpy(srgb_to_linear(np.array(self._scene.background))).to(self._device)
        if not self._scene.bodies:
            nothing = torch.zeros_like(t)
            return background[None, :, None].expand_as(directions), nothing, nothing.int()
        hit = surface(geometry, self._looks, origin, directions, torch.where(met, t, 1.0), which)
        towards_eye = -directions * torch.rsqrt((directions * directions).sum(1, keepdim=True))
        own = albedo(hit, self._looks, self._rays.pixel_width / self._supersampling)
        light = own * self._ambient(hit.normal)
        for number, lamp in enumerate(self._scene.lights):
            place = self._lamp_position(number, sample)
            diffuse, shine = lit(hit, place[None, :, None].float() - hit.point, towards_eye, lamp.reach_m)
            if self._shadows:
                free = self._sees_lamp(tile, place, hit.point + _SHADOW_MARGIN_M * hit.normal)
                diffuse, shine = diffuse * free, shine * free
            colour = torch.tensor(lamp.colour, dtype=torch.float32, device=self._device)[None, :, None]
            light = light + colour * (own * diffuse[:, None] + shine[:, None])
        light = torch.where(met[:, None], light, background[None, :, None])
        return light, torch.where(met, hit.t, 0.0), torch.where(met, self._instance[which], 0)

    def _ambient(self, normal: Tensor) -> Tensor:
        """Light from everywhere, a little more from above; linear (B, 3, P)."""
        ambient = torch.tensor(self._scene.ambient, dtype=torch.float32, device=self._device)
        return ambient[None, :, None] * (0.75 + 0.25 * normal[:, 2:3])

    def _lamp_position(self, number: int, sample: int) -> Tensor:
        """The lamp's centre, or with supersampling a point on a spiral over its disc; float64 (3,)."""
        lamp = self._scene.lights[number]
        x, y, z = lamp.position
        if self._supersampling > 1:
            share = (sample + 0.5) / self._supersampling**2
            angle = 2.399963 * sample + number
            x += lamp.radius_m * math.sqrt(share) * math.cos(angle)
            y += lamp.radius_m * math.sqrt(share) * math.sin(angle)
        return torch.tensor([x, y, z], dtype=torch.float64, device=self._device)

    def _sees_lamp(self, tile: _Tile, lamp: Tensor, points: Tensor) -> Tensor:
        """Whether points (B, 3, P) are in the lamp's light; bool (B, P)."""
        casters = self._casters.frames(tile.first, tile.last)
        directions = points - lamp[None, :, None].float()
        bundle = Bundle.of(casters, lamp.expand(len(points), 3))
        if self._culls:
            bundle = bundle.within(directions, reach=1.0)
        return reached(bundle, directions, 1e-4)
