"""What a user can ask of AnyView."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anyview_ros.diffusion.solvers import SOLVERS
from anyview_ros.errors import InvalidRequestError
from anyview_ros.methods.anyview.sizes import MULTIPLE, Size
from anyview_ros.synthesis.option_checks import check_truths, is_number, is_whole

DEFAULT_STEPS = 35
FAST_STEPS = 12
"""Solver steps for robots in a hurry: a third of the time."""

CLIP_FRAMES = (13, 41)
"""Fewest and most frames that the model was trained on."""

FRAMES_PER_LATENT = 4
"""Clips have 1 + 4 k frames: the autoencoder makes one latent frame of the first, and of each four after it."""

SCALES = {"robotics": 1 / 8, "ego": 1 / 8, "metric": 1 / 8, "driving": 1 / 16, "kubric": 1 / 32}
"""Units of moment per metre, by the domain of the data that the model was trained on."""

_MOST_SAMPLES = 16


@dataclass(frozen=True)
class AnyViewOptions:
    """Options of the method ``anyview``.

    Attributes:
        domain: what the scene is like: one of SCALES. This or ``scale`` must be given.
        scale: units of moment per metre instead; moments beyond 1 are clamped, so that 1/8 reaches 8 m.
        sampler: "ab2" (second order) or "euler".
        source_size, target_size: (width, height) at which the network works, multiples of 16; None for the
            release's rule.
        resize_to_target: whether views come at the size of the target's camera; otherwise at the network's,
            with the intrinsics to match.
        samples: views drawn per target, with seeds ``seed``, ``seed + 1``, …; the first is returned. From two
            on, confidence says how far they agree.
        attention_backend: of diffusers, such as "native", "_native_cudnn" or "flash".

    Raises:
        InvalidRequestError: a value out of range, or both a domain and a scale.
    """

    domain: str | None = None
    scale: float | None = None
    sampler: str = "ab2"
    source_size: Size | None = None
    target_size: Size | None = None
    resize_to_target: bool = True
    samples: int = 1
    attention_backend: str = "native"

    def __post_init__(self) -> None:
        if self.domain is not None and self.scale is not None:
            raise InvalidRequestError(
                f"domain is '{self.domain}' and scale is {self.scale}; give one of them"
            )
        if self.domain is not None and self.domain not in tuple(SCALES):
            raise InvalidRequestError(
                f"domain is {self.domain!r}; choose one of {', '.join(SCALES)}, or give scale "
                "(units of moment per metre)"
            )
        if self.scale is not None and not (is_number(self.scale) and self.scale > 0):
            raise InvalidRequestError(f"scale is {self.scale!r}; give a positive number, such as 0.125")
        if self.sampler not in tuple(SOLVERS):
            raise InvalidRequestError(f"sampler is {self.sampler!r}; choose one of {', '.join(SOLVERS)}")
        for name in ("source_size", "target_size"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _check_size(name, getattr(self, name)))
        check_truths(self, "resize_to_target")
        if not (is_whole(self.samples) and 1 <= self.samples <= _MOST_SAMPLES):
            raise InvalidRequestError(f"samples is {self.samples!r}; give 1 to {_MOST_SAMPLES}")

    def moment_scale(self) -> float:
        """Units of moment per metre.

        Raises:
            InvalidRequestError: neither a domain nor a scale was given.
        """
        if self.scale is not None:
            return float(self.scale)
        if self.domain is not None:
            return SCALES[self.domain]
        raise InvalidRequestError(
            "the scale of the scene is unknown and method 'anyview' does not guess it; give option domain "
            f"({', '.join(SCALES)}) or scale (units of moment per metre: 0.125 for data in metres within 8 m)"
        )


def _check_size(name: str, value: Sequence[int]) -> Size:
    if (
        not isinstance(value, Sequence)
        or len(value) != 2
        or not all(is_whole(side) and side > 0 and side % MULTIPLE == 0 for side in value)
    ):
        raise InvalidRequestError(
            f"{name} is {value!r}; give (width, height), both multiples of {MULTIPLE}, or leave it out"
        )
    return value[0], value[1]
