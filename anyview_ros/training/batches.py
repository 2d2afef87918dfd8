"""Batches for the small network: a source clip and several target clips of one room, with all augmentations.

A batch is a function of the seed and the step alone, so that training resumes with the very samples that came next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry.facets import DepthFacets
from anyview_ros.methods.anyview_small.hints import splat
from anyview_ros.methods.setting_checks import check_least, check_shares
from anyview_ros.networks.tensor_fields import TensorFields
from anyview_ros.training.filmed import FilmedRooms
from anyview_ros.training.views import Recolouring, View, channels_first, drawn_view, sensed


@dataclass(frozen=True)
class BatchPlan:
    """How batches are drawn.

    Attributes:
        sources: source clips per batch, each of another room.
        targets: target clips per source.
        two_instants_share: share of the batches with all the instants filmed; the others have one.
        view_change_shares: shares of small (≤ 15°), medium (≤ 45°) and extreme view changes.
        hint_share: share of the sources that have a depth image.
        clean_share: share of those depth images that are true.
        wide_share: share of the batches whose pictures are cropped to 4:3 or 3:4.
        half_share: share of the batches whose pictures are reduced to half their size.
        augment: mirror and recolour.

    Raises:
        InvalidInputError: a number out of range.
    """

    sources: int = 8
    targets: int = 2
    two_instants_share: float = 0.3
    view_change_shares: tuple[float, float, float] = (0.4, 0.35, 0.25)
    hint_share: float = 0.5
    clean_share: float = 0.4
    wide_share: float = 0.3
    half_share: float = 0.0
    augment: bool = True

    def __post_init__(self) -> None:
        check_least(self, 1, "sources", "targets", section="batches.")
        shares = ("two_instants_share", "hint_share", "clean_share", "wide_share", "half_share")
        check_shares(self, *shares, section="batches.")
        check_view_change_shares(self.view_change_shares)


def check_view_change_shares(shares: Sequence[float]) -> None:
    """Let three shares through that are of a whole.

    Raises:
        InvalidInputError: they are not.
    """
    if len(shares) != 3 or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise InvalidInputError(f"view_change_shares is {shares}; give three shares that add up to 1")


@dataclass(frozen=True, eq=False)
class Batch(TensorFields):
    """B sources, K targets each (B·K in a row), T instants, pictures (H, W).

    Attributes:
        source: uint8 (B, T, 3, H, W).
        source_depth: float32 (B, T, 1, H, W), what a sensor measured; 0 where unknown, all 0 without a sensor.
        source_true_depth: float32 (B, T, 1, H, W).
        source_intrinsics: float64 (B, 4), as in ``Cameras``.
        source_to_world: float64 (B, T, 4, 4).
        target: uint8 (B·K, T, 3, H, W).
        target_depth: float32 (B·K, T, 1, H, W), true.
        target_intrinsics: float64 (B·K, 4).
        target_to_world: float64 (B·K, T, 4, 4).
        hint: uint8 (B·K, T, 3, H, W).
        hint_depth, hint_support: float32 (B·K, T, 1, H, W).
        hint_present: float32 (B·K, T, 1, 1, 1).
    """

    source: Tensor
    source_depth: Tensor
    source_true_depth: Tensor
    source_intrinsics: Tensor
    source_to_world: Tensor
    target: Tensor
    target_depth: Tensor
    target_intrinsics: Tensor
    target_to_world: Tensor
    hint: Tensor
    hint_depth: Tensor
    hint_support: Tensor
    hint_present: Tensor


class BatchSource(torch.utils.data.Dataset[Batch]):
    """Batch number ``step``, for any step.

    Args:
        rooms: what was filmed.
        plan: how batches are drawn.
        seed: of all draws.
    """

    def __init__(self, rooms: FilmedRooms, plan: BatchPlan, seed: int) -> None:
        """Sort the pairs of cameras by their view change."""
        self._rooms, self._plan, self._seed = rooms, plan, seed
        self._changes = view_changes(rooms)

    def __getitem__(self, step: int) -> Batch:
        rng = np.random.default_rng((0xBA7C, self._seed, step))
        plan, side = self._plan, self._rooms.side
        instants = self._rooms.frames.shape[2] if rng.uniform() < plan.two_instants_share else 1
        factor = 2 if rng.uniform() < plan.half_share else 1
        width, height = side, side
        if rng.uniform() < plan.wide_share:
            grid = 8 * factor
            short = max(side * 3 // 4 // grid * grid, grid)
            width, height = (side, short) if rng.uniform() < 0.7 else (short, side)
        samples = [
            _sample(self._rooms, self._changes, plan, rng, instants, (height, width), factor)
            for _ in range(plan.sources)
        ]
        stacked = {name: np.concatenate([s[name] for s in samples]) for name in samples[0]}
        return Batch(**{name: torch.from_numpy(value) for name, value in stacked.items()})


def view_changes(rooms: FilmedRooms) -> NDArray[np.int64]:
    """Class of the view change between each two cameras of each room, (N, C, C): 0 small, 1 medium, 2 extreme."""
    arms = rooms.camera_to_world[:, :, 0, :3, 3] - rooms.aim[:, None]
    arms = arms / np.linalg.norm(arms, axis=-1, keepdims=True)
    angles = np.degrees(np.arccos(np.clip(np.einsum("nci,ndi->ncd", arms, arms), -1, 1)))
    return np.asarray(np.digitize(angles, (15.0, 45.0)), np.int64)


def _sample(
    rooms: FilmedRooms,
    changes: NDArray[np.int64],
    plan: BatchPlan,
    rng: np.random.Generator,
    instants: int,
    size: tuple[int, int],
    factor: int,
) -> Mapping[str, NDArray[np.generic]]:
    """One source clip with its targets, every array with its own leading axis."""
    room = int(rng.integers(len(rooms)))
    first = int(rng.integers(rooms.frames.shape[2] - instants + 1))
    when = slice(first, first + instants)
    source, targets = _choose(changes[room], plan, rng)
    mirrored = plan.augment and bool(rng.uniform() < 0.5)
    recolour = Recolouring(rng)
    views = [
        drawn_view(rooms, room, index, when, rng, size, mirrored, factor) for index in (source, *targets)
    ]
    frames = [recolour(view.frames) if plan.augment else view.frames for view in views]
    sensor = sensed(views[0].depth, rng, share=plan.hint_share, clean_share=plan.clean_share)
    hints = [_hints(frames[0], sensor, views[0], view) for view in views[1:]]
    return {
        "source": channels_first(frames[0])[None],
        "source_depth": sensor[None, :, None],
        "source_true_depth": views[0].depth[None, :, None],
        "source_intrinsics": views[0].intrinsics[None],
        "source_to_world": views[0].camera_to_world[None],
        "target": np.stack([channels_first(f) for f in frames[1:]]),
        "target_depth": np.stack([view.depth[:, None] for view in views[1:]]),
        "target_intrinsics": np.stack([view.intrinsics for view in views[1:]]),
        "target_to_world": np.stack([view.camera_to_world for view in views[1:]]),
        "hint": np.stack([channels_first(hint[0]) for hint in hints]),
        "hint_depth": np.stack([hint[1][:, None] for hint in hints]),
        "hint_support": np.stack([hint[2][:, None] for hint in hints]),
        "hint_present": np.stack([hint[3][:, None, None, None] for hint in hints]),
    }


def _choose(changes: NDArray[np.int64], plan: BatchPlan, rng: np.random.Generator) -> tuple[int, list[int]]:
    """A source and its targets, each with a view change of a drawn class where the room has one."""
    count = len(changes)
    source = int(rng.integers(count))
    others = [index for index in range(count) if index != source]
    targets = []
    for _ in range(plan.targets):
        wanted = int(rng.choice(3, p=plan.view_change_shares))
        fitting = [index for index in others if changes[source, index] == wanted] or others
        targets.append(fitting[int(rng.integers(len(fitting)))])
    return source, targets


def _hints(
    frames: NDArray[np.uint8], sensor: NDArray[np.float32], source: View, target: View
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Hints of all instants: colour (T, H, W, 3), depth and support (T, H, W), presence (T,)."""
    count, height, width = target.depth.shape
    colour = np.zeros((count, height, width, 3), np.uint8)
    depth, support = np.zeros((2, count, height, width), np.float32)
    present = np.zeros(count, np.float32)
    for t in range(count):
        if not sensor[t].any():
            continue
        seen = splat(
            frames[t],
            DepthFacets.from_depth(sensor[t]),
            source.camera,
            source.camera_to_world[t],
            target.camera,
            target.camera_to_world[t],
        )
        if seen is not None:
            colour[t], depth[t], support[t], present[t] = seen.colour, seen.depth, seen.support, 1
    return colour, depth, support, present
