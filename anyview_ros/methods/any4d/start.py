"""The scene before the first step: Gaussians from depth, motion from tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import invert_rigid
from anyview_ros.methods.any4d.births import Births, born, grid_step, on_grid, unexplained
from anyview_ros.methods.any4d.factorise import factorise
from anyview_ros.methods.any4d.model import MovingGaussians
from anyview_ros.methods.any4d.motion import HybridMotion
from anyview_ros.methods.any4d.options import Any4DFitOptions
from anyview_ros.methods.any4d.segments import Noise, Segments, beside, motion_twists, segment
from anyview_ros.methods.any4d.tracks import Tracks, clip_flow, follow, lifted, stands_still

Float = NDArray[np.float64]

_SHARE_OF_FIRST = 0.85  # of the Gaussians, for the first frame
_MOST_GROUPS = 24
_BESIDE = 0.05  # of the scene's size: what lies so near to something that moves may move too


@dataclass(frozen=True, eq=False)
class Start:
    """What a fit begins with.

    Attributes:
        scene: the Gaussians.
        tracks: of each clip; None for clips of one frame.
        moving: bool (Q,) for each clip's tracks: which belong to something that moves.
        unexplained: share in [0, 1] of the measured motion that the bases do not hold at first.
    """

    scene: MovingGaussians
    tracks: tuple[Tracks | None, ...]
    moving: tuple[NDArray[np.bool_], ...]
    unexplained: float


@dataclass(frozen=True, eq=False)
class _Part:
    """Births of one clip at their own instants, with the group of each."""

    births: Births
    frame: NDArray[np.int64]
    segments: Segments
    tracks: Tracks | None
    moving: NDArray[np.bool_]


def start(
    clips: tuple[PosedClip, ...],
    support: Sequence[NDArray[np.float32]],
    options: Any4DFitOptions,
    seed: int,
) -> Start:
    """Make the first scene from clips that all have depth.

    Args:
        clips: with depth.
        support: how far each clip's pixels count as seen, (T, H, W) in [0, 1].
        options: of the fit.
        seed: of every random draw.

    Raises:
        InvalidRequestError: no pixel has depth.
    """
    reference_ns = int(clips[0].stamps_ns[len(clips[0]) // 2])
    parts: list[_Part] = []
    room = options.gaussians
    for index, clip in enumerate(clips):
        tracks = options.tracks if index == 0 else None
        share = room if index == len(clips) - 1 else max(room // 2, 1)
        part = _part(clip, support[index], parts, clips, reference_ns, tracks, share, seed)
        parts.append(part)
        room -= len(part.births)
    total = Births.together([_at_reference(part) for part in parts])
    if len(total) == 0:
        raise InvalidRequestError(
            "no pixel of any clip has depth, so there is no surface to begin with; give depth"
        )
    scene, left = _scene(total, parts, clips, reference_ns, options, seed)
    moving = tuple(part.moving for part in parts)
    return Start(scene, tuple(part.tracks for part in parts), moving, left)


def _part(
    clip: PosedClip,
    support: NDArray[np.float32],
    before: list[_Part],
    clips: tuple[PosedClip, ...],
    reference_ns: int,
    given: Tracks | None,
    room: int,
    seed: int,
) -> _Part:
    """Births of a clip that earlier clips' do not explain, each frame adding what is new in it."""
    reference = _nearest(clip, reference_ns)
    flow = clip_flow(clip) if len(clip) > 1 else None
    height, width = clip.frames.shape[1:3]
    step = grid_step(height * width, _SHARE_OF_FIRST * room)
    interim: _Part | None = None  # what is there so far and how it moves
    births: list[Births] = []
    frames: list[NDArray[np.int64]] = []
    tracks: list[Tracks] = []
    for frame in _order(len(clip), reference):
        depth = _depth(clip)[frame]
        new = depth > 0
        for part, other in zip(before, clips, strict=False):
            new &= _new_to(part, clip, frame, int(np.ceil(step)), of=other)
        if interim is not None:  # hidden things come back as they were: no new ones
            new &= _new_to(interim, clip, frame, int(np.ceil(step)))
        pixels = on_grid(new, step)[: max(room - sum(map(len, births)), 0)]
        if len(pixels) == 0:
            continue
        image = clip.frames[frame].astype(np.float32) / 255
        pose, seen = clip.camera_to_world[frame], support[frame][pixels[:, 1], pixels[:, 0]]
        births.append(born(image, depth, clip.camera, pose, pixels, step=step, support=seen))
        frames.append(np.full(len(pixels), frame, np.int64))
        if flow is not None:
            tracks.append(follow(flow, frame, pixels.astype(np.float64)))
        interim = _interim(births, frames, tracks, clip, reference, seed)
    made = Births.together([Births.empty(0), *births])
    at = np.concatenate([np.empty(0, np.int64), *frames])
    if flow is None or not tracks:
        return _Part(made, at, _standing(len(made), len(clip)), None, np.zeros(0, bool))
    followed = _all(tracks)
    source = followed if given is None else _checked(given, clip)
    segments = _segments(source, clip, reference, seed)
    moving = segments.label > 0
    if given is not None:
        segments = _carried_over(segments, given, followed)
    return _Part(made, at, segments, source, moving)


def _interim(
    births: list[Births],
    frames: list[NDArray[np.int64]],
    tracks: list[Tracks],
    clip: PosedClip,
    reference: int,
    seed: int,
) -> _Part:
    """The births so far with their motion."""
    made, at = Births.together(births), np.concatenate(frames)
    if not tracks:
        return _Part(made, at, _standing(len(made), len(clip)), None, np.zeros(0, bool))
    followed = _all(tracks)
    segments = _segments(followed, clip, reference, seed)
    return _Part(made, at, segments, followed, segments.label > 0)


def _all(tracks: list[Tracks]) -> Tracks:
    return Tracks(
        np.concatenate([t.pixels for t in tracks]),
        np.concatenate([t.visible for t in tracks]),
        np.concatenate([t.frame for t in tracks]),
    )


def _new_to(
    part: _Part, clip: PosedClip, frame: int, reach: int, *, of: PosedClip | None = None
) -> NDArray[np.bool_]:
    """Pixels (H, W) of a frame on which none of a part's births lies; the part is of the clip ``of``, or this one."""
    places = _points_at(part, of or clip, int(clip.stamps_ns[frame]))
    return unexplained(places, _depth(clip)[frame], clip.camera, clip.camera_to_world[frame], reach=reach)


def _segments(tracks: Tracks, clip: PosedClip, reference: int, seed: int) -> Segments:
    points, known = lifted(tracks, clip)
    every = np.arange(len(tracks))
    if np.ptp(clip.camera_to_world[:, :3, 3], axis=0).max() > 0:  # else flow itself tells what stands still
        still = stands_still(points[every, tracks.frame], tracks.frame, clip)
        points[still] = points[still, tracks.frame[still]][:, None]
    noise = Noise.of(points[every, tracks.frame], clip.camera_to_world[tracks.frame], clip.camera.fx)
    segments = segment(points, known, noise, reference, most=_MOST_GROUPS, seed=seed)
    unsure = known.sum(1) < 2  # at edges of depth, and where flow was lost at once
    label = segments.label.copy()
    for frame in np.unique(tracks.frame):
        here = tracks.frame == frame
        places, sure = points[here, frame], ~unsure[here]
        label[here & unsure] = beside(places[~sure], places[sure], segments.label[here][sure])
    return Segments(label, segments.motion, np.bincount(label, minlength=len(segments.motion)))


def _carried_over(segments: Segments, given: Tracks, births: Tracks) -> Segments:
    """The groups of given tracks for each birth: those of the nearest track seen in the frame of the birth."""
    label = np.zeros(len(births), np.int64)
    for frame in np.unique(births.frame):
        seen = np.nonzero(given.visible[:, frame])[0]
        here = np.nonzero(births.frame == frame)[0]
        if len(seen) == 0:
            continue
        places = births.pixels[here, frame]
        away = np.linalg.norm(places[:, None] - given.pixels[None, seen, frame], axis=2)
        label[here] = segments.label[seen[away.argmin(1)]]
    return Segments(label, segments.motion, np.bincount(label, minlength=len(segments.motion)))


def _checked(given: Tracks, clip: PosedClip) -> Tracks:
    if not isinstance(given, Tracks) or given.visible.shape[1] != len(clip):
        raise InvalidRequestError(
            f"tracks must be Tracks of the {len(clip)} frames of the first clip, got {type(given).__name__}"
        )
    return given


def _standing(count: int, frames: int) -> Segments:
    motion = np.broadcast_to(np.eye(4), (1, frames, 4, 4)).copy()
    return Segments(np.zeros(count, np.int64), motion, np.array([count]))


def _scene(
    total: Births,
    parts: list[_Part],
    clips: tuple[PosedClip, ...],
    reference_ns: int,
    options: Any4DFitOptions,
    seed: int,
) -> tuple[MovingGaussians, float]:
    knots = np.unique(np.concatenate([clip.stamps_ns for clip in clips]))
    reference = int(np.searchsorted(knots, reference_ns))
    middle = np.median(total.means, axis=0)
    centre = middle
    scale = max(float(np.median(np.linalg.norm(total.means - middle, axis=1))), 1e-3)
    motion = HybridMotion(
        len(total),
        knots,
        reference=reference,
        bases=options.bases,
        kind=options.motion,  # type: ignore[arg-type]
        centre=torch.from_numpy(centre),
        scale=scale,
        generator=torch.Generator().manual_seed(seed),
    )
    twists, importance, label = _all_twists(parts, clips, knots, reference, centre, scale)
    left = 0.0
    if len(twists) > 1 and len(knots) > 1:
        frozen = len(motion.frozen)
        factors = factorise(twists, importance, frozen=frozen, learned=motion.weights.shape[1] - frozen)
        left = factors.unexplained
        with torch.no_grad():
            motion.weights.copy_(torch.from_numpy(factors.weights[label]))
            motion.free.copy_(torch.from_numpy(_free(total.means, label > 0, scale))[:, None])
            motion.courses.copy_(torch.from_numpy(factors.courses))
            used = torch.from_numpy(np.linalg.norm(factors.learned, axis=1) > 0)
            motion.learned[used] = torch.from_numpy(factors.learned).float()[used]
    return MovingGaussians(total, motion), left


def _free(means: Float, moving: NDArray[np.bool_], scale: float) -> NDArray[np.float32]:
    """1 for Gaussians that move and those beside them, which may; 0 for the background."""
    if not moving.any():
        return np.zeros(len(means), np.float32)
    free = moving.copy()
    low, high = means[moving].min(0) - _BESIDE * scale, means[moving].max(0) + _BESIDE * scale
    near = np.nonzero(~moving & ((means > low) & (means < high)).all(1))[0]
    movers = torch.from_numpy(means[moving])
    for some in np.array_split(near, max(1, len(near) // 1000)):
        apart = torch.cdist(torch.from_numpy(means[some]), movers)
        free[some] = (apart.amin(1) < _BESIDE * scale).numpy()
    return free.astype(np.float32)


def _all_twists(
    parts: list[_Part],
    clips: tuple[PosedClip, ...],
    knots: NDArray[np.int64],
    reference: int,
    centre: Float,
    scale: float,
) -> tuple[Float, Float, NDArray[np.int64]]:
    """Twists (C, K, 6) at the knots of all groups, how many points each has, and the group of each birth."""
    twists, counts, labels = [np.zeros((1, len(knots), 6))], [np.zeros(1)], []
    offset = 0
    for part, clip in zip(parts, clips, strict=True):
        own = motion_twists(part.segments.motion[1:], centre, scale)
        at_knots = np.empty((len(own), len(knots), 6))
        for group in range(len(own)):
            for axis in range(6):
                at_knots[group, :, axis] = np.interp(knots, clip.stamps_ns, own[group, :, axis])
        at_knots -= at_knots[:, reference : reference + 1]
        twists.append(at_knots)
        counts.append(part.segments.count[1:].astype(np.float64))
        label = part.segments.label[: len(part.births)]
        labels.append(np.where(label > 0, label + offset, 0))
        offset += len(own)
    return np.concatenate(twists), np.concatenate(counts), np.concatenate(labels)


def _at_reference(part: _Part) -> Births:
    label = part.segments.label[: len(part.births)]
    return part.births.moved(invert_rigid(part.segments.motion[label, part.frame]))


def _points_at(part: _Part, clip: PosedClip, stamp_ns: int) -> Float:
    """Where a clip's births are at an instant, (N, 3), by the motion of their groups."""
    label = part.segments.label[: len(part.births)]
    frame = _nearest(clip, stamp_ns)
    between = part.segments.motion[label, frame] @ invert_rigid(part.segments.motion[label, part.frame])
    return np.asarray(np.einsum("nij,nj->ni", between[:, :3, :3], part.births.means) + between[:, :3, 3])


def _order(count: int, reference: int) -> list[int]:
    """Frames in the order in which they may add Gaussians: the reference, the ends, and those between."""
    chosen = [reference, count - 1, 0]
    chosen += sorted(range(count), key=lambda t: (t % 4 != 0, t % 2 != 0, t))
    return list(dict.fromkeys(chosen))


def _nearest(clip: PosedClip, stamp_ns: int) -> int:
    return int(np.argmin(np.abs(clip.stamps_ns - stamp_ns)))


def _depth(clip: PosedClip) -> NDArray[np.float32]:
    if clip.depth is None:
        raise InvalidRequestError("the first scene is made from depth; give PosedClip(depth=...)")
    return clip.depth
