"""A fitted field with all that is needed to look at it, in memory and as a ``FittedScene``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from anyview_ros.errors import SceneFileError
from anyview_ros.methods.ddr.field import DdrField, FieldShape
from anyview_ros.rendering.space import Space
from anyview_ros.synthesis.scene_file import FittedScene, SceneCamera

METHOD = "ddr"
VERSION = 1


@dataclass(frozen=True, eq=False)
class TimeAxis:
    """Which instants the places of a field's time axis stand for.

    Attributes:
        knots_ns: int64 (T,), strictly increasing; one place for a field that stands still.
    """

    knots_ns: NDArray[np.int64]

    @classmethod
    def of(cls, stamps_ns: NDArray[np.int64], most: int) -> TimeAxis:
        """One place per instant, or ``most`` even ones where there are more."""
        distinct = np.unique(stamps_ns)
        if len(distinct) > most:
            share = np.linspace(0, 1, most) if most > 1 else np.array([0.5])
            span = float(distinct[-1] - distinct[0])
            distinct = np.unique(distinct[0] + np.round(share * span).astype(np.int64))
        return cls(distinct)

    def __len__(self) -> int:
        return len(self.knots_ns)

    def places(self, stamps_ns: ArrayLike) -> NDArray[np.float64]:
        """Places (…,) of instants (…,) in nanoseconds; those before the first or after the last are taken for it."""
        since = np.asarray(stamps_ns, np.int64) - self.knots_ns[0]
        knots = (self.knots_ns - self.knots_ns[0]).astype(np.float64)
        return np.asarray(np.interp(since.astype(np.float64), knots, np.arange(len(knots), dtype=np.float64)))


@dataclass(frozen=True, eq=False)
class DdrScene:
    """A scene that can be rendered.

    Attributes:
        field, space, time: what there is, where and when.
        seen: uint8 (Z, Y, X), how far the cells' corners were seen by a camera, 0 to 255.
    """

    field: DdrField
    space: Space
    time: TimeAxis
    seen: Tensor

    def packed(
        self, cameras: Sequence[SceneCamera], provenance: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> FittedScene:
        """As it is written to a file: grids and planes as float16.

        Args:
            cameras: it was fitted to.
            provenance: of the scene.
            settings: more to keep beside the field's own.
        """
        tensors: dict[str, NDArray[Any]] = {"seen": self.seen.cpu().numpy()}
        for name, value in self.field.state_dict().items():
            half = not name.startswith("head")
            tensors[f"field.{name}"] = value.to("cpu", torch.float16 if half else torch.float32).numpy()
        own = {
            "space": self.space.as_dict(),
            "shape": self.field.shape.as_dict(),
            "knots_ns": self.time.knots_ns.tolist(),
        }
        return FittedScene(METHOD, VERSION, tensors, tuple(cameras), {**settings, **own}, provenance)

    @classmethod
    def unpacked(cls, scene: FittedScene, device: torch.device) -> DdrScene:
        """From what was read from a file.

        Raises:
            SceneFileError: tensors or settings that do not fit each other.
        """
        try:
            space = Space.from_dict(scene.settings["space"])
            time = TimeAxis(np.array(scene.settings["knots_ns"], np.int64))
            field = DdrField(FieldShape.from_dict(scene.settings["shape"]), torch.Generator())
            prefix = "field."
            state = {
                name.removeprefix(prefix): torch.from_numpy(value).float()
                for name, value in scene.tensors.items()
                if name.startswith(prefix)
            }
            field.load_state_dict(state)
            seen = torch.from_numpy(scene.tensors["seen"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise SceneFileError(f"a scene of method '{METHOD}' cannot be used: {error}") from error
        if not all(math.isfinite(float(value.sum())) for value in state.values()):
            raise SceneFileError(f"a scene of method '{METHOD}' has values that are not finite; fit it again")
        return cls(field.requires_grad_(False).to(device), space, time, seen.to(device))
