"""Gaussians for what generated pictures alone show."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from anyview_ros.methods.any4d.births import Births, born, grid_step, on_grid
from anyview_ros.methods.any4d.model import MovingGaussians
from anyview_ros.methods.any4d.observations import Observation
from anyview_ros.rendering.splatting import splat

_UNFILLED = 0.5  # a pixel covered less than this wants a Gaussian


def filled(scene: MovingGaussians, more: Sequence[Observation], most: int) -> MovingGaussians:
    """The scene with still Gaussians where generated pictures show what nothing covers yet.

    Args:
        scene: before; on the CPU.
        more: generated pictures.
        most: Gaussians that there may be in all.
    """
    for seen in more:
        room = most - len(scene)
        if room <= 0 or seen.depth is None:
            continue
        with torch.no_grad():
            alpha = splat(scene.at(seen.stamp_ns), seen.camera, seen.camera_to_world).alpha.numpy()
        depth = seen.depth.numpy()
        open_pixels = (alpha < _UNFILLED) & (depth > 0)
        step = grid_step(int(open_pixels.sum()), room)
        pixels = on_grid(open_pixels, step)[:room]
        if len(pixels):
            births = born(
                seen.image.numpy(), depth, seen.camera, seen.camera_to_world, pixels, step=step, support=0.0
            )
            scene = _grown(scene, births)
    return scene


def _grown(scene: MovingGaussians, births: Births) -> MovingGaussians:
    """The scene with more Gaussians, which stand still."""
    fresh = MovingGaussians(births, scene.motion)
    values = {}
    for name, value in scene.state_dict().items():
        if name.startswith("motion."):
            values[name] = value
        else:
            values[name] = torch.cat([value, fresh.state_dict()[name]])
    still = torch.zeros(len(births), scene.motion.weights.shape[1])
    values["motion.weights"] = torch.cat([scene.motion.weights.detach(), still])
    values["motion.free"] = torch.cat([scene.motion.free, still[:, :1]])
    return MovingGaussians.load({k: v.numpy() for k, v in values.items()}, scene.settings())
