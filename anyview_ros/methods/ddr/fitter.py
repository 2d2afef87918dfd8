"""Fits a scene to clips, in steps that can be watched, stopped and gone on with."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.ddr.cameras import LearnableCameras, place_frames
from anyview_ros.methods.ddr.coverage import seen_corners
from anyview_ros.methods.ddr.field import DdrField, FieldShape
from anyview_ros.methods.ddr.options import DdrOptions
from anyview_ros.methods.ddr.pixels import Pixels
from anyview_ros.methods.ddr.preparation import prepared_clips
from anyview_ros.methods.ddr.scene import METHOD, DdrScene, TimeAxis
from anyview_ros.methods.ddr.space import space_around
from anyview_ros.methods.ddr.start import start_from_depth
from anyview_ros.methods.ddr.trainer import Trainer
from anyview_ros.methods.devices import torch_device
from anyview_ros.methods.fit_checkpoint import FitCheckpoint, fit_key
from anyview_ros.methods.fit_run import fit_outcome, fit_provenance, run_fit
from anyview_ros.synthesis.fitting import FitBudget, FitOutcome, FitProgress
from anyview_ros.synthesis.protocol import CancelToken
from anyview_ros.synthesis.request import check_seed, resolve_options
from anyview_ros.synthesis.scene_file import FittedScene, SceneCamera

_KIND = "anyview_ddr_fit/2"
_NOT_OF_THE_FIT = {"fit_steps", "fit_seconds", "memory_mb", "refine_ms", "steps_per_frame"}
_REMEDY = "look at the poses and the depth, or lower depth_weight and before_surface_weight"


class DdrFitter:
    """Makes scenes of the method ``ddr``; see :class:`anyview_ros.synthesis.fitting.SceneFitter`.

    Args:
        device: torch device; None takes CUDA where there is one.

    Raises:
        InvalidInputError: a device that PyTorch does not know or cannot use.
    """

    name = METHOD
    options_type = DdrOptions

    def __init__(self, *, device: str | None = None) -> None:
        """Find the device."""
        self.device = torch.device(torch_device(device))

    def fit(
        self,
        clips: Sequence[PosedClip],
        *,
        budget: FitBudget | None = None,
        seed: int = 0,
        options: Any = None,
        progress: FitProgress | None = None,
        cancel: CancelToken | None = None,
        checkpoint: Path | None = None,
    ) -> FitOutcome:
        """Fit one scene to what one or several cameras saw; see :class:`SceneFitter`.

        Raises:
            InvalidRequestError: fewer than two frames, no depth and no parallax, a seed out of range, or a checkpoint
                of another fit.
            SynthesisError: it diverged before there was any state worth keeping.
        """
        began = time.monotonic()
        check_seed(seed)
        chosen: DdrOptions = resolve_options(options, DdrOptions, METHOD)
        budget = budget or FitBudget()
        steps = budget.steps or chosen.fit_steps
        prepared = prepared_clips(clips, chosen)
        run = _Run(prepared.clips, prepared.depth_range_m, chosen, steps, seed, self.device)
        settings = {name: value for name, value in asdict(chosen).items() if name not in _NOT_OF_THE_FIT}
        key = fit_key(clips, settings, seed)
        kept = FitCheckpoint(checkpoint, _KIND, key)
        saved = kept.read()
        if saved is not None:
            run.trainer.restore(saved)
        stopped = run_fit(
            run.trainer,
            steps,
            began=began,
            seconds=budget.seconds or chosen.fit_seconds,
            remedy=_REMEDY,
            progress=progress,
            cancel=cancel,
            save=kept.write,
        )
        provenance = fit_provenance(run.trainer, stopped, seed=seed, options=asdict(chosen), key=key)
        scene = run.scene(clips, provenance)
        return fit_outcome(run.trainer, stopped, scene, began=began, notes=prepared.notes, remedy=_REMEDY)


class _Run:
    """One fit under way."""

    def __init__(
        self,
        clips: Sequence[PosedClip],
        depth_range_m: tuple[float, float] | None,
        options: DdrOptions,
        steps: int,
        seed: int,
        device: torch.device,
    ) -> None:
        self._options, self._steps = options, steps
        space = space_around(clips, depth_range_m, options.space)
        stamps_ns = np.concatenate([clip.stamps_ns for clip in clips])
        self._time = TimeAxis.of(stamps_ns, 1 if options.static_scene else options.instants)
        shape = FieldShape(space.grid_shape(options.voxels), len(self._time), options.features)
        field = DdrField(shape, torch.Generator().manual_seed(seed)).to(device)
        if options.start_from_depth:
            start_from_depth(field, space, clips)
        poses = [space.to_anchor(clip.camera_to_world) for clip in clips]
        frames = place_frames([clip.camera for clip in clips], poses, [len(clip) for clip in clips])
        cameras = LearnableCameras(
            frames, refine_poses=options.refine_poses, refine_focal=options.refine_focal
        ).to(device)
        self.trainer = Trainer(
            field,
            cameras,
            space,
            Pixels(clips, device),
            self._time.places(stamps_ns),
            options,
            steps=steps,
            seed=seed,
        )

    def scene(self, clips: Sequence[PosedClip], provenance: dict[str, Any]) -> FittedScene:
        """The scene as it stands."""
        trainer = self.trainer
        field, space = trainer.field.requires_grad_(False), trainer.space
        corners = tuple(int(one) for one in field.grids[-1].shape[2:])
        unseen = torch.zeros(corners, dtype=torch.uint8, device=field.grids[0].device)
        refined = space.anchor_to_world @ trainer.cameras.refined_camera_to_anchor()
        cameras = _scene_cameras(clips, refined, trainer.cameras.refined_cameras())
        each = [camera.refined_camera for camera in cameras for _ in camera.stamps_ns]
        stamps_ns = np.concatenate([camera.stamps_ns for camera in cameras])
        scene = DdrScene(field, space, self._time, unseen)
        seen = seen_corners(scene, each, list(refined), stamps_ns.tolist())
        return DdrScene(field, space, self._time, seen).packed(cameras, provenance, {})


def _scene_cameras(
    clips: Sequence[PosedClip],
    refined: np.ndarray[Any, np.dtype[np.float64]],
    cameras: Sequence[PinholeCamera],
) -> tuple[SceneCamera, ...]:
    found, first = [], 0
    for number, (clip, camera) in enumerate(zip(clips, cameras, strict=True)):
        poses = refined[first : first + len(clip)]
        first += len(clip)
        found.append(
            SceneCamera(f"camera_{number}", clip.camera, clip.camera_to_world, clip.stamps_ns, poses, camera)
        )
    return tuple(found)
