"""Samples for ZeroNVS: a square picture, another of the same room from elsewhere, and the 19 numbers between them.

A batch is a function of the seed and the step alone, so that training resumes with the very samples that came next.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.setting_checks import check_least, check_shares
from anyview_ros.methods.zeronvs.conditioning import object_vector, pose_vector
from anyview_ros.methods.zeronvs.framing import reaches, resampled, square_camera
from anyview_ros.methods.zeronvs.scale import scale_of_depth
from anyview_ros.training.batches import check_view_change_shares, view_changes
from anyview_ros.training.filmed import FilmedRooms
from anyview_ros.training.views import MIRROR, Recolouring, mirrored_camera

_UP = (0.0, 0.0, 1.0)
_LEAST_REACH = 0.05


@dataclass(frozen=True)
class SamplePlan:
    """How samples are drawn.

    Attributes:
        batch: samples per step.
        view_change_shares: shares of small (up to 15 degrees), medium (up to 45) and large view changes.
        nearest_zoom: targets are cut from the middle of what was filmed, so much of its width at least.
        wide_share: share of the sources that are cropped to 4:3 or 3:4, and so have grey rims.
        scale_spread: standard deviation of the logarithm of an error of the scale.
        augment: mirror and recolour.

    Raises:
        InvalidInputError: numbers out of range.
    """

    batch: int = 32
    view_change_shares: tuple[float, float, float] = (0.4, 0.35, 0.25)
    nearest_zoom: float = 0.75
    wide_share: float = 0.3
    scale_spread: float = 0.1
    augment: bool = True

    def __post_init__(self) -> None:
        check_least(self, 1, "batch")
        check_view_change_shares(self.view_change_shares)
        if not 0 < self.nearest_zoom <= 1:
            raise InvalidInputError(f"nearest_zoom is {self.nearest_zoom}; give more than 0, up to 1")
        check_shares(self, "wide_share")
        if not 0 <= self.scale_spread < math.inf:
            raise InvalidInputError(f"scale_spread is {self.scale_spread}; give 0 or more")


@dataclass(frozen=True, eq=False)
class Samples:
    """B samples.

    Attributes:
        source: uint8 (B, 3, S, S).
        target: uint8 (B, 3, S, S).
        poses: float32 (B, 19).
    """

    source: Tensor
    target: Tensor
    poses: Tensor

    def pictures(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Source and target, float32 (B, 3, S, S) in [-1, 1], and poses, on ``device``."""
        source, target = (each.to(device).float() / 127.5 - 1 for each in (self.source, self.target))
        return source, target, self.poses.to(device)


class SampleSource(torch.utils.data.Dataset[Samples]):
    """Batch number ``step``, for any step.

    Args:
        rooms: what was filmed.
        plan: how samples are drawn.
        side: pixels of the pictures.
        mode: what the 19 numbers are.
        seed: of all draws.
    """

    def __init__(self, rooms: FilmedRooms, plan: SamplePlan, *, side: int, mode: str, seed: int) -> None:
        """Work out scales, and sort the pairs of cameras by their view change."""
        self._rooms, self._plan, self._side, self._mode, self._seed = rooms, plan, side, mode, seed
        self._scales_m = scales_m(rooms, mode)
        self._changes = view_changes(rooms)

    def __getitem__(self, step: int) -> Samples:
        rng = np.random.default_rng((0x2E20, self._seed, step))
        drawn = [self._sample(rng) for _ in range(self._plan.batch)]
        source, target, poses = (np.stack(column) for column in zip(*drawn, strict=True))
        return Samples(
            torch.from_numpy(source.transpose(0, 3, 1, 2).copy()),
            torch.from_numpy(target.transpose(0, 3, 1, 2).copy()),
            torch.from_numpy(poses.astype(np.float32)),
        )

    def _sample(
        self, rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float64]]:
        rooms, plan = self._rooms, self._plan
        room, instant = int(rng.integers(len(rooms))), int(rng.integers(rooms.frames.shape[2]))
        first, second = self._pair(room, rng)
        frames = [rooms.frames[room, index, instant] for index in (first, second)]
        cameras = [rooms.camera(room, index) for index in (first, second)]
        poses = rooms.camera_to_world[room, [first, second], instant]
        aim = rooms.aim[room]
        if plan.augment:
            recolour = Recolouring(rng)
            frames = [recolour(frame) for frame in frames]
            if rng.uniform() < 0.5:
                frames, cameras = [frame[:, ::-1] for frame in frames], [mirrored_camera(c) for c in cameras]
                poses, aim = MIRROR @ poses @ MIRROR, aim * np.diag(MIRROR)[:3]
        half = max(reaches(cameras[1])[0], _LEAST_REACH) * rng.uniform(plan.nearest_zoom, 1)
        onto = square_camera(2 * math.atan(half), self._side)
        if rng.uniform() < plan.wide_share:
            frames[0], cameras[0] = _cropped(frames[0], cameras[0], rng)
        source, target = (
            resampled(np.ascontiguousarray(frame), camera, onto)
            for frame, camera in zip(frames, cameras, strict=True)
        )
        error = math.exp(
            rng.normal(0, plan.scale_spread)
        )  # drawn in every mode, so that all see the same samples
        if self._mode == "3dof":
            return source, target, object_vector(poses[0], poses[1], aim, _UP)
        scale_m = float(self._scales_m[room, first, instant]) * error
        fov_rad = 2 * math.atan(half)
        return source, target, pose_vector(poses[0], poses[1], fov_rad, mode=self._mode, scale_m=scale_m)

    def _pair(self, room: int, rng: np.random.Generator) -> tuple[int, int]:
        """A source and a target with a view change of a drawn class, where the room has one."""
        changes = self._changes[room]
        count = len(changes)
        wanted = int(rng.choice(3, p=self._plan.view_change_shares))
        pairs = [(a, b) for a in range(count) for b in range(count) if a != b]
        fitting = [pair for pair in pairs if changes[pair] == wanted] or pairs
        return fitting[int(rng.integers(len(fitting)))]


def scales_m(rooms: FilmedRooms, mode: str) -> NDArray[np.float64]:
    """What translations are divided by for each source (N, C, T), metres: of the view, or of the scene."""
    count, cameras, instants = rooms.depth.shape[:3]
    if mode == "aggregate":
        whole = np.array([scale_of_depth(room) for room in rooms.depth])
        return np.broadcast_to(whole[:, None, None], (count, cameras, instants))
    flat = rooms.depth.reshape(count * cameras * instants, *rooms.depth.shape[3:])
    return np.array([scale_of_depth(view) for view in flat]).reshape(count, cameras, instants)


def _cropped(
    frame: NDArray[np.uint8], camera: PinholeCamera, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], PinholeCamera]:
    """The middle 4:3 of a picture, or 3:4."""
    short = camera.width * 3 // 4
    rest = (camera.width - short) // 2
    if rng.uniform() < 0.7:
        return frame[rest : rest + short], camera.cropped(0, rest, camera.width, short)
    return frame[:, rest : rest + short], camera.cropped(rest, 0, short, camera.height)
