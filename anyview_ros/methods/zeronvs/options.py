"""What a user can ask of ZeroNVS."""

from __future__ import annotations

from dataclasses import dataclass

from anyview_ros.errors import InvalidRequestError
from anyview_ros.methods.zeronvs.conditioning import MODES
from anyview_ros.synthesis.option_checks import is_number


@dataclass(frozen=True)
class ZeroOptions:
    """Options of the method ``zeronvs``.

    Attributes:
        scale_m: what translations are measured in, metres: about the distance of the nearer things that the source
            sees. None takes it from the first frame's depth image, or else guesses it from where the cameras look, with
            a warning in the log.
        assumed_scale_m: taken where nothing else tells the scale, with a warning in the log; None refuses then.
        guidance: how strongly picture and pose count: 1 is as trained, more is bolder and less varied, 0 ignores both.
            None: what suits the weights.
        eta: noise of the sampling steps, 0 (none but at the start) to 1.
        mode: how poses are told; None for what the weights were trained with, which is the only one that they know.

    Raises:
        InvalidRequestError: values of another type or out of range.
    """

    scale_m: float | None = None
    assumed_scale_m: float | None = None
    guidance: float | None = None
    eta: float = 1.0
    mode: str | None = None

    def __post_init__(self) -> None:
        for name in ("scale_m", "assumed_scale_m"):
            value = getattr(self, name)
            if value is not None and not (is_number(value) and value > 0):
                raise InvalidRequestError(f"{name} is {value!r}; give metres above 0, or leave it out")
        if self.guidance is not None and not (is_number(self.guidance) and 0 <= self.guidance <= 50):
            raise InvalidRequestError(f"guidance is {self.guidance!r}; give 0 to 50, or leave it out")
        if not (is_number(self.eta) and 0 <= self.eta <= 1):
            raise InvalidRequestError(f"eta is {self.eta!r}; give 0 to 1")
        if self.mode is not None and self.mode not in tuple(MODES):
            raise InvalidRequestError(
                f"mode is {self.mode!r}; choose one of {', '.join(MODES)}, or leave it out"
            )
