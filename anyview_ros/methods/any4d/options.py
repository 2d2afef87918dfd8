"""What a user can ask of any4d."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyview_ros.errors import InvalidRequestError
from anyview_ros.methods.any4d.motion import FROZEN
from anyview_ros.synthesis.option_checks import check_counts, check_numbers, check_truths, is_number

MOTION_KINDS = ("hybrid", "learned", "fixed")


@dataclass(frozen=True)
class Any4DFitOptions:
    """Options of fitting Gaussians to clips.

    Attributes:
        gaussians: most Gaussians.
        bases: generators of motion, the six frozen ones and learned ones together; B of the paper.
        motion: "hybrid"; "learned" (B learned generators, none frozen) and "fixed" (six frozen, none learned) are
            ablations.
        side: clips are shrunk until their longer side has no more pixels than this.
        depth_weight, track_weight, coefficient_weight: of the losses beside that of the colours.
        learning_rate: factor on all learning rates.
        guess_depth: take the generator's guess where there are no depth images, even if the camera never moves.
        tracks: points followed through the first clip, a ``Tracks``; None follows points by optical flow.

    Raises:
        InvalidRequestError: a value that cannot be.
    """

    gaussians: int = 10_000
    bases: int = 15
    motion: str = "hybrid"
    side: int = 160
    depth_weight: float = 0.5
    track_weight: float = 0.2
    coefficient_weight: float = 0.01
    learning_rate: float = 1.0
    guess_depth: bool = False
    tracks: Any = None

    def __post_init__(self) -> None:
        check_counts(self, 100, "gaussians")
        check_counts(self, 16, "side")
        check_counts(self, 1, "bases")
        if self.motion not in MOTION_KINDS:
            raise InvalidRequestError(f"motion is {self.motion!r}; give one of {', '.join(MOTION_KINDS)}")
        if self.motion == "hybrid" and self.bases < FROZEN:
            raise InvalidRequestError(
                f"bases is {self.bases}; six are the frozen generators, give 6 or more, or motion='learned'"
            )
        check_numbers(self, "depth_weight", "track_weight", "coefficient_weight", zero=True)
        check_numbers(self, "learning_rate")
        check_truths(self, "guess_depth")


@dataclass(frozen=True)
class Any4DOptions(Any4DFitOptions):
    """Options of a request to ``any4d``: those of the fit, and of the views that it is fitted to besides.

    Attributes:
        generator: name of the method that is asked for views along the trajectory; None fits to the sources alone.
        generator_options: its options, by name.
        generator_weights: a ``Path``, of its weights; None for those it finds itself. Requests that come from other
            processes hold no ``Path``, so that they can name no files.
        generator_steps: its sampling steps; None for its own number.
        prompt: text for generators whose options have ``prompt``; None gives none.
        generated_weight: how much a generated pixel counts beside a seen one.
        fit_steps: optimisation steps of the fit.
        fit_seconds: wall time of the fit; None for no limit.
        save_to: a ``Path``, of the file that the fitted scene is written to; None keeps none. Requests that come from
            other processes hold no ``Path``, so that they can write no files.
        fill_holes: fill what no Gaussian covers from around it.
        keyframes: of a stream, frames kept to fit to.
        budget_ms: of a stream, time for each pushed frame; moving and adding Gaussians comes first, fitting takes
            what is left.
        steps_per_frame: of a stream, optimisation steps for each pushed frame, however long they take, in place of
            budget_ms; the same frames then give the same pixels.
        memory_mb: of a stream, what Gaussians, their optimiser and kept frames may take together.

    Raises:
        InvalidRequestError: a value that cannot be.
    """

    generator: str | None = "anyview_small"
    generator_options: Mapping[str, Any] | None = None
    generator_weights: Path | None = None
    generator_steps: int | None = None
    prompt: str | None = None
    generated_weight: float = 0.5
    fit_steps: int = 300
    fit_seconds: float | None = None
    save_to: Path | None = None
    fill_holes: bool = True
    keyframes: int = 6
    budget_ms: float = 150.0
    steps_per_frame: int | None = None
    memory_mb: float = 64.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts(self, 1, "fit_steps")
        check_counts(self, 2, "keyframes")
        if not (is_number(self.generated_weight) and 0 <= self.generated_weight <= 1):
            raise InvalidRequestError(f"generated_weight is {self.generated_weight!r}; give 0 to 1")
        check_numbers(self, "budget_ms", "memory_mb")
        if self.steps_per_frame is not None:
            check_counts(self, 0, "steps_per_frame")
        if self.fit_seconds is not None:
            check_numbers(self, "fit_seconds")
        for name, remedy in _FILES.items():
            if not isinstance(getattr(self, name), Path | None):
                raise InvalidRequestError(
                    f"{name} is {getattr(self, name)!r}; give a pathlib.Path in Python, or {remedy}"
                )
        for name in ("generator", "prompt"):
            if not isinstance(getattr(self, name), str | None):
                raise InvalidRequestError(f"{name} is {getattr(self, name)!r}; give text, or leave it out")
        if not isinstance(self.generator_options, Mapping | None):
            raise InvalidRequestError(
                f"generator_options is {self.generator_options!r}; give an object of names and values, or leave it out"
            )
        check_truths(self, "fill_holes")
        if self.generator == "any4d":
            raise InvalidRequestError("generator is 'any4d' itself; name a method that generates views")


_FILES = {
    "save_to": "fit the scene with `anyview fit`; requests from elsewhere write no files",
    "generator_weights": "--option generator_weights=PATH of a command; requests from elsewhere name no files",
}
