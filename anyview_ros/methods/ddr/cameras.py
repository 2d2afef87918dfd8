"""Cameras whose poses and focal lengths can be learned, and the rays through their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from anyview_ros.geometry import PinholeCamera
from anyview_ros.rendering.se3 import se3_exp

Array = NDArray[np.float64]

_SAME_POSE = 1e-6


@dataclass(frozen=True, eq=False)
class CameraFrames:
    """The frames of one or several cameras, in the axes of a space's anchor.

    Attributes:
        cameras: intrinsics, one per clip.
        clip: int64 (F,), which clip each frame is of.
        camera_to_anchor: float64 (F, 4, 4).
    """

    cameras: tuple[PinholeCamera, ...]
    clip: NDArray[np.int64]
    camera_to_anchor: Array


class LearnableCameras(nn.Module):
    """Offsets of given poses and intrinsics.

    The pose of frame f is ``given_f · exp(offset)``, the offset a twist (turn in radians, shift in metres) in the
    camera's own axes. Frames of a clip that were given one and the same pose share one offset: a camera that is
    bolted down stays so, whatever moves before it. The first frame is the gauge: it never moves, else the whole world
    could drift. Focal lengths get one factor per clip.

    Args:
        frames: as given.
        refine_poses, refine_focal: what may be learned.
        offsets: how many there are, for a window whose frames come later; None for as many as the frames use.
    """

    groups: Tensor
    clip: Tensor
    given: Tensor
    intrinsics: Tensor

    def __init__(
        self, frames: CameraFrames, *, refine_poses: bool, refine_focal: bool, offsets: int | None = None
    ) -> None:
        """Begin where the frames are given."""
        super().__init__()
        self.frames = frames
        self._refines_poses, self._refines_focal = refine_poses, refine_focal
        self._held = 0
        groups = pose_groups(frames)
        self.register_buffer("groups", torch.from_numpy(groups), persistent=False)
        self.register_buffer("clip", torch.from_numpy(frames.clip), persistent=False)
        self.register_buffer("given", torch.from_numpy(frames.camera_to_anchor).float(), persistent=False)
        rows = [[c.fx, c.fy, c.cx, c.cy] for c in frames.cameras]
        self.register_buffer("intrinsics", torch.tensor(rows, dtype=torch.float32), persistent=False)
        count = int(groups.max()) + 1 if offsets is None else offsets
        self.offsets = nn.Parameter(torch.zeros(count, 6), requires_grad=refine_poses)
        self.log_focal = nn.Parameter(torch.zeros(len(frames.cameras)), requires_grad=refine_focal)

    def rays(self, frame: Tensor, columns: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Rays through pixels.

        Args:
            frame: int64 (R,).
            columns, rows: (R,), pixel centres at integers.

        Returns:
            origins and directions (R, 3) in the anchor's axes; directions have one metre along the optical axis.
        """
        intrinsics = self.intrinsics[self.clip[frame]]
        factor = torch.exp(self.log_focal)[self.clip[frame]]
        x = (columns - intrinsics[:, 2]) / (intrinsics[:, 0] * factor)
        y = (rows - intrinsics[:, 3]) / (intrinsics[:, 1] * factor)
        local = torch.stack([x, y, torch.ones_like(x)], -1)
        pose = self.given[frame]
        rotation, origin = pose[:, :3, :3], pose[:, :3, 3]
        if self._refines_poses:
            turn, shift = se3_exp(self._moving()[self.groups[frame]])
            origin = origin + (rotation @ shift[..., None])[..., 0]
            rotation = rotation @ turn
        return origin, (rotation @ local[..., None])[..., 0]

    @torch.no_grad()
    def refined_camera_to_anchor(self) -> Array:
        """The poses as learned, float64 (F, 4, 4); those given where nothing is learned."""
        poses = self.frames.camera_to_anchor.copy()
        if self._refines_poses:
            turn, shift = se3_exp(self._moving().double()[self.groups])
            motion = np.tile(np.eye(4), (len(poses), 1, 1))
            motion[:, :3, :3], motion[:, :3, 3] = turn.cpu().numpy(), shift.cpu().numpy()
            poses = poses @ motion
        return poses

    @torch.no_grad()
    def refined_cameras(self) -> tuple[PinholeCamera, ...]:
        """The intrinsics as learned, one per clip."""
        if not self._refines_focal:
            return self.frames.cameras
        factors = torch.exp(self.log_focal.double()).tolist()
        return tuple(
            PinholeCamera(c.fx * factor, c.fy * factor, c.cx, c.cy, c.width, c.height)
            for c, factor in zip(self.frames.cameras, factors, strict=True)
        )

    def place(self, frame: int, camera_to_anchor: Array, group: int) -> None:
        """Give a frame another pose and offset, for a window that slides."""
        self.frames.camera_to_anchor[frame] = camera_to_anchor
        self.given[frame] = torch.from_numpy(camera_to_anchor).float()
        self.groups[frame] = group

    def hold(self, group: int) -> None:
        """Make another offset the gauge, which stays as it is."""
        self._held = group

    def _moving(self) -> Tensor:
        """Offsets (G, 6); no gradient reaches the one that is held."""
        held = torch.arange(len(self.offsets), device=self.offsets.device) == self._held
        return torch.where(held[:, None], self.offsets.detach(), self.offsets)


def pose_groups(frames: CameraFrames) -> NDArray[np.int64]:
    """Which offset each frame uses, (F,): one per clip and given pose; that of frame 0 is 0."""
    groups = np.zeros(len(frames.clip), np.int64)
    known: list[tuple[int, Array]] = []
    for index, (clip, pose) in enumerate(zip(frames.clip, frames.camera_to_anchor, strict=True)):
        for number, (other, seen) in enumerate(known):
            if other == clip and np.abs(seen - pose).max() < _SAME_POSE:
                groups[index] = number
                break
        else:
            groups[index] = len(known)
            known.append((int(clip), pose))
    return groups


def place_frames(
    cameras: Sequence[PinholeCamera], poses: Sequence[Array], clip_lengths: Sequence[int]
) -> CameraFrames:
    """Frames of several clips, one clip after the other."""
    clip = np.repeat(np.arange(len(cameras), dtype=np.int64), clip_lengths)
    return CameraFrames(tuple(cameras), clip, np.concatenate(list(poses)))
