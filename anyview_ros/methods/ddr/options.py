"""What a user can ask of DDR: how a scene is fitted, and how it is refined live."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from anyview_ros.errors import InvalidRequestError
from anyview_ros.synthesis.option_checks import check_counts, check_numbers, check_truths

DepthLoss = Literal["ddr", "plain", "closed", "none"]
DepthKind = Literal["metric", "monocular", "monocular_inverse"]
SpaceKind = Literal["auto", "frustum", "box"]


@dataclass(frozen=True)
class DdrOptions:
    """Options of the method ``ddr``, for ``anyview fit``, for requests and for streams.

    Attributes:
        fit_steps: optimisation steps of a request without a scene; a fit's budget comes before it.
        fit_seconds: wall time of that fit; None for no limit.
        rays: rays per step.
        samples: intervals per ray in a step; a third of them evenly spread, the rest where the weights are.
        depth_loss: "ddr": mean |D_s - D| of depths drawn from the rendering weights; "closed": its closed form
            sum w|t - D|; "plain": |sum w t - D|; "none".
        temperature: of the Gumbel-softmax that draws.
        draws: depths drawn per ray.
        depth_weight: of the depth loss, which is measured in parts of D.
        before_surface_weight: of the optical thickness before the surface; 0 for none.
        before_surface_margin: how far before the surface it ends, in parts of the depth.
        refine_poses: learn an offset of every camera pose but the first.
        refine_focal: learn one factor of the focal lengths per clip.
        depth_kind: "metric": the clips' depth is metres; "monocular": it is an estimate known up to a scale and a
            shift per frame, which are solved for; "monocular_inverse": it is such an estimate of one over the depth.
        depth_range_m: nearest and farthest depth, metres; None to find it from the depth, or from tracked points.
        start_from_depth: begin with surfaces where the depth has them, rather than with fog.
        static_scene: nothing moves but the camera; leaves out all that changes with time.
        space: where the field lives. "frustum": before the first camera, finer where it looks, for cameras that
            hardly move; "box": an upright box around all that is seen; "auto" chooses.
        voxels: most cells of the finest grid.
        features: channels of the planes that change with time.
        instants: most places of the time axis; more frames share them.
        memory_mb: a stream's keyframes and its field's tensors may take so much memory.
        refine_ms: time for optimisation per pushed frame of a stream.
        steps_per_frame: optimisation steps per pushed frame, done before the view is rendered, in place of
            ``refine_ms``, so that streams can be repeated exactly; None for ``refine_ms``.

    Raises:
        InvalidRequestError: a value that makes no sense.
    """

    fit_steps: int = 800
    fit_seconds: float | None = None
    rays: int = 512
    samples: int = 48
    depth_loss: DepthLoss = "ddr"
    temperature: float = 0.5
    draws: int = 8
    depth_weight: float = 0.1
    before_surface_weight: float = 0.01
    before_surface_margin: float = 0.05
    refine_poses: bool = False
    refine_focal: bool = False
    depth_kind: DepthKind = "metric"
    depth_range_m: tuple[float, float] | None = None
    start_from_depth: bool = True
    static_scene: bool = False
    space: SpaceKind = "auto"
    voxels: int = 500_000
    features: int = 16
    instants: int = 64
    memory_mb: float = 256.0
    refine_ms: float = 100.0
    steps_per_frame: int | None = None

    def __post_init__(self) -> None:
        for name, allowed in (("depth_loss", DepthLoss), ("depth_kind", DepthKind), ("space", SpaceKind)):
            if getattr(self, name) not in get_args(allowed):
                raise InvalidRequestError(
                    f"{name} is {getattr(self, name)!r}; give one of {', '.join(get_args(allowed))}"
                )
        for name, least in _WHOLE.items():
            check_counts(self, least, name)
        if self.steps_per_frame is not None:
            check_counts(self, 0, "steps_per_frame")
        check_numbers(
            self, "depth_weight", "before_surface_weight", "before_surface_margin", "refine_ms", zero=True
        )
        check_numbers(self, "temperature", "memory_mb")
        if self.fit_seconds is not None:
            check_numbers(self, "fit_seconds")
        check_truths(self, "refine_poses", "refine_focal", "start_from_depth", "static_scene")
        if self.depth_range_m is not None:
            object.__setattr__(self, "depth_range_m", _depth_range(self.depth_range_m))


_WHOLE = {
    "fit_steps": 1,
    "rays": 1,
    "samples": 4,
    "draws": 1,
    "voxels": 1000,
    "features": 1,
    "instants": 1,
}


def _depth_range(value: object) -> tuple[float, float]:
    try:
        near, far = (float(one) for one in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise InvalidRequestError(
            f"depth_range_m is {value!r}; give the nearest and the farthest depth"
        ) from error
    if not 0 < near < far < math.inf:
        raise InvalidRequestError(f"depth_range_m is {value!r}; give 0 < nearest < farthest, metres")
    return near, far
