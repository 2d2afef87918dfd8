"""What a run is asked to do: everything that its result depends on, besides the input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from anyview_ros.errors import InvalidInputError

FORMATS = ("bag", "lerobot", "episodes")
MODES = ("add-camera", "append-episode")
CODECS = ("raw", "jpeg", "png")

Format = Literal["bag", "lerobot", "episodes"]
Mode = Literal["add-camera", "append-episode"]
Codec = Literal["raw", "jpeg", "png"]


@dataclass(frozen=True)
class GuardSettings:
    """When a view is good enough to be kept; None leaves a measure unjudged (it is still told).

    Attributes:
        min_coverage: least mean share of pixels that the source shows, 0 to 1.
        min_confidence: least mean confidence, 0 to 1.
        min_sharpness: least sharpness, as a share of the source's.
        max_flicker: most change from frame to frame that the source does not show, grey levels of 255.
        max_inconsistency: most difference from the source where known geometry shows the same surface, grey levels.
        max_lpips: most LPIPS distance to the source's own frame (VISTA's guard); needs ``lpips_weights``.
        lpips_weights: file or folder of the network's weights.
        attempts: draws in all before a view is left out.
    """

    min_coverage: float | None = 0.3
    min_confidence: float | None = None
    min_sharpness: float | None = None
    max_flicker: float | None = None
    max_inconsistency: float | None = None
    max_lpips: float | None = None
    lpips_weights: str = ""
    attempts: int = 3

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise InvalidInputError(f"attempts is {self.attempts}; give 1 or more")
        for name in ("min_coverage", "min_confidence"):
            value = getattr(self, name)
            if value is not None and not 0 <= value <= 1:
                raise InvalidInputError(f"{name} is {value}; give a share from 0 to 1, or none")
        if self.max_lpips is not None and not self.lpips_weights:
            raise InvalidInputError(
                "max_lpips needs the network's weights; give lpips_weights, or leave it out"
            )


@dataclass(frozen=True)
class AugmentSettings:
    """What a run is asked to do.

    Attributes:
        views: preset names with their arguments, or paths of view files (see ``view_plans``).
        format: of the output.
        mode: whether views are cameras added to an episode, or take the source camera's place in a copy of it.
        camera: name of the source camera; "" takes the episode's best.
        method, steps, options, weights: as in SynthesisRequest and load_synthesizer; options by name, as text.
        samples: views drawn of each sampler and episode.
        seed: of all draws and of the synthesis.
        size: (width, height) of the views; None for the source's.
        longest_window: frames given to the method at once, at most.
        overlap: frames that consecutive windows share and are blended over.
        codec: how a bag's added pictures are stored.
        confidence: whether the confidence is written beside each view.
        guard: when a view is kept.
        source_options: what a format's reader wants to know (calibration, topics of state and action…), by name.
    """

    views: tuple[str, ...]
    format: Format = "bag"
    mode: Mode = "add-camera"
    camera: str = ""
    method: str = ""
    steps: int | None = None
    options: tuple[str, ...] = ()
    weights: str = ""
    samples: int = 1
    seed: int = 0
    size: tuple[int, int] | None = None
    longest_window: int = 48
    overlap: int = 8
    codec: Codec = "raw"
    confidence: bool = False
    guard: GuardSettings = GuardSettings()
    source_options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value, known in (
            ("format", self.format, FORMATS),
            ("mode", self.mode, MODES),
            ("codec", self.codec, CODECS),
        ):
            if value not in known:
                raise InvalidInputError(f"{name} is {value!r}; choose one of {', '.join(known)}")
        for name in ("samples", "longest_window"):
            if getattr(self, name) < 1:
                raise InvalidInputError(f"{name} is {getattr(self, name)}; give 1 or more")
        for name in ("seed", "overlap"):
            if getattr(self, name) < 0:
                raise InvalidInputError(f"{name} is {getattr(self, name)}; give 0 or more")
        if not self.views:
            raise InvalidInputError("no views are asked for; name a preset such as vista_small")

    def as_json(self) -> dict[str, Any]:
        """Plain values, for records and for the key of a job."""
        return {**asdict(self), "source_options": dict(self.source_options)}
