"""Which parts of a scene the cameras saw: what a view's confidence rests on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.ddr.renderer import SceneRenderer
from anyview_ros.methods.ddr.scene import DdrScene
from anyview_ros.rendering.coverage import seen_from

_MOST_FRAMES = 64
_LONGEST_SIDE = 160


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


def _reduced(camera: PinholeCamera) -> PinholeCamera:
    factor = max(1, round(max(camera.width, camera.height) / _LONGEST_SIDE))
    return camera.resized(max(1, camera.width // factor), max(1, camera.height // factor))
