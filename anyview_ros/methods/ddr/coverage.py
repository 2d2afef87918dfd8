"""Which parts of a scene the cameras saw: what a view's confidence rests on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.ddr.baking import corner_coordinates
from anyview_ros.methods.ddr.renderer import SceneRenderer
from anyview_ros.methods.ddr.scene import DdrScene
from anyview_ros.methods.ddr.space import Space

_MOST_FRAMES = 64
_LONGEST_SIDE = 160
_BEHIND = 1.04  # so far behind the surface, as a part of its depth, still counts as the surface


@torch.no_grad()
def seen_corners(
    scene: DdrScene,
    cameras: Sequence[PinholeCamera],
    camera_to_world: Sequence[NDArray[np.float64]],
    stamps_ns: Sequence[int],
) -> Tensor:
    """How far the corners of the finest grid were seen, uint8 (Z, Y, X): 255 where any frame saw them, else 0.

    A frame sees what lies in its picture up to the surface that the scene itself shows there.

    Args:
        scene: fitted; its own ``seen`` is not looked at.
        cameras, camera_to_world, stamps_ns: of the frames; of more than 64, even ones are taken.
    """
    renderer = SceneRenderer(scene)
    device = scene.seen.device
    seen = torch.zeros_like(scene.seen)
    count = len(cameras)
    for index in np.unique(np.linspace(0, count - 1, min(count, _MOST_FRAMES)).round().astype(int)):
        camera, pose = _reduced(cameras[index]), camera_to_world[index]
        picture = renderer.render(camera, pose, int(stamps_ns[index]), fill_unseen=False)
        assert picture.depth is not None  # noqa: S101 - for the type checker: this renderer gives depth
        found = seen_from(scene.space, seen.shape, picture.depth, camera, pose, device)
        seen = torch.maximum(seen, found)
    return seen


@torch.no_grad()
def seen_from(
    space: Space,
    shape: Sequence[int],
    depth: NDArray[np.float32],
    camera: PinholeCamera,
    camera_to_world: NDArray[np.float64],
    device: torch.device,
) -> Tensor:
    """Which corners of a grid one picture shows, uint8 (Z, Y, X): 255 up to the surface, else 0.

    Args:
        space: that the grid fills.
        shape: (z, y, x) of the grid.
        depth: float32 (H, W), of the picture, 0 = unknown.
        camera: of the picture.
        camera_to_world: float64 (4, 4).
        device: where to compute.
    """
    z_count, y_count, x_count = shape
    points = space.points(corner_coordinates((z_count, y_count, x_count), device))
    pose = torch.from_numpy(space.to_anchor(camera_to_world)).float().to(device)
    local = (points - pose[:3, 3]) @ pose[:3, :3]
    z = local[:, 2].clamp_min(1e-6)
    u = torch.round(camera.fx * local[:, 0] / z + camera.cx).long()
    v = torch.round(camera.fy * local[:, 1] / z + camera.cy).long()
    inside = (local[:, 2] > 1e-6) & (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    surface = torch.from_numpy(depth).to(device)
    found = surface[v.clamp(0, camera.height - 1), u.clamp(0, camera.width - 1)]
    shown = inside & (z <= found * _BEHIND)
    return (shown.view(z_count, y_count, x_count) * 255).to(torch.uint8)


def _reduced(camera: PinholeCamera) -> PinholeCamera:
    factor = max(1, round(max(camera.width, camera.height) / _LONGEST_SIDE))
    return camera.resized(max(1, camera.width // factor), max(1, camera.height // factor))
