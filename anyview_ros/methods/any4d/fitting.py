"""Fitting a scene to clips and to generated pictures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidClipError, InvalidRequestError
from anyview_ros.methods.any4d.depth_guess import with_depth
from anyview_ros.methods.any4d.filling import filled
from anyview_ros.methods.any4d.generator import Generator
from anyview_ros.methods.any4d.model import VERSION
from anyview_ros.methods.any4d.observations import Observation, observed, shrunk
from anyview_ros.methods.any4d.optimisation import FollowedPoints
from anyview_ros.methods.any4d.options import Any4DFitOptions
from anyview_ros.methods.any4d.start import Start, start
from anyview_ros.methods.any4d.stepping import SceneFit
from anyview_ros.methods.any4d.tracks import Tracks
from anyview_ros.methods.fit_checkpoint import FitCheckpoint, fit_key
from anyview_ros.methods.fit_run import fit_outcome, fit_provenance, run_fit
from anyview_ros.synthesis.fitting import FitBudget, FitOutcome, FitProgress
from anyview_ros.synthesis.protocol import CancelToken
from anyview_ros.synthesis.scene_file import FittedScene, SceneCamera

_KIND = "anyview_any4d_fit/1"
_DEFAULT_STEPS = 600
_UNEXPLAINED = 0.05  # share of the motion from which a note says that more bases may help


def fit_scene(
    clips: Sequence[PosedClip],
    options: Any4DFitOptions,
    *,
    budget: FitBudget,
    seed: int,
    device: str,
    more: Sequence[Observation] = (),
    generator: Generator | None = None,
    progress: FitProgress | None = None,
    cancel: CancelToken | None = None,
    checkpoint: Path | None = None,
) -> FitOutcome:
    """Fit one scene to clips and to generated pictures; see ``SceneFitter.fit``.

    Args:
        clips: one per camera, in one world frame.
        options: of the fit.
        budget: steps and seconds.
        seed: of every random draw.
        device: torch device.
        more: generated pictures, which fill what no clip shows.
        generator: guesses depth where it may be guessed; None for one with all its defaults.
        progress, cancel, checkpoint: as in ``SceneFitter.fit``.

    Raises:
        InvalidRequestError, InvalidClipError, SynthesisError: as in ``SceneFitter.fit``.
    """
    began = time.monotonic()
    _check(clips)
    generator = generator or Generator()
    known = [
        with_depth(
            shrunk(clip, options.side), generator=generator, device=device, believe=options.guess_depth
        )
        for clip in clips
    ]
    small = tuple(clip for clip, _ in known)
    first = start(small, [support for _, support in known], options, seed)
    scene = filled(first.scene, more, options.gaussians).to(device)
    seen = [observation for index, clip in enumerate(small) for observation in observed(clip, index)]
    fit = SceneFit(scene, [one.to(device) for one in [*seen, *more]], _followed(first), options, seed)
    told = {name: value for name, value in asdict(options).items() if _plain(value)}
    key = fit_key(clips, told, seed, arrays=_arrays(options, more))
    kept = FitCheckpoint(checkpoint, _KIND, key)
    saved = kept.read()
    if saved is not None:
        fit.restore(saved)
    remedy = f"lower learning_rate, now {options.learning_rate:g}, and check poses and depth"
    stopped = run_fit(
        fit,
        budget.steps or _DEFAULT_STEPS,
        began=began,
        seconds=budget.seconds,
        remedy=remedy,
        progress=progress,
        cancel=cancel,
        save=kept.write,
    )
    guessed = any(clip.depth is None for clip in clips)
    provenance = fit_provenance(fit, stopped, seed=seed, options=told, key=key)
    fitted = FittedScene(
        "any4d",
        VERSION,
        scene.tensors(),
        tuple(SceneCamera.as_given(f"camera_{i}", clip) for i, clip in enumerate(clips)),
        scene.settings(),
        provenance | {"guessed_depth": guessed},
    )
    notes = _notes(first, options, guessed=guessed)
    return fit_outcome(fit, stopped, fitted, began=began, notes=notes, remedy=remedy)


def _notes(first: Start, options: Any4DFitOptions, *, guessed: bool) -> list[str]:
    notes = []
    if guessed:
        notes.append("Depth was guessed by a generator; distances in the scene are guesses too.")
    if first.unexplained > _UNEXPLAINED:
        notes.append(
            f"At first {first.unexplained:.0%} of the tracked motion did not fit into {options.bases} "
            "generators; more bases may help."
        )
    return notes


def _followed(began: Start) -> list[FollowedPoints | None]:
    return [
        None if tracks is None else FollowedPoints.of(tracks, moving)
        for tracks, moving in zip(began.tracks, began.moving, strict=True)
    ]


def _check(clips: Sequence[PosedClip]) -> None:
    if not clips:
        raise InvalidRequestError("clips is empty; give at least one PosedClip")
    for index, clip in enumerate(clips):
        if clip.depth is not None and not np.isfinite(clip.depth).all():
            raise InvalidClipError(
                f"clips[{index}].depth has values that are not finite; give 0 where unknown"
            )
        if clip.depth is not None and not (clip.depth > 0).any():
            raise InvalidRequestError(
                f"clips[{index}].depth is 0 everywhere, so no surface is known; leave depth out to have it guessed"
            )


def _arrays(options: Any4DFitOptions, more: Sequence[Observation]) -> list[NDArray[Any]]:
    """What a fit depends on beside clips and options that are numbers or text."""
    arrays = [array for one in more for array in (one.image.numpy(), one.camera_to_world)]
    if isinstance(options.tracks, Tracks):
        arrays += [options.tracks.pixels, options.tracks.visible, options.tracks.frame]
    return arrays


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)
