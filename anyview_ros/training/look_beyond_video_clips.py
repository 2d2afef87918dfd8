"""Clips that the video denoiser of `look_beyond` learns from: paths through random rooms in which time stands still.

A clip is filmed once and kept in a file, together with what each of its two ends, taken as a keyframe, shows of every
picture: the keyframe moved by a depth that is true, wrong as guesses are, or missing.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.look_beyond.video.known import Anchor, moved
from anyview_ros.scenes import World, film
from anyview_ros.scenes.room_splits import RoomFactory
from anyview_ros.training.film_files import FilmOrder, Films, read_files
from anyview_ros.training.look_beyond_video_paths import sample_path

_TRIES = 30
_LEAST_MEDIAN_DEPTH_M = 0.2
_FOV_DEG = (40.0, 95.0)
_STRETCH = (0.7, 1.4)
_NO_DEPTH_SHARE, _GUESSED_SHARE, _TORN_SHARE, _BLURRED_SHARE = 0.05, 0.35, 0.4, 0.3


@dataclass(frozen=True)
class ClipPlan:
    """How clips are filmed; two equal plans give equal pictures.

    Attributes:
        frames: pictures of a clip.
        width, height: pixels.
        supersampling: rays per pixel are its square.
        held_out: whether the rooms and textures are those kept for tests.
        device: where the ray caster computes.
    """

    frames: int = 8
    width: int = 48
    height: int = 32
    supersampling: int = 2
    held_out: bool = False
    device: str = "cpu"


@dataclass(frozen=True, eq=False)
class Clips:
    """N clips of F pictures (H, W); two keyframes each, the first picture and the last.

    Attributes:
        frames: uint8 (N, F, H, W, 3), RGB.
        depth: float16 (N, F, H, W), metres, true.
        intrinsics: float64 (N, 4): fx, fy, cx, cy in pixels.
        camera_to_world: float64 (N, F, 4, 4), metres.
        base, seen: uint8 (N, 2, F, H, W, 3) and bool (N, 2, F, H, W): each keyframe moved to every picture, in the
            clip's order.
        anchor, mask: uint8 (N, 2, H, W, 3) and bool (N, 2, H, W): the keyframes as the denoiser is given them.
        middle_depth: float64 (N, 2), of the keyframes' depth as it is known, metres.
    """

    frames: NDArray[np.uint8]
    depth: NDArray[np.float16]
    intrinsics: NDArray[np.float64]
    camera_to_world: NDArray[np.float64]
    base: NDArray[np.uint8]
    seen: NDArray[np.bool_]
    anchor: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    middle_depth: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.frames)

    def camera(self, index: int) -> PinholeCamera:
        """The intrinsics of one clip."""
        fx, fy, cx, cy = (float(value) for value in self.intrinsics[index])
        return PinholeCamera(fx, fy, cx, cy, self.frames.shape[-2], self.frames.shape[-3])


def film_clips(plan: ClipPlan, first: int, count: int) -> Clips:
    """Film clips ``first`` to ``first + count``, each in a room of its own.

    Raises:
        InvalidInputError: a room in which no path found a place.
    """
    factory = RoomFactory(held_out=plan.held_out)
    clips = [_film_clip(plan, factory.room(first + index), first + index) for index in range(count)]
    return Clips(**{name: np.stack([clip[name] for clip in clips]) for name in clips[0]})


def clips_to(folder: Path, plan: ClipPlan, count: int) -> FilmOrder:
    """The order to film ``count`` clips into files of ``folder``."""
    return FilmOrder(folder, "clips", count, partial(_arrays, plan), asdict(plan))


def read_clips(paths: list[Path]) -> Clips:
    """Read filmed clips from files, in order.

    Raises:
        ReadError: no file, or one that is not of filmed clips.
    """
    return Clips(**read_files(paths, [field.name for field in fields(Clips)], "clips"))


def _arrays(plan: ClipPlan, first: int, count: int) -> Films:
    return vars(film_clips(plan, first, count))


def _film_clip(plan: ClipPlan, world: World, seed: int) -> dict[str, NDArray[np.generic]]:
    for attempt in range(_TRIES):
        rng = np.random.default_rng((0x10B0, int(plan.held_out), seed, attempt))
        time_s = float(rng.uniform(0, 10))
        camera = _camera(rng, plan)
        try:
            poses = sample_path(world, rng, plan.frames, time_s=time_s)
        except InvalidInputError:
            continue  # this draw found no free path; the next one may
        shot, _ = film(
            world,
            camera,
            poses,
            np.full(plan.frames, time_s),
            supersampling=plan.supersampling,
            device=plan.device,
        )
        if min(float(np.median(view)) for view in shot.depth) < _LEAST_MEDIAN_DEPTH_M:
            continue
        whole = np.ones(shot.depth[0].shape, np.bool_)
        ends = [
            _keyframe(rng, Anchor(shot.frames[end], whole, shot.depth[end], camera, poses[end]))
            for end in (0, -1)
        ]
        shown = [moved(end, poses) for end in ends]
        return {
            "frames": shot.frames,
            "depth": shot.depth.astype(np.float16),
            "intrinsics": np.array((camera.fx, camera.fy, camera.cx, camera.cy)),
            "camera_to_world": poses,
            "base": np.stack([each.base for each in shown]),
            "seen": np.stack([each.seen for each in shown]),
            "anchor": np.stack([end.image for end in ends]),
            "mask": np.stack([end.mask for end in ends]),
            "middle_depth": np.array([end.middle_depth for end in ends]),
        }
    raise InvalidInputError(f"room {seed} has no free path in {_TRIES} tries; choose another seed")


def _camera(rng: np.random.Generator, plan: ClipPlan) -> PinholeCamera:
    """Intrinsics whose pixels need not be square: pictures of other shapes are stretched to the denoiser's."""
    camera = PinholeCamera.from_fov(plan.width, plan.height, horizontal_fov_deg=rng.uniform(*_FOV_DEG))
    stretch = math.exp(rng.uniform(math.log(_STRETCH[0]), math.log(_STRETCH[1])))
    return replace(camera, fy=camera.fy * stretch)


def _keyframe(rng: np.random.Generator, end: Anchor) -> Anchor:
    """A clip's end as a keyframe made from a panorama would be: by chance torn, blurred, its depth a guess."""
    height, width = end.mask.shape
    image, mask, depth = end.image, end.mask, end.depth
    if rng.uniform() < _BLURRED_SHARE:
        factor = rng.uniform(1.5, 3.0)
        small = cv2.resize(
            image, (round(width / factor), round(height / factor)), interpolation=cv2.INTER_AREA
        )
        image = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    if rng.uniform() < _TORN_SHARE:
        mask = mask & ~_holes(rng, height, width)
    if rng.uniform() < _NO_DEPTH_SHARE:
        depth = None
    elif depth is not None and rng.uniform() < _GUESSED_SHARE:
        coarse = cv2.resize(rng.normal(0, 0.1, (4, 5)), (width, height), interpolation=cv2.INTER_CUBIC)
        depth = (depth * np.exp(rng.normal(0, 0.1) + coarse)).astype(np.float32)
    return Anchor(image, mask, depth, end.camera, end.camera_to_world)


def _holes(rng: np.random.Generator, height: int, width: int) -> NDArray[np.bool_]:
    """Slanted bands and patches, as a walk into a picture tears open; up to about half of it."""
    noise = cv2.resize(rng.normal(size=(6, 8)), (width, height), interpolation=cv2.INTER_CUBIC)
    across = (
        np.linspace(-1, 1, width)[None, :] * rng.normal() + np.linspace(-1, 1, height)[:, None] * rng.normal()
    )
    share = rng.uniform(0.05, 0.5)
    field = noise + rng.uniform(0, 2) * across
    return np.asarray(field > np.quantile(field, 1 - share), np.bool_)
