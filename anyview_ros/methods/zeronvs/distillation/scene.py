"""A distilled scene: in memory, as a ``FittedScene``, and as seen from any camera."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.errors import SceneFileError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.pictures import Picture
from anyview_ros.rendering.coverage import seen_from
from anyview_ros.rendering.grids import GridField, summed_grids
from anyview_ros.rendering.ray_casting import RayCaster
from anyview_ros.rendering.space import Space
from anyview_ros.synthesis.scene_file import FittedScene, SceneCamera

METHOD = "zeronvs"
VERSION = 1


@dataclass(frozen=True, eq=False)
class DistilledScene:
    """A scene that can be rendered.

    Attributes:
        values: (1, 5, Z, Y, X), what the field holds at the corners of its finest grid, and 1 where the input camera
            saw the corner, else 0.
        space: that they fill.
    """

    values: Tensor
    space: Space

    @classmethod
    def of(
        cls, field: GridField, space: Space, camera: PinholeCamera, camera_to_world: NDArray[np.float64]
    ) -> DistilledScene:
        """The scene of a field, of which a camera at a pose saw the surfaces that the field shows it."""
        baked = summed_grids(field.grids)
        unseen = cls(torch.cat([baked, torch.zeros_like(baked[:, :1])], 1), space)
        depth = unseen.render(camera, camera_to_world).depth
        assert depth is not None  # noqa: S101 - for the type checker: this scene gives depth
        seen = seen_from(space, baked.shape[2:], depth, camera, camera_to_world, baked.device)
        return cls._with(baked, seen, space)

    @classmethod
    def _with(cls, baked: Tensor, seen: Tensor, space: Space) -> DistilledScene:
        """Of the field's values (1, 4, Z, Y, X) and of what was seen, uint8 (Z, Y, X), 0 or 255."""
        return cls(torch.cat([baked, (seen.float() / 255)[None, None]], 1), space)

    def render(self, camera: PinholeCamera, camera_to_world: NDArray[np.float64]) -> Picture:
        """The scene as a camera sees it; confidence is the share of a pixel that shows what the input camera saw."""
        caster = RayCaster(self.space)
        return Picture(*caster.picture(self.values, camera, camera_to_world, fill_unseen=False))

    def packed(
        self,
        cameras: Sequence[SceneCamera],
        anchors: NDArray[np.uint8],
        settings: Mapping[str, Any],
        provenance: Mapping[str, Any],
    ) -> FittedScene:
        """As it is written to a file, values as float16.

        Args:
            cameras: it was distilled from.
            anchors: uint8 (k, side, side, 3), what was drawn around it.
            settings: more to keep.
            provenance: of the scene.
        """
        tensors: dict[str, NDArray[Any]] = {
            "values": self.values[:, :4].to("cpu", torch.float16).numpy(),
            "seen": (255 * self.values[0, 4]).round().to("cpu", torch.uint8).numpy(),
            "anchors": anchors,
        }
        return FittedScene(
            METHOD, VERSION, tensors, tuple(cameras), {**settings, "space": self.space.as_dict()}, provenance
        )

    @classmethod
    def unpacked(cls, scene: FittedScene, device: torch.device) -> DistilledScene:
        """From what was read from a file.

        Raises:
            SceneFileError: tensors or settings that do not fit each other.
        """
        try:
            space = Space.from_dict(scene.settings["space"])
            baked = torch.from_numpy(scene.tensors["values"]).float()
            seen = torch.from_numpy(scene.tensors["seen"])
        except (KeyError, TypeError, ValueError) as error:
            raise SceneFileError(
                f"a scene of method '{METHOD}' cannot be used: {error!r}; distil it again"
            ) from error
        if baked.ndim != 5 or baked.shape[:2] != (1, 4) or baked.shape[2:] != seen.shape:
            raise SceneFileError(
                f"a scene of method '{METHOD}' has values {tuple(baked.shape)} and seen {tuple(seen.shape)}, which do "
                "not fit each other; distil it again"
            )
        if not bool(torch.isfinite(baked).all()):
            raise SceneFileError(
                f"a scene of method '{METHOD}' has values that are not finite; distil it again"
            )
        return cls._with(baked.to(device), seen.to(device), space)
