"""What a user can ask of a distillation."""

from __future__ import annotations

import math
from dataclasses import dataclass

from anyview_ros.errors import InvalidRequestError
from anyview_ros.synthesis.option_checks import check_counts, is_number


@dataclass(frozen=True)
class DistillOptions:
    """Options of ``anyview fit --method zeronvs``.

    Attributes:
        weights: path of the denoiser's weights, of ours or of the published model as converted; None for those shipped.
        frame: which frame of the clip is the input; the others are not used.
        fit_steps: optimisation steps; the budget of the fit comes before it.
        anchors: views drawn around the scene before the fit; 0 for plain score distillation.
        anchor_steps: DDIM steps of an anchor; None: what suits the weights, 500 for the published ones as in the paper.
        anchor_guidance: classifier-free guidance of an anchor; None: what suits the weights, 3 for the published ones.
        guidance: classifier-free guidance of the distillation, 7.5 to 9.5 in the paper.
        scale_m: what translations are divided by, metres; None takes the 20th percentile of the input's depth, or the
            distance looked at.
        look_at_m: distance of the point that the cameras go around; None takes the median depth around the picture's
            middle, or else ``scale_m``.
        up: axis that the cameras go around.
        azimuth_deg: range of the drawn cameras, from the input camera's azimuth.
        elevation_deg: their range, above the plane through the point looked at.
        distance: their range, in parts of ``look_at_m``.
        widening: share of the fit over which these ranges open up from the input camera.
        views: drawn per step.
        render_side: pixels of a rendered picture's edge; None: as the denoiser's, 128 at most.
        rays: of the input picture, drawn per step.
        samples: intervals per ray and pass.
        rgb_weight, depth_weight, sds_weight, roughness_weight: of the parts of the loss: squared difference to the
            input's colours, error of its depth in parts of it, score distillation per latent, and unevenness.
        extent_m: half the edge of the box that the field fills, around the point looked at; None finds it from the
            depth, or takes twice ``look_at_m``.
        voxels: most cells of the finest grid.

    Raises:
        InvalidRequestError: a value that makes no sense.
    """

    weights: str | None = None
    frame: int = 0
    fit_steps: int = 4000
    anchors: int = 3
    anchor_steps: int | None = None
    anchor_guidance: float | None = None
    guidance: float = 7.5
    scale_m: float | None = None
    look_at_m: float | None = None
    up: tuple[float, float, float] = (0.0, 0.0, 1.0)
    azimuth_deg: tuple[float, float] = (-180.0, 180.0)
    elevation_deg: tuple[float, float] = (5.0, 80.0)
    distance: tuple[float, float] = (0.8, 1.8)
    widening: float = 0.25
    views: int = 1
    render_side: int | None = None
    rays: int = 1024
    samples: int = 48
    rgb_weight: float = 1.0
    depth_weight: float = 0.1
    sds_weight: float = 0.25
    roughness_weight: float = 1e-3
    extent_m: float | None = None
    voxels: int = 500_000

    def __post_init__(self) -> None:
        for name, least in _WHOLE.items():
            value = getattr(self, name)
            if value is None and name in {"render_side", "anchor_steps"}:
                continue
            check_counts(self, least, name)
        self._check_number("guidance", 0, 100)
        if self.anchor_guidance is not None:
            self._check_number("anchor_guidance", 0, 100)
        for name in ("rgb_weight", "depth_weight", "sds_weight", "roughness_weight"):
            self._check_number(name, 0, math.inf)
        self._check_number("widening", 0, 1)
        for name in ("scale_m", "look_at_m", "extent_m"):
            if getattr(self, name) is not None:
                self._check_number(name, 1e-6, math.inf)
        self._check_range("azimuth_deg", -360, 360)
        self._check_range("elevation_deg", -89, 89)
        self._check_range("distance", 1e-3, math.inf)
        up = _numbers("up", self.up, 3)
        if not any(up):
            raise InvalidRequestError("up is 0, 0, 0; give the direction that is upwards")
        object.__setattr__(self, "up", up)

    def _check_number(self, name: str, least: float, most: float) -> None:
        value = getattr(self, name)
        if not is_number(value) or not least <= value <= most:
            raise InvalidRequestError(f"{name} is {value!r}; give a number from {least:g} to {most:g}")

    def _check_range(self, name: str, least: float, most: float) -> None:
        low, high = _numbers(name, getattr(self, name), 2)
        if not least <= low <= high <= most:
            raise InvalidRequestError(
                f"{name} is {low:g} to {high:g}; give a lower and an upper bound from {least:g} to {most:g}"
            )
        object.__setattr__(self, name, (low, high))


_WHOLE = {
    "frame": 0,
    "fit_steps": 1,
    "anchors": 0,
    "anchor_steps": 1,
    "views": 1,
    "render_side": 4,
    "rays": 1,
    "samples": 4,
    "voxels": 1000,
}


def _numbers(name: str, value: object, count: int) -> tuple[float, ...]:
    try:
        numbers = tuple(float(one) for one in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise InvalidRequestError(f"{name} is {value!r}; give {count} numbers") from error
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise InvalidRequestError(f"{name} is {value!r}; give {count} finite numbers")
    return numbers
