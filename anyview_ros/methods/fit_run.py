"""Steps of a fit until there is a reason to stop: what methods share that optimise modules in such steps."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import nn

from anyview_ros import __version__
from anyview_ros.errors import SynthesisError
from anyview_ros.synthesis.fitting import FitOutcome, FitProgress, StopReason
from anyview_ros.synthesis.protocol import CancelToken
from anyview_ros.synthesis.scene_file import FittedScene

_REPORT_S = 0.5
_KEEP_EVERY = 25
_CHECKPOINT_S = 30.0
_SMOOTH = 0.95


class SteppedFit(Protocol):
    """A fit that goes step by step.

    Attributes:
        step_count: steps done.
        smooth_loss: running mean of the loss; nan before the first step.
    """

    step_count: int
    smooth_loss: float

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """What is fitted, by name."""
        ...

    @property
    def rank(self) -> float:
        """How good the present state is, for the choice of what to keep: the lower the better."""
        ...

    def step(self) -> float:
        """Do one step and return its loss, which is not finite if the fit has diverged."""
        ...

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        ...


def run_fit(
    fit: SteppedFit,
    steps: int,
    *,
    began: float,
    seconds: float | None,
    remedy: str,
    progress: FitProgress | None = None,
    cancel: CancelToken | None = None,
    save: Callable[[dict[str, Any]], None] | None = None,
) -> StopReason:
    """Do steps until there is a reason to stop, and tell it; leaves the fit in the state worth keeping.

    Args:
        fit: what is fitted; may have steps behind it, and is then worth keeping as it is.
        steps: in all.
        began: when the fit was asked for, by ``time.monotonic``.
        seconds: wall time from then on, though one step is done even so; None for no limit.
        remedy: what to do about a fit that diverged at once, for the error.
        progress, cancel: see :class:`anyview_ros.synthesis.fitting.SceneFitter`.
        save: keeps a state; called now and then and at the end, but not of a fit that diverged.

    Raises:
        SynthesisError: it diverged before there was any state worth keeping.
    """
    reported = written = time.monotonic()
    first = fit.step_count
    best = BestState(fit, remedy)
    if first:
        best.offer()
    stopped: StopReason = "done"
    loss = fit.smooth_loss
    while fit.step_count < steps:
        if cancel is not None and cancel.is_set():
            stopped = "cancelled"
            break
        if seconds is not None and fit.step_count > first and time.monotonic() - began > seconds:
            stopped = "time"
            break
        loss = fit.step()
        if not math.isfinite(loss):
            best.restore()
            stopped = "diverged"
            break
        if fit.step_count == 1 or fit.step_count % _KEEP_EVERY == 0:
            best.offer()
        now = time.monotonic()
        if progress is not None and now - reported > _REPORT_S:
            progress(fit.step_count, steps, loss)
            reported = now
        if save is not None and now - written > _CHECKPOINT_S:
            save(fit.state())
            written = time.monotonic()
    if stopped != "diverged" and not best.finite():
        best.restore()
        stopped = "diverged"
    if save is not None and stopped != "diverged":
        save(fit.state())
    if progress is not None:
        progress(fit.step_count, steps, loss)
    return stopped


def smoothed(mean: float, value: float) -> float:
    """The running mean of a loss after another value; nan before the first."""
    return value if math.isnan(mean) else _SMOOTH * mean + (1 - _SMOOTH) * value


def fit_provenance(
    fit: SteppedFit, stopped: StopReason, *, seed: int, options: Mapping[str, Any], key: str
) -> dict[str, Any]:
    """What a scene tells of the fit that it comes from.

    Args:
        fit: as it ended.
        stopped: why it did.
        seed: of its draws.
        options: of the method; anything JSON can say.
        key: see :func:`anyview_ros.methods.fit_checkpoint.fit_key`.
    """
    return {
        "package_version": __version__,
        "steps": fit.step_count,
        "seed": seed,
        "options": dict(options),
        "stopped": stopped,
        "loss": None if math.isnan(fit.smooth_loss) else fit.smooth_loss,
        "clips_sha256": key,
    }


def fit_outcome(
    fit: SteppedFit,
    stopped: StopReason,
    scene: FittedScene,
    *,
    began: float,
    notes: Sequence[str],
    remedy: str,
) -> FitOutcome:
    """What a fit came to, with a note if it diverged.

    Args:
        fit: as it ended.
        stopped: why it did.
        scene: made of it.
        began: when the fit was asked for, by ``time.monotonic``.
        notes: of the method.
        remedy: what to do about a fit that diverged.
    """
    if stopped == "diverged":
        notes = (*notes, f"The fit diverged; the scene is that of step {fit.step_count}; {remedy}.")
    return FitOutcome(scene, stopped, fit.step_count, fit.smooth_loss, time.monotonic() - began, tuple(notes))


class BestState:
    """A copy of what is fitted in its best state that was finite, for when a fit diverges.

    Args:
        fit: what is fitted.
        remedy: for the error where there is no such state.
    """

    def __init__(self, fit: SteppedFit, remedy: str) -> None:
        """Begin with nothing."""
        self._fit, self._remedy = fit, remedy
        self._kept: dict[str, dict[str, torch.Tensor]] | None = None
        self._rank, self._loss, self._step = math.inf, math.nan, 0

    def finite(self) -> bool:
        """Whether all parameters are finite."""
        parameters = [one for module in self._fit.modules.values() for one in module.parameters()]
        return all(bool(torch.isfinite(one).all()) for one in parameters)

    def offer(self) -> None:
        """Keep the present state if it is the best so far."""
        fit = self._fit
        if (self._kept is None or fit.rank <= self._rank) and self.finite():
            self._kept = {
                part: {name: value.clone() for name, value in module.state_dict().items()}
                for part, module in fit.modules.items()
            }
            self._rank, self._loss, self._step = fit.rank, fit.smooth_loss, fit.step_count

    def restore(self) -> None:
        """Go back to the state that was kept.

        Raises:
            SynthesisError: there is none.
        """
        if self._kept is None:
            raise SynthesisError(
                f"the fit diverged at step {self._fit.step_count}, before any state was worth keeping; {self._remedy}"
            )
        for part, module in self._fit.modules.items():
            module.load_state_dict(self._kept[part])
        self._fit.smooth_loss, self._fit.step_count = self._loss, self._step
