"""Steps that bring a scene nearer to what was observed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.geometry import invert_rigid
from anyview_ros.methods.any4d.losses import colour_loss, depth_loss, track_loss
from anyview_ros.methods.any4d.model import COLOURS, LATER, PER_GAUSSIAN, MovingGaussians
from anyview_ros.methods.any4d.observations import Observation
from anyview_ros.methods.any4d.options import Any4DFitOptions
from anyview_ros.methods.any4d.tracks import Tracks
from anyview_ros.rendering.splatting import splat

_TRACKED = 256  # points per step
_LARGEST_GRADIENT = 10.0
_STILLNESS = 1e-3  # of Adam, times N
# Learning rates; the paper's single one, 1e-4, wants its many thousands of steps.
_RATES = {
    "means": 4e-4,  # times the scale of the scene
    "quaternions": 2e-3,
    "log_scales": 5e-3,
    "opacity_logits": 2e-2,
    "colour_logits": 1e-2,
    "motion.weights": 4e-3,
    "motion.courses": 1e-3,
    "motion.learned": 1e-3,
}


@dataclass(frozen=True, eq=False)
class FollowedPoints:
    """Tracks of one clip as tensors.

    Attributes:
        pixels: (Q, T, 2).
        visible: bool (Q, T).
        moving: bool (Q,), which belong to something that moves.
    """

    pixels: Tensor
    visible: Tensor
    moving: Tensor

    @classmethod
    def of(cls, tracks: Tracks, moving: NDArray[np.bool_]) -> FollowedPoints:
        """Tracks and which of them move."""
        return cls(
            torch.from_numpy(tracks.pixels).float(),
            torch.from_numpy(tracks.visible),
            torch.from_numpy(moving),
        )


class Optimisation:
    """Adam on a scene, one observation a step, drawn at random.

    Args:
        scene: changed in place.
        observations: what to fit to; may be replaced between steps.
        tracks: of each clip; None for those without.
        options: losses and rates.
        seed: of the draws.

    Attributes:
        step_count: steps done.
    """

    def __init__(
        self,
        scene: MovingGaussians,
        observations: Sequence[Observation],
        tracks: Sequence[FollowedPoints | None],
        options: Any4DFitOptions,
        seed: int,
    ) -> None:
        """Begin at step 0."""
        self.scene, self.observations, self.tracks = scene, list(observations), list(tracks)
        self._options = options
        self._random = np.random.default_rng(seed)
        self.adam = adam_for(scene, options.learning_rate)
        self.step_count = 0

    def step(self) -> float:
        """One step; returns the loss, nan where it, its gradient or the scene is no longer finite."""
        seen = self.observations[int(self._random.integers(len(self.observations)))]
        loss = self._loss(seen)
        self.adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        size = torch.nn.utils.clip_grad_norm_(self.scene.parameters(), _LARGEST_GRADIENT)
        if not (math.isfinite(loss.item()) and math.isfinite(size.item())):
            return math.nan
        self.adam.step()
        if not all(bool(torch.isfinite(value).all()) for value in self.scene.parameters()):
            return math.nan
        self.step_count += 1
        return loss.item()

    def _loss(self, seen: Observation) -> Tensor:
        options = self._options
        pair = self._pair(seen) if options.track_weight > 0 else None
        later_ns = None if pair is None else pair.other.stamp_ns
        gaussians = self.scene.at(seen.stamp_ns, later_ns=later_ns)
        drawn = splat(gaussians, seen.camera, seen.camera_to_world)
        loss = colour_loss(drawn.features[..., COLOURS], seen.image, seen.weight)
        if seen.depth is not None and options.depth_weight > 0:
            loss = loss + options.depth_weight * depth_loss(
                drawn.depth, seen.depth, seen.weight * drawn.alpha
            )
        if pair is not None:
            pose = torch.as_tensor(invert_rigid(pair.other.camera_to_world)).to(drawn.alpha)
            loss = loss + options.track_weight * track_loss(
                drawn.features[..., LATER], drawn.alpha, pair.here, pair.there, pose, pair.other.camera
            )
        return loss + options.coefficient_weight * self.scene.motion.preference()

    def _pair(self, seen: Observation) -> _Pair | None:
        """Points seen in this picture and in another one of the same clip."""
        tracks = self.tracks[seen.clip] if seen.clip >= 0 else None
        others = [o for o in self.observations if o.clip == seen.clip and o.frame != seen.frame]
        if tracks is None or not others:
            return None
        other = others[int(self._random.integers(len(others)))]
        both = tracks.visible[:, seen.frame] & tracks.visible[:, other.frame]
        chosen = np.concatenate(
            [
                self._drawn(torch.nonzero(both & kind)[:, 0].numpy(), _TRACKED // 2)
                for kind in (tracks.moving, ~tracks.moving)
            ]
        )
        if len(chosen) == 0:
            return None
        device = seen.image.device
        here, there = tracks.pixels[chosen, seen.frame], tracks.pixels[chosen, other.frame]
        return _Pair(other, here.to(device), there.to(device))

    def _drawn(self, of: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        return self._random.permutation(of)[:count]


@dataclass(frozen=True, eq=False)
class _Pair:
    other: Observation
    here: Tensor
    there: Tensor


def adam_for(scene: MovingGaussians, factor: float) -> torch.optim.Adam:
    """Adam with a rate for each kind of parameter."""
    groups = []
    for name, parameter in scene.named_parameters():
        rate = factor * _RATES[name] * (scene.motion.scale if name == "means" else 1.0)
        # Adam takes full steps for the smallest gradients; the preference alone must not stop what is hidden.
        floor = _STILLNESS / len(scene) if name == "motion.weights" else 1e-12
        groups.append({"params": [parameter], "lr": rate, "eps": floor, "name": name})
    return torch.optim.Adam(groups)


def per_gaussian(name: str) -> bool:
    """Whether the first axis of the parameter of this name counts Gaussians."""
    return name in PER_GAUSSIAN or name == "motion.weights"
