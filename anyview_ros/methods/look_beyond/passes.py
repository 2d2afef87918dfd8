"""A long path as passes between keyframes, each of as many pictures as the denoiser draws at once."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError, InvalidRequestError
from anyview_ros.geometry import RigidTransform, relative
from anyview_ros.geometry.rigid import rotation_angle_deg

Array = NDArray[np.float64]

_SAME_PLACE_M, _SAME_ANGLE_DEG = 1e-5, 1e-3
_ROUNDING = 1e-9  # of what keyframes may be apart


@dataclass(frozen=True)
class Spacing:
    """How far neighbouring keyframes may be from each other.

    Attributes:
        angle_deg: most that the camera turns.
        distance_m: most that it moves.
        max_passes: most passes of a path.

    Raises:
        InvalidInputError: a number that is not positive.
    """

    angle_deg: float = 30.0
    distance_m: float = 0.5
    max_passes: int = 24

    def __post_init__(self) -> None:
        for name in ("angle_deg", "distance_m", "max_passes"):
            if not getattr(self, name) > 0:
                raise InvalidInputError(f"{name} is {getattr(self, name)}; give a positive number")

    def parts(self, a: Array, b: Array) -> float:
        """How often the way from pose a to pose b (4, 4) fills what keyframes may be apart; above 1 is too far."""
        angle, distance = _apart(a, b)
        return max(angle / self.angle_deg, distance / self.distance_m)


@dataclass(frozen=True, eq=False)
class PlannedPass:
    """The poses of a pass: two keyframes, and all between them.

    Attributes:
        camera_to_world: float64 (F, 4, 4).
        shows: for each asked-for pose of this pass, its number on the path and which of the F poses it is.
    """

    camera_to_world: Array
    shows: tuple[tuple[int, int], ...]


def plan_passes(start: Array, camera_to_world: Array, frames: int, spacing: Spacing) -> list[PlannedPass]:
    """Lay a path out as passes.

    Args:
        start: (4, 4), where the path begins: the source camera.
        camera_to_world: (N, 4, 4), the poses asked for, in the order of the path.
        frames: F, of every pass, 2 or more; places that no pose needs are filled by poses in between.
        spacing: of the keyframes.

    Returns:
        passes, the last keyframe of each being the first of the next; none if nobody leaves ``start``.

    Raises:
        InvalidRequestError: more passes than allowed.
    """
    stops, stop_of = _stops(start, camera_to_world)
    parts = [_keyframe_ways(a, b, spacing) for a, b in pairwise(stops)]
    least = -(-sum(parts) // (frames - 1))  # if every pass were full
    _check_passes(least, stops, spacing, "at least ")  # before a path without end is laid out
    way, kept = _with_keyframes_between(stops, parts)
    keys = _chosen(way, frames, spacing)
    _check_passes(len(keys) - 1, stops, spacing)
    numbers: dict[int, list[int]] = {}  # place on the way -> numbers of the poses asked for
    for number, stop in enumerate(stop_of):
        numbers.setdefault(kept[stop], []).append(number)
    return [_planned(way, first, last, frames, numbers, spacing) for first, last in pairwise(keys)]


def _stops(start: Array, poses: Array) -> tuple[list[Array], list[int]]:
    """The path from the start without standing still, and where each pose is on it."""
    stops, stop_of = [start], []
    for pose in poses:
        angle, distance = _apart(stops[-1], pose)
        if angle > _SAME_ANGLE_DEG or distance > _SAME_PLACE_M:
            stops.append(pose)
        stop_of.append(len(stops) - 1)
    return stops, stop_of


def _keyframe_ways(a: Array, b: Array, spacing: Spacing) -> int:
    """In how many ways between keyframes one leads from a to b."""
    return max(int(np.ceil(spacing.parts(a, b) - _ROUNDING)), 1)


def _check_passes(count: int, stops: list[Array], spacing: Spacing, about: str = "") -> None:
    if count <= spacing.max_passes:
        return
    turned, moved = np.sum([_apart(a, b) for a, b in pairwise(stops)], axis=0)
    raise InvalidRequestError(
        f"the path turns {turned:.0f} degrees and goes {moved:.2f} m from the source to its end, which is "
        f"{about}{count} passes between keyframes but max_passes is {spacing.max_passes}; ask for a shorter path or "
        "for its parts one by one, or raise the options max_passes, keyframe_angle_deg or keyframe_distance_m"
    )


def _with_keyframes_between(stops: list[Array], ways: list[int]) -> tuple[list[Array], list[int]]:
    """The path with poses added where two stops are too far apart, and where each stop is on it."""
    way, kept = [stops[0]], [0]
    for (before, after), parts in zip(pairwise(stops), ways, strict=True):
        way += [between(before, after, part / parts) for part in range(1, parts)]
        way.append(after)
        kept.append(len(way) - 1)
    return way, kept


def _chosen(way: list[Array], frames: int, spacing: Spacing) -> list[int]:
    """Which places of the way are keyframes: the ends, and as few between as the spacing and the frames allow."""
    keys = [0]
    for place in range(1, len(way)):
        after = range(keys[-1] + 2, place + 1)  # the next place is near enough, but for rounding
        too_far = any(spacing.parts(way[keys[-1]], way[p]) > 1 + _ROUNDING for p in after)
        if too_far or place - keys[-1] > frames - 1:
            keys.append(place - 1)
    if len(way) > 1:
        keys.append(len(way) - 1)
    return keys


def _planned(
    way: list[Array], first: int, last: int, frames: int, numbers: dict[int, list[int]], spacing: Spacing
) -> PlannedPass:
    poses = [(way[place], place) for place in range(first, last + 1)]
    while len(poses) < frames:
        steps = [spacing.parts(a, b) for (a, _), (b, _) in pairwise(poses)]
        widest = int(np.argmax(steps))
        middle = between(poses[widest][0], poses[widest + 1][0], 0.5)
        poses.insert(widest + 1, (middle, -1))
    shows = tuple(
        (number, index) for index, (_, place) in enumerate(poses) for number in numbers.get(place, [])
    )
    return PlannedPass(np.stack([pose for pose, _ in poses]), shows)


def between(a: Array, b: Array, share: float) -> Array:
    """The pose (4, 4) that lies ``share`` of the way from a to b: shortest turn, straight move."""
    return RigidTransform(a).interpolate(RigidTransform(b), share).matrix


def _apart(a: Array, b: Array) -> tuple[float, float]:
    """How far b is turned from a, degrees, and moved, metres."""
    return float(rotation_angle_deg(relative(a, b))), float(np.linalg.norm(b[:3, 3] - a[:3, 3]))
