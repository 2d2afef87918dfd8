"""What a user can ask of the small network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from anyview_ros.errors import InvalidRequestError
from anyview_ros.methods.anyview_small.config import PATCH
from anyview_ros.synthesis.option_checks import check_truths

SIDES = (32, 256)
"""Least and greatest longer side that the network can be asked to work at, pixels."""
SOLVERS = ("ab2", "euler")
"""Names of anyview_ros.diffusion.solvers, known without PyTorch."""


@dataclass(frozen=True)
class SmallOptions:
    """Options of the method ``anyview_small``.

    Attributes:
        use_depth: use the source's depth images where there are any; False shows what colour alone gives.
        sharp: take the candidates' colours from the source at its own resolution, so that only depth and mixture
            are as coarse as the network; False shows the network's own small picture, enlarged.
        depth_range_m: nearest and farthest depth of what the source camera sees, metres, where that is known but there
            is no depth image: the guess of depth is kept within.
        parts: where there is no depth image, read depth from four overlapping parts of the source besides the whole:
            better, in photographs most, for the time of encoding four more pictures for each source frame that is seen.
        one_depth: show each pixel from one depth, the median of its probabilities, and not the mean over all depths:
            where depth is guessed, things stay sharp, but may be bent and in a wrong place. For people who look; PSNR
            is lower. Views are made faster.
        side: longer side of the pictures that the network works on, 32 to 256 pixels, a multiple of 8; None for that
            of the weights.
        solver: of the sampling steps: "ab2" (second order) or "euler". Of no account with one step.

    Raises:
        InvalidRequestError: values of another type or out of range.
    """

    use_depth: bool = True
    sharp: bool = True
    depth_range_m: tuple[float, float] | None = None
    parts: bool = True
    one_depth: bool = False
    side: int | None = None
    solver: str = "ab2"

    def __post_init__(self) -> None:
        check_truths(self, "use_depth", "sharp", "parts", "one_depth")
        if self.depth_range_m is not None:
            object.__setattr__(self, "depth_range_m", _checked_range(self.depth_range_m))
        if self.side is not None and (
            type(self.side) is not int or not SIDES[0] <= self.side <= SIDES[1] or self.side % PATCH
        ):
            raise InvalidRequestError(
                f"side is {self.side!r}; give a multiple of {PATCH} from {SIDES[0]} to {SIDES[1]}, or leave it out"
            )
        if self.solver not in SOLVERS:
            raise InvalidRequestError(f"solver is {self.solver!r}; choose one of {', '.join(SOLVERS)}")


def _checked_range(given: Any) -> tuple[float, float]:
    try:
        near, far = (float(depth) for depth in given)
    except (TypeError, ValueError) as error:
        raise InvalidRequestError(
            f"depth_range_m is {given!r}; give two numbers, nearest and farthest depth in metres"
        ) from error
    if not 0 < near < far < math.inf:
        raise InvalidRequestError(f"depth_range_m is {given!r}; give 0 < nearest < farthest")
    return near, far
