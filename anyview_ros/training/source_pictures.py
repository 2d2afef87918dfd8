"""Single pictures with true depth, from which the small network's source encoder learns depth and nothing else.

A batch is a function of the seed and the step alone, as those of :mod:`~anyview_ros.training.batches`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.setting_checks import check_least, check_shares
from anyview_ros.networks.tensor_fields import TensorFields
from anyview_ros.training.filmed import FilmedRooms
from anyview_ros.training.photographing import photographed
from anyview_ros.training.views import Recolouring, View, channels_first, drawn_view, sensed

_LARGEST_ROLLED = 0.85
"""Larger parts of a side stay upright: rolled ones would reach beyond the picture."""


@dataclass(frozen=True)
class PicturePlan:
    """How pictures are drawn.

    Attributes:
        count: per step; 0: none.
        zoom_share: share of them of which a part is cut out and enlarged, as a longer lens would show it.
        least_part: the smallest such part, of a side of the picture.
        roll: by how much smaller parts are rolled at most, radians.
        hint_share: share that has a depth image.
        clean_share: share of those depth images that are true.

    Raises:
        InvalidInputError: a number out of range.
    """

    count: int = 0
    zoom_share: float = 0.6
    least_part: float = 0.45
    roll: float = 0.3
    hint_share: float = 0.1
    clean_share: float = 0.4

    def __post_init__(self) -> None:
        check_least(self, 0, "count", section="source_pictures.")
        if not 0 <= self.roll <= math.pi:
            raise InvalidInputError(f"source_pictures.roll is {self.roll}; give 0 to pi")
        check_shares(self, "zoom_share", "hint_share", "clean_share", section="source_pictures.")
        if not 0 < self.least_part <= 1:
            raise InvalidInputError(
                f"source_pictures.least_part is {self.least_part}; give more than 0, and 1 at most"
            )


@dataclass(frozen=True, eq=False)
class PictureBatch(TensorFields):
    """B pictures of (H, W).

    Attributes:
        picture: uint8 (B, 3, H, W).
        depth: float32 (B, 1, H, W), what a sensor measured, metres; 0 where unknown, all 0 without a sensor.
        true_depth: float32 (B, 1, H, W).
        intrinsics: float64 (B, 4), as in ``Cameras``.
    """

    picture: Tensor
    depth: Tensor
    true_depth: Tensor
    intrinsics: Tensor


class PictureSource(torch.utils.data.Dataset[PictureBatch]):
    """Batch number ``step``, for any step.

    Args:
        rooms: what was filmed.
        plan: how pictures are drawn.
        seed: of all draws.
    """

    def __init__(self, rooms: FilmedRooms, plan: PicturePlan, seed: int) -> None:
        """Remember them."""
        self._rooms, self._plan, self._seed = rooms, plan, seed

    def __getitem__(self, step: int) -> PictureBatch:
        rng = np.random.default_rng((0x91C, self._seed, step))
        views = [self._view(rng) for _ in range(self._plan.count)]
        sensor = [
            sensed(view.depth, rng, share=self._plan.hint_share, clean_share=self._plan.clean_share)
            for view in views
        ]
        return PictureBatch(
            torch.from_numpy(np.concatenate([channels_first(_photographed(v.frames, rng)) for v in views])),
            torch.from_numpy(np.stack(sensor)),
            torch.from_numpy(np.stack([view.depth for view in views])),
            torch.from_numpy(np.stack([view.intrinsics for view in views])),
        )

    def _view(self, rng: np.random.Generator) -> View:
        rooms, plan, side = self._rooms, self._plan, self._rooms.side
        room, camera, instant = (int(rng.integers(count)) for count in rooms.frames.shape[:3])
        mirrored, when = bool(rng.uniform() < 0.5), slice(instant, instant + 1)
        view = drawn_view(rooms, room, camera, when, rng, (side, side), mirrored)
        if rng.uniform() >= plan.zoom_share:
            return view
        part = rng.uniform(plan.least_part, 1)
        roll = rng.uniform(-plan.roll, plan.roll) if part < _LARGEST_ROLLED else 0.0
        reach = part * (math.cos(roll) + abs(math.sin(roll)))  # of a side, corners included
        x, y = (side - 1) / 2 + rng.uniform(-0.5, 0.5, 2) * max(1 - reach, 0) * side
        return view.through_longer_lens(part, roll, (x, y))


def _photographed(frames: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    return np.stack([photographed(frame, rng) for frame in Recolouring(rng)(frames)])
