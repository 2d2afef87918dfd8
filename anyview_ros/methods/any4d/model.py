"""Gaussians that persist and move: the scene that is fitted and rendered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from anyview_ros.errors import SceneFileError
from anyview_ros.methods.any4d.births import Births
from anyview_ros.methods.any4d.motion import HybridMotion
from anyview_ros.rendering.gaussians import Gaussians
from anyview_ros.rendering.se3 import rotation_from_quaternion

VERSION = 1
COLOURS = slice(0, 3)
SUPPORT = 3
LATER = slice(4, 7)
PER_GAUSSIAN = ("means", "quaternions", "log_scales", "opacity_logits", "colour_logits")
_OPACITY_AT_BIRTH = 0.97
_PALEST = 0.004  # colours are kept off 0 and 1, where the logit is infinite


class MovingGaussians(nn.Module):
    """N Gaussians, where they are at the reference instant, and their motion.

    Args:
        births: what they are at first.
        motion: of N Gaussians.
    """

    support: Tensor

    def __init__(self, births: Births, motion: HybridMotion) -> None:
        """Begin with Gaussians as they were born."""
        super().__init__()
        self.motion = motion
        self.means = nn.Parameter(_float(births.means))
        self.quaternions = nn.Parameter(_float(births.quaternions))
        self.log_scales = nn.Parameter(_float(births.scales).log())
        self.opacity_logits = nn.Parameter(torch.full((len(births),), _OPACITY_AT_BIRTH).logit())
        self.colour_logits = nn.Parameter(_float(births.colours).clamp(_PALEST, 1 - _PALEST).logit())
        self.register_buffer("support", _float(births.support))

    def __len__(self) -> int:
        return len(self.means)

    def at(self, stamp_ns: int, *, later_ns: int | None = None) -> Gaussians:
        """The Gaussians at an instant.

        Args:
            stamp_ns: the instant.
            later_ns: another instant, at which their places are given as features 4 to 6.

        Returns:
            Gaussians whose features are colour (0 to 2, in [0, 1]) and support (3): how far a real camera saw them.
        """
        rotation, translation = self.motion.transforms(stamp_ns)
        means = (rotation @ self.means[:, :, None])[..., 0] + translation
        axes = rotation @ (rotation_from_quaternion(self.quaternions) * self.log_scales.exp()[:, None, :])
        features = [self.colour_logits.sigmoid(), self.support[:, None]]
        if later_ns is not None:
            features.append(self.places(later_ns))
        return Gaussians(means, axes, self.opacity_logits.sigmoid(), torch.cat(features, -1))

    def places(self, stamp_ns: int) -> Tensor:
        """Centres (N, 3) at an instant, world, metres."""
        rotation, translation = self.motion.transforms(stamp_ns)
        return (rotation @ self.means[:, :, None])[..., 0] + translation

    def tensors(self) -> dict[str, NDArray[Any]]:
        """All that a file keeps, by name."""
        return {name: value.detach().cpu().numpy() for name, value in self.state_dict().items()}

    def settings(self) -> dict[str, Any]:
        """What is needed beside the tensors."""
        motion = self.motion
        return {"kind": motion.kind, "reference": motion.reference, "scale": motion.scale}

    @classmethod
    def load(cls, tensors: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]) -> MovingGaussians:
        """The scene of :meth:`tensors` and :meth:`settings`.

        Raises:
            SceneFileError: tensors or settings that are missing or do not fit.
        """
        try:
            weights = tensors["motion.weights"]
            motion = HybridMotion(
                len(weights),
                np.asarray(tensors["motion.stamps"], np.int64),
                reference=int(settings["reference"]),
                bases=weights.shape[1],
                kind=settings["kind"],
                scale=float(settings["scale"]),
            )
            scene = cls(Births.empty(len(weights)), motion)
            scene.load_state_dict(
                {name: torch.from_numpy(np.array(value)) for name, value in tensors.items()}
            )
        except (KeyError, TypeError, ValueError, IndexError, RuntimeError) as error:
            raise SceneFileError(
                f"the tensors of the scene do not fit method 'any4d' ({error}); fit it again"
            ) from error
        return scene


def _float(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(values, np.float32))
