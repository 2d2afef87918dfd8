"""Fitting a scene to clips: budget, progress, checkpoints, and the best state where a fit diverges."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from anyview_ros import __version__
from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidClipError, InvalidRequestError, SynthesisError
from anyview_ros.methods.any4d.births import Births, born, grid_step, on_grid
from anyview_ros.methods.any4d.depth_guess import with_depth
from anyview_ros.methods.any4d.generator import Generator
from anyview_ros.methods.any4d.model import VERSION, MovingGaussians
from anyview_ros.methods.any4d.observations import Observation, observed, shrunk
from anyview_ros.methods.any4d.optimisation import FollowedPoints, Optimisation
from anyview_ros.methods.any4d.options import Any4DFitOptions
from anyview_ros.methods.any4d.start import Start, start
from anyview_ros.rendering.splatting import splat
from anyview_ros.synthesis.fitting import FitBudget, FitOutcome, FitProgress, StopReason
from anyview_ros.synthesis.protocol import CancelToken
from anyview_ros.synthesis.scene_file import FittedScene, SceneCamera

_SMOOTHING = 0.95  # of the loss that decides which state is the best
_LOOK_EVERY = 20  # steps between two looks at it
_CHECKPOINT_S = 20.0
_PROGRESS_S = 0.5
_UNFILLED = 0.5  # a pixel covered less than this wants a Gaussian
_DIVERGED = 3.0  # times the first loss
_DEFAULT_STEPS = 600


@dataclass(eq=False)
class _Best:
    """The state with the lowest smoothed loss so far."""

    loss: float
    tensors: dict[str, torch.Tensor]


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
    begun = time.monotonic()
    run = _Run(clips, options, budget, seed, device, more, generator or Generator())
    stopped = run.go(begun, progress, cancel, checkpoint)
    return run.outcome(stopped, time.monotonic() - begun)


class _Run:
    def __init__(
        self,
        clips: Sequence[PosedClip],
        options: Any4DFitOptions,
        budget: FitBudget,
        seed: int,
        device: str,
        more: Sequence[Observation],
        generator: Generator,
    ) -> None:
        _check(clips)
        self._given, self._options, self._seed = tuple(clips), options, seed
        self._budget = budget
        self._total = _DEFAULT_STEPS if budget.steps is None else budget.steps
        known = [
            with_depth(
                shrunk(clip, options.side), generator=generator, device=device, believe=options.guess_depth
            )
            for clip in clips
        ]
        small = tuple(clip for clip, _ in known)
        self._fingerprint = _fingerprint(clips, options, seed, more)
        began = start(small, [support for _, support in known], options, seed)
        self._unexplained = began.unexplained
        self._guessed = any(clip.depth is None for clip in clips)
        scene = _filled(began.scene, more, options.gaussians)
        seen = [o for index, clip in enumerate(small) for o in observed(clip, index)]
        self._optimisation = Optimisation(
            scene.to(device), [o.to(device) for o in [*seen, *more]], _followed(began), options, seed
        )
        self._loss, self._first = math.inf, math.inf
        self._best: _Best | None = None

    def go(
        self,
        begun: float,
        progress: FitProgress | None,
        cancel: CancelToken | None,
        checkpoint: Path | None,
    ) -> StopReason:
        """Step until the budget ends."""
        if checkpoint is not None and checkpoint.is_file():
            self._load(checkpoint)
        told = saved = time.monotonic()
        stopped: StopReason = "done"
        while self._optimisation.steps_done < self._total:
            now = time.monotonic()
            if cancel is not None and cancel.is_set():
                stopped = "cancelled"
                break
            if self._budget.seconds is not None and now - begun >= self._budget.seconds:
                stopped = "time"
                break
            if not self._step():
                stopped = "diverged"
                break
            if progress is not None and now - told >= _PROGRESS_S:
                progress(self._optimisation.steps_done, self._total, self._loss)
                told = now
            if checkpoint is not None and now - saved >= _CHECKPOINT_S:
                self._save(checkpoint)
                saved = now
        if stopped == "diverged" and self._best is None:
            raise SynthesisError(
                "the fit diverged before its first steps were done; lower learning_rate, "
                f"now {self._options.learning_rate:g}, and check poses and depth"
            )
        if checkpoint is not None and stopped != "diverged":
            self._save(checkpoint)
        if progress is not None:
            progress(self._optimisation.steps_done, self._total, self._told_loss(stopped))
        return stopped

    def outcome(self, stopped: StopReason, seconds: float) -> FitOutcome:
        """What the fit came to."""
        scene = self._optimisation.scene
        if stopped == "diverged" and self._best is not None:
            scene.load_state_dict(self._best.tensors)
        steps = self._optimisation.steps_done
        fitted = FittedScene(
            "any4d",
            VERSION,
            scene.tensors(),
            tuple(SceneCamera.as_given(f"camera_{i}", clip) for i, clip in enumerate(self._given)),
            scene.settings(),
            {
                "steps": steps,
                "seed": self._seed,
                "options": {k: v for k, v in asdict(self._options).items() if _plain(v)},
                "package": __version__,
                "guessed_depth": self._guessed,
            },
        )
        return FitOutcome(fitted, stopped, steps, self._told_loss(stopped), seconds, self._notes(stopped))

    def _told_loss(self, stopped: StopReason) -> float:
        if stopped == "diverged" and self._best is not None:
            return self._best.loss
        return self._loss if math.isfinite(self._loss) else math.nan

    def _notes(self, stopped: StopReason) -> tuple[str, ...]:
        notes = []
        if self._guessed:
            notes.append("Depth was guessed by a generator; distances in the scene are guesses too.")
        if self._unexplained > 0.05:
            notes.append(
                f"At first {self._unexplained:.0%} of the tracked motion did not fit into {self._options.bases} "
                "generators; more bases may help."
            )
        if stopped == "diverged":
            notes.append("The fit diverged; its best state was kept. Lower learning_rate to go further.")
        return tuple(notes)

    def _step(self) -> bool:
        """One step and the book-keeping; False where the fit has diverged."""
        loss = self._optimisation.step()
        if not math.isfinite(loss):
            return False
        first = not math.isfinite(self._loss)
        self._loss = loss if first else _SMOOTHING * self._loss + (1 - _SMOOTHING) * loss
        self._first = loss if first else self._first
        if self._loss > _DIVERGED * self._first + 0.1:
            return False
        due = first or self._optimisation.steps_done % _LOOK_EVERY == 0
        if due and (self._best is None or self._loss <= self._best.loss):
            tensors = {k: v.detach().clone() for k, v in self._optimisation.scene.state_dict().items()}
            self._best = _Best(self._loss, tensors)
        return True

    def _save(self, path: Path) -> None:
        best = None if self._best is None else {"loss": self._best.loss, "tensors": self._best.tensors}
        state = {
            "fingerprint": self._fingerprint,
            "optimisation": self._optimisation.state(),
            "loss": self._loss,
            "first": self._first,
            "best": best,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(path.name + ".part")
        torch.save(state, unfinished)
        unfinished.replace(path)

    def _load(self, path: Path) -> None:
        try:
            state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
            fingerprint = state["fingerprint"]
        except Exception as error:
            raise InvalidRequestError(
                f"checkpoint {path} cannot be read ({error}); delete it to begin anew"
            ) from error
        if fingerprint != self._fingerprint:
            raise InvalidRequestError(
                f"checkpoint {path} is of other clips, options or another seed; "
                "delete it to begin anew, or give what it was begun with"
            )
        self._optimisation.load(state["optimisation"])
        self._loss, self._first = state["loss"], state["first"]
        if state["best"] is not None:
            self._best = _Best(state["best"]["loss"], state["best"]["tensors"])


def _followed(began: Start) -> list[FollowedPoints | None]:
    return [
        None if tracks is None else FollowedPoints.of(tracks, moving)
        for tracks, moving in zip(began.tracks, began.moving, strict=True)
    ]


def _filled(scene: MovingGaussians, more: Sequence[Observation], most: int) -> MovingGaussians:
    """The scene with still Gaussians where generated pictures show what nothing covers yet."""
    for seen in more:
        room = most - len(scene)
        if room <= 0 or seen.depth is None:
            continue
        with torch.no_grad():
            alpha = splat(scene.at(seen.stamp_ns), seen.camera, seen.camera_to_world).alpha.numpy()
        depth = seen.depth.numpy()
        open_pixels = (alpha < _UNFILLED) & (depth > 0)
        step = grid_step(int(open_pixels.sum()), room)
        pixels = on_grid(open_pixels, step)[:room]
        if len(pixels):
            births = born(
                seen.image.numpy(), depth, seen.camera, seen.camera_to_world, pixels, step=step, support=0.0
            )
            scene = grown(scene, births)
    return scene


def grown(scene: MovingGaussians, births: Births) -> MovingGaussians:
    """The scene with more Gaussians, which stand still."""
    fresh = MovingGaussians(births, scene.motion)
    values = {}
    for name, value in scene.state_dict().items():
        if name.startswith("motion."):
            values[name] = value
        else:
            values[name] = torch.cat([value, fresh.state_dict()[name]])
    still = torch.zeros(len(births), scene.motion.weights.shape[1])
    values["motion.weights"] = torch.cat([scene.motion.weights.detach(), still])
    values["motion.free"] = torch.cat([scene.motion.free, still[:, :1]])
    return MovingGaussians.load({k: v.numpy() for k, v in values.items()}, scene.settings())


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


def _fingerprint(
    clips: Sequence[PosedClip], options: Any4DFitOptions, seed: int, more: Sequence[Observation]
) -> str:
    digest = hashlib.sha256(repr((seed, sorted((k, repr(v)) for k, v in asdict(options).items()))).encode())
    for clip in clips:
        for array in (clip.frames, clip.camera_to_world, clip.stamps_ns, clip.depth):
            digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
        digest.update(repr(clip.camera).encode())
    for seen in more:
        digest.update(seen.image.numpy().tobytes())
        digest.update(seen.camera_to_world.tobytes())
    return digest.hexdigest()


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)
