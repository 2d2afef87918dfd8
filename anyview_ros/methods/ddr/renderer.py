"""Pictures of a scene at an interactive rate: the field is baked per instant, and rays look at few places."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.ddr.baking import Baker
from anyview_ros.methods.ddr.scene import DdrScene
from anyview_ros.methods.pictures import Picture
from anyview_ros.rendering.ray_casting import RayCaster

Pose = NDArray[np.float64]


class SceneRenderer:
    """Renders one scene.

    Args:
        scene: must not change while this is used.
    """

    def __init__(self, scene: DdrScene) -> None:
        """Bake what stands still."""
        self.scene = scene
        self._baker = Baker(scene.field)
        self._caster = RayCaster(scene.space)
        self._seen = (scene.seen.float() / 255)[None, None]
        self._baked: tuple[float, Tensor] | None = None

    def at(self, place: float) -> Tensor:
        """Values and how far they were seen (1, 5, Z, Y, X), at a place of the time axis; the last one is kept."""
        if self._baked is None or self._baked[0] != place:
            self._baked = place, torch.cat([self._baker.at(place), self._seen], 1)
        return self._baked[1]

    def render(
        self, camera: PinholeCamera, camera_to_world: Pose, stamp_ns: int, *, fill_unseen: bool = True
    ) -> Picture:
        """The scene as a camera sees it at an instant; see :meth:`RayCaster.picture`.

        Args:
            camera: intrinsics.
            camera_to_world: float64 (4, 4), metres.
            stamp_ns: the instant; before the first or after the last that the scene knows: that one.
            fill_unseen: fill pixels that show nothing seen from those around them.
        """
        place = float(self.scene.time.places(np.array([stamp_ns]))[0])
        return Picture(
            *self._caster.picture(self.at(place), camera, camera_to_world, fill_unseen=fill_unseen)
        )
