"""Distils a scene from one picture, in steps that can be watched, stopped and gone on with."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.methods.devices import torch_device
from anyview_ros.methods.fit_checkpoint import FitCheckpoint, fit_key
from anyview_ros.methods.fit_run import fit_outcome, fit_provenance, run_fit
from anyview_ros.methods.pictures import source_frame
from anyview_ros.methods.zeronvs.distillation.anchors import Anchors, PoseTeller, draw_anchors
from anyview_ros.methods.zeronvs.distillation.distiller import Distiller
from anyview_ros.methods.zeronvs.distillation.input_view import InputView
from anyview_ros.methods.zeronvs.distillation.options import DistillOptions
from anyview_ros.methods.zeronvs.distillation.orbit import Orbit
from anyview_ros.methods.zeronvs.distillation.scene import METHOD, DistilledScene
from anyview_ros.methods.zeronvs.loading import LoadedDenoiser, load_denoiser
from anyview_ros.methods.zeronvs.scale import scale_of_depth
from anyview_ros.rendering.grids import GridField
from anyview_ros.rendering.space import Space
from anyview_ros.synthesis.fitting import FitBudget, FitOutcome, FitProgress, StopReason
from anyview_ros.synthesis.protocol import CancelToken
from anyview_ros.synthesis.request import check_seed, resolve_options
from anyview_ros.synthesis.scene_file import SceneCamera

_KIND = "anyview_zeronvs_fit/2"
_NOT_OF_THE_FIT = {"fit_steps"}
_REMEDY = "lower sds_weight and guidance, and look at the pose and the depth of the input"
_EXTENT = (1.1, 3.0)  # least and most half edge of the box, in parts of the distance looked at
_EXTENT_BLIND = 2.0  # likewise, without depth
_DEPTH_SHARE = 0.98  # of the depths that the box holds
_REPORT_S = 0.5


class ZeroFitter:
    """Makes scenes of the method ``zeronvs``; see :class:`anyview_ros.synthesis.fitting.SceneFitter`.

    Args:
        device: torch device; None takes CUDA where there is one.
        loaded: what to distil; None loads what the options name.

    Raises:
        InvalidInputError: a device that PyTorch does not know or cannot use.
    """

    name = METHOD
    options_type = DistillOptions

    def __init__(self, *, device: str | None = None, loaded: LoadedDenoiser | None = None) -> None:
        """Find the device."""
        self.device = torch.device(torch_device(device))
        self._loaded = loaded

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
        """Distil one scene from one frame of the first clip; see :class:`SceneFitter`.

        Raises:
            InvalidRequestError: no clip, a frame there is not, a seed out of range, nothing that tells how far things
                are, or a checkpoint of another fit.
            SynthesisError: it diverged before there was any state worth keeping.
            WeightsError: weights that are missing or unfit.
        """
        began = time.monotonic()
        check_seed(seed)
        chosen: DistillOptions = resolve_options(options, DistillOptions, METHOD)
        budget = budget or FitBudget()
        clip, notes = _input_clip(clips, chosen)
        loaded = self._loaded or load_denoiser(chosen.weights, str(self.device))
        setting = _setting(clip, chosen, loaded)
        steps = budget.steps or chosen.fit_steps
        settings = {name: value for name, value in asdict(chosen).items() if name not in _NOT_OF_THE_FIT}
        key = fit_key([clip], {**settings, "weights": loaded.sha256}, seed)
        kept = FitCheckpoint(checkpoint, _KIND, key)
        saved = kept.read()
        watch = _Watch(steps, began, budget.seconds, progress, cancel)
        anchors, stopped = _anchors(loaded, setting, chosen, seed, saved, watch)
        run = Distiller(
            loaded.denoiser,
            setting.view,
            anchors,
            setting.orbit,
            setting.teller,
            GridField(setting.space.grid_shape(chosen.voxels)).to(self.device),
            setting.space,
            chosen,
            steps=steps,
            seed=seed,
        )
        if saved is not None:
            run.restore(saved)
        if stopped == "done":
            stopped = run_fit(
                run,
                steps,
                began=began,
                seconds=budget.seconds,
                remedy=_REMEDY,
                progress=progress,
                cancel=cancel,
                save=kept.write,
            )
        provenance = fit_provenance(run, stopped, seed=seed, options=asdict(chosen), key=key)
        frame = setting.view.frame
        scene = DistilledScene.of(run.field, setting.space, frame.camera, frame.camera_to_world).packed(
            (SceneCamera.as_given("input", clip),),
            _as_images(anchors.pictures[1:]),
            setting.told(anchors),
            provenance | {"weights_hash": loaded.sha256},
        )
        return fit_outcome(run, stopped, scene, began=began, notes=(*notes, setting.note), remedy=_REMEDY)


@dataclass(frozen=True, eq=False)
class _Setting:
    """Where a scene is distilled.

    Attributes:
        view: the input.
        orbit: around what cameras are drawn.
        teller: of poses.
        space: of the field.
        note: what was found out, for people.
    """

    view: InputView
    orbit: Orbit
    teller: PoseTeller
    space: Space
    note: str

    def told(self, anchors: Anchors) -> dict[str, Any]:
        """For the scene's settings."""
        return {
            "mode": self.teller.mode,
            "scale_m": self.teller.scale_m,
            "look_at_m": self.orbit.look_at_m,
            "anchor_camera_to_world": anchors.camera_to_world[1:].tolist(),
        }


@dataclass(frozen=True, eq=False)
class _Watch:
    """Who watches a fit, and may end it."""

    steps: int
    began: float
    seconds: float | None
    progress: FitProgress | None
    cancel: CancelToken | None


class _StoppedError(Exception):
    """Drawing was stopped between two steps, for the reason given."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason)
        self.reason = reason


def _input_clip(clips: Sequence[PosedClip], options: DistillOptions) -> tuple[PosedClip, tuple[str, ...]]:
    """The input frame as a clip of one, and what is left out."""
    clips = tuple(clips)
    if not clips:
        raise InvalidRequestError("there is no clip; give one with at least one frame")
    clip, index = clips[0], options.frame
    if index >= len(clip):
        raise InvalidRequestError(
            f"frame is {index} but the clip has {len(clip)} frames; give 0 to {len(clip) - 1}"
        )
    left = sum(len(one) for one in clips) - 1
    notes = (f"Distilled from frame {index} alone; {left} other frames were not used.",) if left else ()
    span = slice(index, index + 1)
    depth = None if clip.depth is None else clip.depth[span]
    one = PosedClip(clip.frames[span], clip.camera, clip.camera_to_world[span], clip.stamps_ns[span], depth)
    return one, notes


def _setting(clip: PosedClip, options: DistillOptions, loaded: LoadedDenoiser) -> _Setting:
    denoiser = loaded.denoiser
    view = InputView.of(source_frame(clip, 0), denoiser.side, denoiser.device)
    depth = view.known_depth()
    scale_m = options.scale_m or (scale_of_depth(depth) if len(depth) else None) or options.look_at_m
    look_at_m = options.look_at_m or view.middle_depth_m() or scale_m
    if scale_m is None or look_at_m is None:
        raise InvalidRequestError(
            "nothing tells how far things are: the input has no depth; give depth, or option look_at_m: metres from "
            "the camera to the middle of the scene"
        )
    orbit = Orbit.of(view.frame.camera_to_world, look_at_m, options.up)
    teller = PoseTeller(loaded.mode, view.fov_rad, scale_m, orbit.centre, orbit.up)
    extent_m = options.extent_m or _extent_m(view, orbit)
    anchor = np.eye(4)
    anchor[:3, 3] = orbit.centre
    space = Space("box", anchor, np.full(3, -extent_m), np.full(3, extent_m))
    note = (
        f"Cameras go around a point {look_at_m:.3g} m ahead; translations are measured in {scale_m:.3g} m; the field "
        f"fills a box of {2 * extent_m:.3g} m."
    )
    return _Setting(view, orbit, teller, space, note)


def _extent_m(view: InputView, orbit: Orbit) -> float:
    depth, camera = view.frame.depth, view.frame.camera
    if depth is None or not len(view.known_depth()):
        return _EXTENT_BLIND * orbit.look_at_m
    v, u = np.nonzero(np.isfinite(depth) & (depth > 0))
    local = camera.unproject(np.stack([u, v], -1).astype(np.float64), depth[v, u].astype(np.float64))
    pose = view.frame.camera_to_world
    points = local @ pose[:3, :3].T + pose[:3, 3] - orbit.centre
    reach = float(np.quantile(np.abs(points).max(-1), _DEPTH_SHARE))
    least, most = _EXTENT
    return float(np.clip(reach, least * orbit.look_at_m, most * orbit.look_at_m))


def _anchors(
    loaded: LoadedDenoiser,
    setting: _Setting,
    options: DistillOptions,
    seed: int,
    saved: dict[str, Any] | None,
    watch: _Watch,
) -> tuple[Anchors, StopReason]:
    """The anchors, those of the checkpoint if there is one; without them if their drawing was stopped."""
    orbit, view = setting.orbit, setting.view
    pose = view.frame.camera_to_world
    poses = orbit.anchors(options.anchors)
    if saved is not None:
        pictures = saved["anchors"]["pictures"].to(view.picture)
        return Anchors(pictures, np.concatenate([pose[None], poses])), "done"
    guidance = loaded.guidance if options.anchor_guidance is None else options.anchor_guidance
    steps = options.anchor_steps or loaded.anchor_steps
    told = time.monotonic()

    def between(step: int, total: int) -> None:
        nonlocal told
        now = time.monotonic()
        if watch.progress is not None and now - told > _REPORT_S:
            watch.progress(0, watch.steps, math.nan)
            told = now
        if watch.cancel is not None and watch.cancel.is_set():
            raise _StoppedError("cancelled")
        if step < total and watch.seconds is not None and now - watch.began > watch.seconds:
            raise _StoppedError("time")

    try:
        drawn = draw_anchors(
            loaded.denoiser,
            view.picture,
            pose,
            poses,
            setting.teller,
            steps=steps,
            guidance=guidance,
            seed=seed,
            between=between,
        )
    except _StoppedError as stop:
        return Anchors(view.picture[None], pose[None]), stop.reason
    return drawn, "done"


def _as_images(pictures: torch.Tensor) -> NDArray[np.uint8]:
    """uint8 (k, side, side, 3) of pictures (k, 3, side, side) in [-1, 1]."""
    levels = ((pictures.detach().float() + 1) * 127.5).round().clamp(0, 255)
    return np.ascontiguousarray(levels.permute(0, 2, 3, 1).cpu().numpy().astype(np.uint8))
