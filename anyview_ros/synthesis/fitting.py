"""Fitting a scene to clips: what a method that does so shows, and how it is found by name.

A method that fits has two faces: its ``Synthesizer``, which renders a scene (``load_synthesizer(name, scene=path)``),
and a :class:`SceneFitter`, which makes one. ``anyview fit`` finds the second by the method's name and writes what it
returns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.synthesis.plugins import Plugins, missing_package_named
from anyview_ros.synthesis.protocol import CancelToken
from anyview_ros.synthesis.scene_file import FittedScene

FITTERS = Plugins(
    "anyview_ros.fitters",
    {
        "any4d": "anyview_ros.methods.any4d:Any4DFitter",
        "ddr": "anyview_ros.methods.ddr:DdrFitter",
        "zeronvs": "anyview_ros.methods.zeronvs.distillation:ZeroFitter",
    },
    "fits scenes",
)

StopReason = Literal["done", "time", "cancelled", "diverged"]


@dataclass(frozen=True)
class FitBudget:
    """How long a fit may take; what comes first ends it.

    Attributes:
        steps: optimisation steps in all, those of an earlier run that is gone on with counted; None for the method's
            own number.
        seconds: wall time of this call; None for no limit.

    Raises:
        InvalidRequestError: a number that is not positive.
    """

    steps: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.steps is not None and self.steps < 1:
            raise InvalidRequestError(
                f"steps is {self.steps}; give 1 or more, or leave it out for the method's own"
            )
        if self.seconds is not None and not 0 < self.seconds < math.inf:
            raise InvalidRequestError(f"seconds is {self.seconds}; give a positive number, or leave it out")


class FitProgress(Protocol):
    """Called now and then while a fit runs, at least once a second and after the last step."""

    def __call__(self, step: int, total: int, loss: float, /) -> None:
        """Tell that ``step`` of ``total`` steps are done, and the last loss."""
        ...


@dataclass(frozen=True, eq=False)
class FitOutcome:
    """What a fit came to.

    Attributes:
        scene: the scene: of the last step, or, where the fit diverged, of its best state.
        stopped: "done" (all steps), "time" or "cancelled" (call again with the same checkpoint to go on), or
            "diverged" (a value was no longer finite; more steps would not help).
        steps: steps done, earlier runs' counted.
        loss: at the state that ``scene`` holds; finite, or nan where no step was done.
        seconds: wall time of this call.
        notes: what the user should know, one sentence each.
    """

    scene: FittedScene
    stopped: StopReason
    steps: int
    loss: float
    seconds: float
    notes: tuple[str, ...] = ()


@runtime_checkable
class SceneFitter(Protocol):
    """Makes scenes of one method. Made by ``factory(device=None)``; used by one thread at a time.

    Attributes:
        name: registered name of the method.
        options_type: the dataclass of the fit's options, resolved by name as a request's are.
    """

    name: str
    options_type: type

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
        """Fit one scene to what one or several cameras saw.

        Args:
            clips: one per camera, in one world frame; with the depth there is. Clips of depth from an estimator are
                told so in the options.
            budget: steps and seconds; None for the method's own.
            seed: of every random draw; same clips, options, seed, device and thread count: same scene.
            options: ``options_type``, or a mapping from field name to value.
            progress: see :class:`FitProgress`.
            cancel: looked at between steps. A cancelled fit returns what it has, it does not raise.
            checkpoint: file that keeps the whole state, written now and then and at the end. If it is there and of
                the same clips, options and seed, the fit goes on from it as if it had never been interrupted.

        Returns:
            the scene and why the fit ended. A fit whose loss stops being finite ends with its best state.

        Raises:
            InvalidRequestError: clips that cannot be fitted (one frame only, no depth and no parallax...), options
                that the method does not have, a seed out of range, or a checkpoint of another fit.
            InvalidClipError: values that are not finite.
            SynthesisError: it diverged before there was any state worth keeping.
        """
        ...


def load_fitter(name: str, *, device: str | None = None) -> SceneFitter:
    """The fitter of a method.

    Args:
        name: of the method.
        device: a torch device; None lets the method choose.

    Raises:
        UnknownMethodError: no method of this name fits scenes; the message lists those that do.
        InvalidInputError: a device that cannot be used.
        MissingDependencyError: a package that the method needs is not installed.
    """
    with missing_package_named(name):
        fitter: SceneFitter = FITTERS.factory(name)(device=device)
    return fitter
