"""A fit that goes on while frames come in: a window of frames, and a field that is never given back."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.ddr.baking import baked
from anyview_ros.methods.ddr.cameras import CameraFrames, LearnableCameras
from anyview_ros.methods.ddr.export import solid_points
from anyview_ros.methods.ddr.field import DdrField, FieldShape
from anyview_ros.methods.ddr.inspection import draw_middle_row
from anyview_ros.methods.ddr.options import DdrOptions
from anyview_ros.methods.ddr.space import space_around
from anyview_ros.methods.ddr.start import start_from_depth
from anyview_ros.methods.ddr.trainer import Trainer
from anyview_ros.methods.ddr.window import FrameWindow, reduced_camera, reduced_clip
from anyview_ros.methods.pictures import Picture
from anyview_ros.rendering.coverage import seen_from
from anyview_ros.rendering.ray_casting import RayCaster
from anyview_ros.rendering.space import Space
from anyview_ros.synthesis.by_products import PointCloud

Pose = NDArray[np.float64]

_MOST_SLOTS = 16
_VOXEL_BYTES = 200  # parameters, gradients, Adam's moments, baked values
_FIELD_SHARE = 0.7  # of the memory
_MOST_VOXELS = 150_000
_SLOT_S = 0.3
_SLOT_M = 0.02
_SLOT_DEG = 2.0
_LEAST_INSIDE = 0.6
_SAME_POSE = 1e-6


class OnlineFit:
    """Refines a scene on the newest frames of one camera.

    The newest frame is always in the window. The next one takes its slot, unless that slot was begun long enough ago,
    or far enough away: then it takes a slot of its own, that of the oldest frame once the window is full. Each slot is
    a place of the field's time axis; a new one begins as a copy of the one before.

    Args:
        source: the camera.
        options: of the method; ``memory_mb`` bounds the window and the field.
        seed: of the draws.
        device: where to compute.

    Raises:
        InvalidRequestError: ``memory_mb`` has no room for two frames, or ``instants`` none for two moments.
    """

    def __init__(self, source: PinholeCamera, options: DdrOptions, seed: int, device: torch.device) -> None:
        """Take the memory of the window."""
        if options.depth_kind != "metric":
            raise InvalidRequestError(
                f"depth_kind is '{options.depth_kind}' but a stream needs depth in metres; align it before it is pushed"
            )
        camera = reduced_camera(source)
        room = options.memory_mb * 1e6 * (1 - _FIELD_SHARE) / FrameWindow.frame_bytes(camera)
        instants = _MOST_SLOTS if options.static_scene else options.instants
        if instants < 2:
            raise InvalidRequestError(
                f"instants is {options.instants} but a stream needs 2 or more, or static_scene: true"
            )
        slots = min(_MOST_SLOTS, instants, int(room))
        if slots < 2:
            raise InvalidRequestError(
                f"memory_mb is {options.memory_mb:g}, with room for {int(room)} frames of "
                f"{camera.width}x{camera.height}; give more"
            )
        voxels = int(min(options.voxels, _MOST_VOXELS, options.memory_mb * 1e6 * _FIELD_SHARE / _VOXEL_BYTES))
        self._options = replace(options, voxels=voxels)
        self._seed, self._device = seed, device
        self.window = FrameWindow(camera, slots, device)
        self.restarts = -1
        self._begun: tuple[int, Pose] | None = None
        self._trainer: Trainer | None = None
        self._caster: RayCaster | None = None
        self._seen: Tensor | None = None

    @property
    def steps(self) -> int:
        """Optimisation steps since the field was begun."""
        return 0 if self._trainer is None else self._trainer.step_count

    def push(self, clip: PosedClip) -> None:
        """Take in a clip of one frame; begins the field anew if the frame shows another place.

        Raises:
            InvalidRequestError: the first frame has no depth, and the options no depth range.
        """
        clip = reduced_clip(clip)
        former = self.window.newest if self.window.order else None
        keep = self._begun is None or self._differs(clip)
        slot = self.window.put(clip, replace_newest=not keep)
        if keep:
            self._begun = int(clip.stamps_ns[0]), clip.camera_to_world[0]
        if self._trainer is None or not self._shows_the_same(clip):
            self._begin()
        else:
            self._place(slot, former)
        self._mark_seen(clip)

    def refine(self, *, steps: int | None = None, seconds: float = math.inf) -> None:
        """Do steps until ``steps`` are done or the time is up; a fit that diverges begins anew from the window."""
        ends = time.monotonic() + seconds
        done = 0
        while self._trainer is not None and (steps is None or done < steps) and time.monotonic() < ends:
            if not math.isfinite(self._trainer.step()):
                self._begin()
            done += 1

    def render(self, camera: PinholeCamera, camera_to_world: Pose) -> Picture:
        """The newest frame's instant from elsewhere, by the latest state."""
        trainer, caster, seen = self._trainer, self._caster, self._seen
        assert trainer is not None  # noqa: S101 - a frame was pushed before
        assert caster is not None  # noqa: S101
        assert seen is not None  # noqa: S101
        values = torch.cat([baked(trainer.field, self._place_of_newest()), seen.float()[None, None] / 255], 1)
        return Picture(*caster.picture(values, camera, camera_to_world))

    def refined_camera_to_world(self) -> tuple[NDArray[np.int64], Pose]:
        """Stamps (M,) and refined poses (M, 4, 4) of the window's frames, in order of time."""
        order = np.array(self.window.order, np.int64)
        if self._trainer is None:
            return self.window.stamps_ns[order], self.window.camera_to_world[order]
        trainer = self._trainer
        poses = trainer.space.anchor_to_world @ trainer.cameras.refined_camera_to_anchor()
        return self.window.stamps_ns[order], poses[order]

    def points(self) -> PointCloud:
        """What is solid at the newest frame's instant, by the latest state."""
        trainer, seen = self._trainer, self._seen
        assert trainer is not None  # noqa: S101 - a frame was pushed before
        assert seen is not None  # noqa: S101
        stamp_ns = int(self.window.stamps_ns[self.window.newest])
        return solid_points(trainer.field, trainer.space, seen, self._place_of_newest(), stamp_ns)

    def ray_weights(self, clip: PosedClip) -> NDArray[np.uint8]:
        """A picture of the weights along rays of the newest frame, which the clip is; see ``draw_middle_row``."""
        trainer = self._trainer
        assert trainer is not None  # noqa: S101 - a frame was pushed before
        _, poses = self.refined_camera_to_world()
        return draw_middle_row(trainer.field, trainer.space, self._place_of_newest(), clip, poses[-1])

    def _place_of_newest(self) -> float:
        return 0.0 if self._options.static_scene else float(self.window.newest)

    def _differs(self, clip: PosedClip) -> bool:
        assert self._begun is not None  # noqa: S101 - callers have looked
        stamp_ns, pose = self._begun
        turn = pose[:3, :3].T @ clip.camera_to_world[0, :3, :3]
        turned = np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))
        moved = np.linalg.norm(pose[:3, 3] - clip.camera_to_world[0, :3, 3])
        late = int(clip.stamps_ns[0]) - stamp_ns > _SLOT_S * 1e9
        return bool(late or moved > _SLOT_M or turned > _SLOT_DEG)

    def _shows_the_same(self, clip: PosedClip) -> bool:
        """Whether most of what a frame shows lies in the field's space."""
        assert self._trainer is not None  # noqa: S101 - callers have looked
        if clip.depth is None or not clip.depth.any():
            return True
        rows, columns = np.nonzero(clip.depth[0])
        step = max(1, len(rows) // 500)
        rows, columns = rows[::step], columns[::step]
        pixels = np.stack([columns, rows], -1).astype(np.float64)
        local = clip.camera.unproject(pixels, clip.depth[0][rows, columns])
        space = self._trainer.space
        pose = space.to_anchor(clip.camera_to_world[0])
        points = torch.from_numpy(local @ pose[:3, :3].T + pose[:3, 3])
        inside = (space.coordinates(points).abs() <= 1).all(-1) & _in_front(space, points)
        return float(inside.double().mean()) >= _LEAST_INSIDE

    def _begin(self) -> None:
        """Make a field of what the window holds."""
        clip = self.window.clip()
        if clip.depth is None and self._options.depth_range_m is None:
            raise InvalidRequestError(
                "the stream has no depth and nothing tells how far things are; push depth, or give the option "
                "depth_range_m=(nearest, farthest)"
            )
        self.restarts += 1
        options = self._options
        space = space_around([clip], options.depth_range_m, options.space)
        instants = 1 if options.static_scene else self.window.slots
        shape = FieldShape(space.grid_shape(options.voxels), instants, options.features)
        seed = (self._seed + self.restarts) % 2**64
        generator = torch.Generator().manual_seed(seed)
        field = DdrField(shape, generator).to(self._device)
        if options.start_from_depth:
            start_from_depth(field, space, [clip])
        poses = space.to_anchor(self.window.camera_to_world)
        frames = CameraFrames((self.window.camera,), np.zeros(len(poses), np.int64), poses)
        cameras = LearnableCameras(
            frames,
            refine_poses=options.refine_poses,
            refine_focal=options.refine_focal,
            offsets=self.window.slots,
        ).to(self._device)
        self._trainer = Trainer(
            field,
            cameras,
            space,
            self.window,
            np.zeros(len(poses)) if options.static_scene else np.arange(len(poses), dtype=np.float64),
            options,
            steps=None,
            seed=seed,
        )
        self._caster = RayCaster(space)
        z, y, x = field.grids[-1].shape[2:]
        self._seen = torch.zeros((int(z), int(y), int(x)), dtype=torch.uint8, device=self._device)
        cameras.hold(int(cameras.groups[self.window.order[0]]))

    def _place(self, slot: int, former: int | None) -> None:
        """Make room for a frame in the field and among the cameras."""
        trainer = self._trainer
        assert trainer is not None  # noqa: S101 - callers have looked
        pose = self.window.camera_to_world[slot]
        others = [other for other in self.window.order if other != slot]
        groups = trainer.cameras.groups.tolist()
        same = [o for o in others if np.abs(self.window.camera_to_world[o] - pose).max() < _SAME_POSE]
        if same:
            group = groups[same[0]]
        else:
            used = {groups[other] for other in others}
            group = next(number for number in range(self.window.slots) if number not in used)
            trainer.forget_offset(group)
        trainer.cameras.place(slot, trainer.space.to_anchor(pose), group)
        trainer.cameras.hold(int(trainer.cameras.groups[self.window.order[0]]))
        if former is not None and former != slot:
            with torch.no_grad():
                for plane in trainer.field.time_planes:
                    plane[:, :, slot] = plane[:, :, former]

    def _mark_seen(self, clip: PosedClip) -> None:
        trainer, seen = self._trainer, self._seen
        assert trainer is not None  # noqa: S101 - callers have begun
        assert seen is not None  # noqa: S101
        pose = clip.camera_to_world[0]
        if clip.depth is not None and clip.depth.any():
            surface = clip.depth[0]
        else:
            drawn = self.render(clip.camera, pose)
            surface = np.zeros_like(drawn.confidence) if drawn.depth is None else drawn.depth
        found = seen_from(trainer.space, seen.shape, surface, clip.camera, pose, self._device)
        self._seen = torch.maximum(seen, found)


def _in_front(space: Space, points: Tensor) -> Tensor:
    return (
        points[..., 2] > 0 if space.kind == "frustum" else torch.ones_like(points[..., 2], dtype=torch.bool)
    )
