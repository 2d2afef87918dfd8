"""Views around the scene that are drawn before the fit, so that all its steps imagine the same unseen side.

SDS anchoring (ZeroNVS, section 3.4). A step on its own asks what the unseen side might look like, and each asks anew:
the answers are averaged, or the likeliest one always wins. Given an anchor, it asks what goes with that one drawing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.errors import InvalidRequestError
from anyview_ros.methods.zeronvs.conditioning import object_vector, pose_vector
from anyview_ros.methods.zeronvs.denoiser import Denoiser
from anyview_ros.methods.zeronvs.distillation.orbit import nearest_by_rotation
from anyview_ros.methods.zeronvs.sampling import Between, sample

Array = NDArray[np.float64]

_SEEDS_PER_FIT, _SEEDS = 1_000_003, 2**64


@dataclass(frozen=True, eq=False)
class PoseTeller:
    """How the denoiser is told of poses; one for all of a fit.

    Attributes:
        mode: of :data:`~anyview_ros.methods.zeronvs.conditioning.MODES`.
        fov_rad: of the denoiser's square pictures.
        scale_m: what translations are divided by.
        centre, up: float64 (3,), the point looked at and the axis around it, for mode "3dof".
    """

    mode: str
    fov_rad: float
    scale_m: float
    centre: Array
    up: Array

    def vector(self, source_to_world: Array, target_to_world: Array) -> Array:
        """The 19 numbers (19,) of a target relative to a source, both (4, 4)."""
        if self.mode == "3dof":
            return object_vector(source_to_world, target_to_world, self.centre, self.up)
        return pose_vector(
            source_to_world, target_to_world, self.fov_rad, mode=self.mode, scale_m=self.scale_m
        )


@dataclass(frozen=True, eq=False)
class Anchors:
    """The input view and what was drawn around it.

    Attributes:
        pictures: (1 + k, 3, side, side) in [-1, 1]; the first is the input.
        camera_to_world: float64 (1 + k, 4, 4).
    """

    pictures: torch.Tensor
    camera_to_world: Array

    def __post_init__(self) -> None:
        if len(self.pictures) != len(self.camera_to_world):
            raise InvalidRequestError(
                f"there are {len(self.pictures)} pictures for {len(self.camera_to_world)} poses; give one each"
            )

    @property
    def count(self) -> int:
        """How many were drawn."""
        return len(self.pictures) - 1

    def chosen(self, camera_to_world: Array, *, nearest: bool) -> int:
        """Which view a camera (4, 4) is conditioned on: 0, the input, or the nearest by rotation, input included."""
        return nearest_by_rotation(self.camera_to_world, camera_to_world) if nearest else 0


def draw_anchors(
    denoiser: Denoiser,
    picture: torch.Tensor,
    camera_to_world: Array,
    poses: Array,
    teller: PoseTeller,
    *,
    steps: int,
    guidance: float,
    seed: int,
    between: Between | None = None,
) -> Anchors:
    """Draw a picture from each pose by DDIM with eta 1, given the input picture.

    Args:
        denoiser: the network.
        picture: (3, side, side) in [-1, 1], the input.
        camera_to_world: (4, 4), of the input.
        poses: (k, 4, 4), of the anchors; k may be 0.
        teller: of poses.
        steps, guidance: of the sampling.
        seed: each anchor gets noise of its own.
        between: called after each step; what it raises stops the drawing.
    """
    every = np.concatenate([camera_to_world[None], poses])
    if len(poses) == 0:
        return Anchors(picture[None], every)
    vectors = np.stack([teller.vector(camera_to_world, pose) for pose in poses])
    condition = denoiser.condition(
        picture.expand(len(poses), *picture.shape),
        torch.as_tensor(vectors, dtype=torch.float32, device=picture.device),
    )
    seeds = [(seed * _SEEDS_PER_FIT + index) % _SEEDS for index in range(len(poses))]
    latents = sample(
        denoiser, condition, steps=steps, seeds=seeds, guidance=guidance, eta=1.0, between=between
    )
    with torch.no_grad():
        drawn = denoiser.decode(latents).clamp(-1, 1)
    return Anchors(torch.cat([picture[None], drawn]), every)
