"""What a user can ask of look_beyond."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from anyview_ros.errors import InvalidRequestError
from anyview_ros.synthesis.option_checks import check_counts, check_numbers, check_truths

FUSIONS = ("spatial", "temporal")
"""How the noises of both keyframes are weighed: by the camera's pose, or by the number of the picture."""
MOVING = ("refuse", "newest", "each")
"""What becomes of a clip in which things move: an error, its newest picture, or each instant by its own picture."""
_MOST_PANORAMA_STEPS = 1000


@dataclass(frozen=True)
class LookBeyondOptions:
    """Options of the method ``look_beyond``.

    Attributes:
        panorama: draw the panorama first; False, the ablation, leaves keyframes with what the source shows alone.
        panorama_steps: sampling steps of the panorama; 1 gives what is expected, more draw one of many that could be.
        panorama_guidance: its classifier-free guidance; 1 for none.
        guidance: of the video, at the keyframe that a picture is drawn from and at the far end of the pass; 1 for none.
        fusion: "spatial", or "temporal", the ablation.
        rotation_temperature_deg, translation_temperature_m: tau_q and tau_T of the spatial weights; None:
            ``temperature_share`` of what the keyframes of each pass are apart.
        temperature_share: see there.
        keyframe_angle_deg, keyframe_distance_m: most that neighbouring keyframes are apart.
        max_passes: most passes of one path; each takes all the steps.
        moving: "refuse": a clip whose camera stands while the picture changes is an error; "newest": its newest picture
            stands for all; "each": every view is made of the picture of its own instant.
        sharp: take what the source shows from its own picture, at its own resolution; False gives the video as it is.
        use_depth: use the source's depth images where there are any.

    Raises:
        InvalidRequestError: a value of another type or out of range.
    """

    panorama: bool = True
    panorama_steps: int = 1
    panorama_guidance: float = 1.0
    guidance: tuple[float, float] = (1.0, 1.0)
    fusion: str = "spatial"
    rotation_temperature_deg: float | None = None
    translation_temperature_m: float | None = None
    temperature_share: float = 0.5
    keyframe_angle_deg: float = 30.0
    keyframe_distance_m: float = 0.5
    max_passes: int = 24
    moving: str = "refuse"
    sharp: bool = True
    use_depth: bool = True

    def __post_init__(self) -> None:
        check_truths(self, "panorama", "sharp", "use_depth")
        check_counts(self, 1, "panorama_steps", "max_passes")
        if self.panorama_steps > _MOST_PANORAMA_STEPS:
            raise InvalidRequestError(
                f"panorama_steps is {self.panorama_steps}; give 1 to {_MOST_PANORAMA_STEPS}"
            )
        check_numbers(
            self, "panorama_guidance", "temperature_share", "keyframe_angle_deg", "keyframe_distance_m"
        )
        for name in ("rotation_temperature_deg", "translation_temperature_m"):
            if getattr(self, name) is not None:
                check_numbers(self, name)
        for name, choices in (("fusion", FUSIONS), ("moving", MOVING)):
            if getattr(self, name) not in choices:
                raise InvalidRequestError(
                    f"{name} is {getattr(self, name)!r}; choose one of {', '.join(choices)}"
                )
        object.__setattr__(self, "guidance", _pair(self.guidance))


def _pair(given: Any) -> tuple[float, float]:
    try:
        near, far = (float(scale) for scale in given)
    except (TypeError, ValueError) as error:
        raise InvalidRequestError(
            f"guidance is {given!r}; give two numbers, at the keyframe and far from it, such as (1.0, 3.0)"
        ) from error
    if not (0 <= near < math.inf and 0 <= far < math.inf):
        raise InvalidRequestError(f"guidance is {given!r}; give two numbers, 0 or more")
    return near, far
