"""Which points move together, and how: clusters of tracks and the rigid motion of each."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.geometry import invert_rigid
from anyview_ros.rendering.se3 import se3_log

Float = NDArray[np.float64]

_FEWEST = 6  # points that tell a shift
_FEWEST_TURN = 12  # points that tell a turn
_ITERATIONS = 20
_FLOW_PX = 0.6  # how far flow is off
_DEPTH_PART = 0.012  # how far depth is off, as part of itself


@dataclass(frozen=True, eq=False)
class Segments:
    """Points grouped by motion.

    Attributes:
        label: int (Q,), the group of each point; 0 stands still.
        motion: (C, T, 4, 4), world: where each group went since the reference instant; group 0 nowhere.
        count: (C,), points of each group.
    """

    label: NDArray[np.int64]
    motion: Float
    count: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Noise:
    """How far points (Q,) that stand still may seem to move.

    Attributes:
        across_m: (Q,), across the line of sight, metres.
        along_m: (Q,), along it.
        sight: (Q, 3), the line of sight, unit vectors, world.
    """

    across_m: Float
    along_m: Float
    sight: Float

    @classmethod
    def of(cls, points: Float, camera_to_world: Float, focal: float) -> Noise:
        """That of flow and depth images for points (Q, 3) seen from poses (Q, 4, 4) or (4, 4)."""
        ray = points - camera_to_world[..., :3, 3]
        away = np.linalg.norm(ray, axis=1)
        across = np.maximum(away * _FLOW_PX / focal, 1e-6)
        along = across + away * _DEPTH_PART
        return cls(across, along, ray / np.maximum(away, 1e-9)[:, None])


def segment(
    points: Float,
    known: NDArray[np.bool_],
    noise: Noise,
    reference: int,
    *,
    most: int,
    seed: int,
) -> Segments:
    """Group points by how they move.

    Args:
        points: (Q, T, 3), world, metres.
        known: bool (Q, T), where a point was seen.
        noise: how far a point that stands still may seem to move.
        reference: the frame from which motion is counted.
        most: most groups that move.
        seed: of the clustering.
    """
    label = np.zeros(len(points), np.int64)
    moving = np.nonzero(_extent(points, known, noise) > noise.across_m)[0]
    if len(moving) >= _FEWEST:
        label[moving] = 1 + _grouped(points[moving], known[moving], most, seed)
    groups = int(label.max(initial=0)) + 1
    motion = np.broadcast_to(np.eye(4), (groups, points.shape[1], 4, 4)).copy()
    for group in range(1, groups):
        of = label == group
        motion[group] = _chained(points[of], known[of], noise.across_m[of], reference)
    return Segments(label, motion, np.bincount(label, minlength=groups))


def motion_twists(motion: Float, centre: Float, scale: float) -> Float:
    """Motions (C, T, 4, 4) as twists (C, T, 6) about ``centre`` in units of ``scale``."""
    rotation = torch.from_numpy(motion[..., :3, :3].copy())
    shift = motion[..., :3, 3] + motion[..., :3, :3] @ centre - centre
    return np.asarray(se3_log(rotation, torch.from_numpy(shift / scale)).numpy())


def rigid_between(before: Float, after: Float, *, turns: bool) -> Float:
    """The rigid motion (4, 4) that takes points (M, 3) nearest to others (Kabsch), without a turn where asked."""
    middle, there = before.mean(0), after.mean(0)
    found = np.eye(4)
    if turns:
        u, _, vt = np.linalg.svd((after - there).T @ (before - middle))
        found[:3, :3] = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    found[:3, 3] = there - found[:3, :3] @ middle
    return found


def beside(hidden: Float, seen: Float, label: NDArray[np.int64]) -> NDArray[np.int64]:
    """The group of the nearest seen point for hidden points near something that moves; 0 for others."""
    found = np.zeros(len(hidden), np.int64)
    moving = seen[label > 0]
    if len(moving) == 0 or len(hidden) == 0:
        return found
    low, high = moving.min(0), moving.max(0)
    margin = 0.1 * (high - low).max()
    near = np.nonzero(((hidden > low - margin) & (hidden < high + margin)).all(1))[0]
    if len(near) == 0:
        return found
    within = ((seen > low - 2 * margin) & (seen < high + 2 * margin)).all(1)
    others, labels = seen[within], label[within]
    apart = torch.cdist(torch.from_numpy(hidden[near]), torch.from_numpy(others))
    found[near] = labels[apart.argmin(1).numpy()]
    return found


def _extent(points: Float, known: NDArray[np.bool_], noise: Noise) -> Float:
    """How far each point gets from its median place: the second largest distance, so that one slip does not count.

    What lies along the line of sight counts less, as depth is noisier.
    """
    hidden = np.where(known[..., None], points, np.nan)
    enough = known.sum(1) >= 2
    middle = np.zeros((len(points), 3))
    middle[enough] = np.nanmedian(hidden[enough], axis=1)
    offset = points - middle[:, None]
    along = np.einsum("qti,qi->qt", offset, noise.sight)
    less = (1 - noise.across_m / noise.along_m)[:, None] * along
    away = np.where(known, np.linalg.norm(offset - less[..., None] * noise.sight[:, None], axis=2), 0.0)
    sorted_away = np.sort(away, axis=1)
    return np.where(enough, sorted_away[:, -min(2, away.shape[1])], 0.0)


def _grouped(points: Float, known: NDArray[np.bool_], most: int, seed: int) -> NDArray[np.int64]:
    """K-means of place and velocity; unknown velocities count as none."""
    both = (known[:, 1:] & known[:, :-1])[..., None]
    velocity = np.where(both, np.diff(points, axis=1), 0.0)
    weights = known[..., None] / known.sum(1)[:, None, None]
    place = (points * weights).sum(1)
    spread = max(float(np.sqrt(place.var(0).sum())), 1e-6)
    speed = max(float(np.sqrt(np.square(velocity).sum((1, 2)).mean())), 1e-9)
    features = np.concatenate([place / spread, velocity.reshape(len(points), -1) / speed * 1.5], 1)
    groups = int(np.clip(len(points) // 40, 1, most))
    if groups == 1:
        return np.zeros(len(points), np.int64)
    cv2.setRNGSeed(seed % 2**31)  # OpenCV takes an int of C
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, _ITERATIONS, 1e-4)
    _, labels, _ = cv2.kmeans(
        features.astype(np.float32), groups, np.empty(0), criteria, 2, cv2.KMEANS_PP_CENTERS
    )
    return np.asarray(labels, np.int64)[:, 0]


def _chained(points: Float, known: NDArray[np.bool_], noise_m: Float, reference: int) -> Float:
    """Motion (T, 4, 4) since the reference, from frame to frame; where too few points are seen it goes on as before."""
    count = points.shape[1]
    steps: list[Float | None] = [
        _between(points[:, t], points[:, t + 1], known[:, t] & known[:, t + 1], noise_m)
        for t in range(count - 1)
    ]
    filled = _filled(steps)
    motion = np.broadcast_to(np.eye(4), (count, 4, 4)).copy()
    for t in range(reference, count - 1):
        motion[t + 1] = filled[t] @ motion[t]
    for t in range(reference, 0, -1):
        motion[t - 1] = invert_rigid(filled[t - 1]) @ motion[t]
    return motion


def _between(before: Float, after: Float, both: NDArray[np.bool_], noise_m: Float) -> Float | None:
    if both.sum() < _FEWEST:
        return None
    a, b = before[both], after[both]
    size = float(np.sqrt(np.square(a - a.mean(0)).sum(1).mean()))
    noise = float(np.median(noise_m[both]))
    shifted = b - a - (b - a).mean(0)
    turns = len(a) >= _FEWEST_TURN and size > 2 * noise
    turns &= float(np.sqrt(np.square(shifted).sum(1).mean())) > noise  # else a shift explains all
    found = rigid_between(a, b, turns=turns)
    away = np.linalg.norm(a @ found[:3, :3].T + found[:3, 3] - b, axis=1)
    good = away <= 2.5 * np.median(away) + 1e-9
    if good.sum() >= _FEWEST:
        found = rigid_between(a[good], b[good], turns=turns)
    return found


def _filled(steps: list[Float | None]) -> list[Float]:
    known = [t for t, step in enumerate(steps) if step is not None]
    if not known:
        return [np.eye(4) for _ in steps]
    nearest = [min(known, key=lambda k: abs(k - t)) for t in range(len(steps))]
    return [step for t in nearest if (step := steps[t]) is not None]
