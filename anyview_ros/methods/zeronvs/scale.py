"""The scale of a scene: what translations are divided by before the network is told of them.

A picture tells no metres: a near toy looks like a far house. ZeroNVS therefore measures translations in units of the
20th percentile of the source's depth. Here that is taken from a depth image, or guessed from where the cameras look, or
told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import check_rigid

Array = NDArray[np.float64]

PERCENTILE = 20.0
"""Of the depth of the source's pixels, as in the paper."""
OF_LOOK_AT_DISTANCE = 1.0
"""Scale over distance to the point looked at. In 300 filmed rooms the median is 1.02, the middle half 0.77 to 1.43."""

GUESSED = frozenset({"look-at", "assumed"})
"""Origins of scales that may be far off."""
NOT_NEEDED = "not needed"
"""Origin of the scale of cameras that only turn."""

_SAME_PLACE_M = 1e-4
_LEAST_TURN_DEG = 5.0
_NEAREST_M = 0.05
_FARTHEST_MISS = 0.5  # of the distance along the axis


@dataclass(frozen=True)
class Scale:
    """A scale, and where it comes from.

    Attributes:
        scale_m: metres.
        origin: "told", "depth", "not needed", "look-at" or "assumed".
        why: a sentence for people.
    """

    scale_m: float
    origin: str
    why: str


def scale_of_depth(depth_m: ArrayLike) -> float:
    """The 20th percentile of the known depths (> 0 and finite), metres; of any shape.

    Raises:
        InvalidInputError: no depth is known.
    """
    depth = np.asarray(depth_m, np.float64)
    known = depth[(depth > 0) & np.isfinite(depth)]
    if known.size == 0:
        raise InvalidInputError(
            "the depth image knows no depth at any pixel, so it tells no scale; give scale_m"
        )
    return float(np.percentile(known, PERCENTILE))


def propose_scale(
    source_to_world: ArrayLike,
    target_to_world: ArrayLike,
    *,
    depth_m: Sequence[ArrayLike] | NDArray[np.floating] | None = None,
    told_m: float | None = None,
    assumed_m: float | None = None,
    moves: bool = True,
) -> Scale:
    """Propose one scale for all frames of a video, from the best that is known.

    What is told goes before depth, depth before where the cameras look, that before what is assumed. Of several depth
    images the median of their scales is taken. The scale divides translations and nothing else, so that cameras which
    only turn need none: any gives the same views.

    Args:
        source_to_world: (N, 4, 4), metres, OpenCV axes.
        target_to_world: (M, 4, 4), all poses of all targets, in the same world.
        depth_m: (N, H, W), metres, 0 where unknown; or None.
        told_m: by the user.
        assumed_m: what to take if nothing else tells it.
        moves: whether a target stands elsewhere than the frame that it is drawn from; see :func:`stands_elsewhere`.

    Raises:
        InvalidInputError: nothing tells a scale, or one told or assumed is not positive and finite.
    """
    for name, value in (("scale_m", told_m), ("assumed_scale_m", assumed_m)):
        if value is not None and not 0 < value < np.inf:
            raise InvalidInputError(f"{name} is {value}; give a finite number of metres above 0")
    if told_m is not None:
        return Scale(float(told_m), "told", f"scale_m = {told_m:.3g} m was told")
    measured = [] if depth_m is None else [scale_of_depth(d) for d in depth_m if _knows_depth(d)]
    if measured:
        scale_m = float(np.median(measured))
        return Scale(
            scale_m, "depth", f"{scale_m:.3g} m is the 20th percentile of the depth of what the source sees"
        )
    if not moves:
        return Scale(1.0, NOT_NEEDED, "no scale is needed: the targets turn where the source stands")
    point = look_at_point(source_to_world, target_to_world)
    if point is not None:
        eyes = np.asarray(source_to_world, np.float64).reshape(-1, 4, 4)[:, :3, 3]
        distance = float(np.median(np.linalg.norm(point - eyes, axis=-1)))
        scale_m = OF_LOOK_AT_DISTANCE * distance
        return Scale(
            scale_m,
            "look-at",
            f"{scale_m:.3g} m is guessed: source and targets look at a point {distance:.3g} m from the source; give "
            "depth images or scale_m to do better",
        )
    if assumed_m is not None:
        return Scale(
            float(assumed_m),
            "assumed",
            f"{assumed_m:.3g} m is assumed: there is no depth, and the cameras look at no common point; cameras may "
            "seem to move too little or too far",
        )
    raise InvalidInputError(
        "nothing tells the scale of the scene: no depth image knows a depth, and source and targets look at no common "
        "point; give depth images, or option scale_m: the distance in metres of the nearer things that the source sees"
    )


def stands_elsewhere(source_to_world: ArrayLike, target_to_world: ArrayLike) -> bool:
    """Whether a camera stands more than a tenth of a millimetre from another; both (4, 4), metres."""
    source, target = np.asarray(source_to_world, np.float64), np.asarray(target_to_world, np.float64)
    return bool(np.linalg.norm(target[:3, 3] - source[:3, 3]) > _SAME_PLACE_M)


def _knows_depth(depth_m: ArrayLike) -> bool:
    depth = np.asarray(depth_m)
    return bool(((depth > 0) & np.isfinite(depth)).any())


def look_at_point(source_to_world: ArrayLike, target_to_world: ArrayLike) -> Array | None:
    """The point (3,) nearest to all optical axes, world; None where none lies in front of all cameras, near their axes.

    Nearer than 5 cm counts as none: the axes of a camera that turns about its own lens meet in the lens, or by rounding
    somewhat in front of it.

    Args:
        source_to_world: (N, 4, 4), metres, OpenCV axes.
        target_to_world: (M, 4, 4), in the same world.

    Raises:
        InvalidPoseError: a pose that is not a finite rigid transform.
    """
    sources = check_rigid(source_to_world, name="source_to_world").reshape(-1, 4, 4)
    targets = check_rigid(target_to_world, name="target_to_world").reshape(-1, 4, 4)
    poses = np.concatenate([sources, targets])
    eyes, ahead = poses[:, :3, 3], poses[:, :3, 2]
    turns = np.degrees(np.arccos(np.clip(ahead @ ahead.T, -1, 1)))
    if turns.max() < _LEAST_TURN_DEG:
        return None  # parallel axes meet nowhere that can be told
    across = np.eye(3) - ahead[:, :, None] * ahead[:, None, :]
    point = np.linalg.lstsq(across.sum(0), (across @ eyes[..., None]).sum(0)[:, 0], rcond=None)[0]
    along = ((point - eyes) * ahead).sum(-1)
    missed = np.linalg.norm(point - eyes - along[:, None] * ahead, axis=-1)
    if np.any(along < _NEAREST_M) or np.any(missed > _FARTHEST_MISS * along):
        return None
    return np.asarray(point)
