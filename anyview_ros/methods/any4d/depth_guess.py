"""Depth for clips that have none: the generator's guess, on the scale that the camera's motion tells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import CameraTrajectory
from anyview_ros.methods.any4d.generator import Generator
from anyview_ros.methods.any4d.tracks import Tracks, clip_flow, follow
from anyview_ros.methods.pictures import ASSUMED_DEPTH_CONFIDENCE
from anyview_ros.synthesis.request import SynthesisRequest
from anyview_ros.synthesis.result import SynthesizedView

Float = NDArray[np.float64]
Shares = NDArray[np.float32]

_LEAST_ANGLE_RAD = np.radians(1.0)
_FEWEST = 30  # points that tell the scale
_MISS_PX = 1.5
_LIMITS = (0.2, 5.0)  # of the factor between guess and truth that is believed


def with_depth(
    clip: PosedClip, *, generator: Generator, device: str | None, believe: bool
) -> tuple[PosedClip, Shares]:
    """The clip with depth: its own, or a guess put on the scale that points seen from two places tell.

    Args:
        clip: without depth.
        generator: a method whose views have depth without being given any.
        device: torch device.
        believe: take the guess as it is where the camera's motion tells no scale.

    Returns:
        The clip, and how far its pixels count as seen, float32 (T, H, W): 1 where depth was given.

    Raises:
        InvalidRequestError: no depth, and the camera's motion tells none; or a generator that guesses none.
    """
    if clip.depth is not None:
        return clip, np.ones_like(clip.depth)
    factor = None
    angles = _baseline_angle(clip)
    if len(clip) < 2 and not believe:
        raise InvalidRequestError(
            "the clip has one frame and no depth; give depth, more frames of a moving camera, or guess_depth=True"
        )
    view, guess = _guess(clip, generator, device)
    if len(clip) >= 2 and angles > 0:
        factor = _scale(clip, guess)
    if factor is None:
        if not believe:
            raise InvalidRequestError(
                "the clip has no depth and its camera does not move enough to tell it (no point is seen under "
                "a degree of parallax); give depth, a camera that moves, or guess_depth=True"
            )
        factor = 1.0
    return replace(clip, depth=(guess * np.float32(factor)).astype(np.float32)), support_of_guess(view)


def support_of_guess(view: SynthesizedView) -> Shares:
    """How far surfaces whose depth a generator guessed may count as seen, float32 (T, H, W) in [0, 1].

    No further than the generator is sure of its view from where the source stands, nor than assumed depth ever does.
    """
    return np.asarray(np.minimum(view.confidence, ASSUMED_DEPTH_CONFIDENCE), np.float32)


def _guess(clip: PosedClip, generator: Generator, device: str | None) -> tuple[SynthesizedView, Shares]:
    loaded = generator.load(device)
    try:
        target = CameraTrajectory(clip.camera, clip.camera_to_world, clip.stamps_ns)
        asked = SynthesisRequest((clip,), (target,), options=generator.options_for(loaded))
        (view,) = loaded.synthesize(asked).views
    finally:
        loaded.close()
    if view.depth is None:
        raise InvalidRequestError(
            f"the clip has no depth and generator '{generator.name}' guesses none; give depth or another generator"
        )
    return view, view.depth


def _baseline_angle(clip: PosedClip) -> float:
    return float(np.ptp(clip.camera_to_world[:, :3, 3], axis=0).max())


def _scale(clip: PosedClip, guess: NDArray[np.float32]) -> float | None:
    """The median ratio of triangulated and guessed depth over points of the middle frame; None if too few tell."""
    frame = len(clip) // 2
    height, width = clip.frames.shape[1:3]
    grid = np.stack(np.meshgrid(np.arange(3, width, 4), np.arange(3, height, 4)), -1).reshape(-1, 2)
    tracks = follow(clip_flow(clip), frame, grid.astype(np.float64))
    depth = triangulated(tracks, clip, frame)
    known = depth > 0
    if known.sum() < _FEWEST:
        return None
    ratio = depth[known] / guess[frame][grid[known, 1], grid[known, 0]]
    return float(np.clip(np.median(ratio), *_LIMITS))


def triangulated(tracks: Tracks, clip: PosedClip, frame: int) -> Float:
    """Depth (Q,) in a frame of points seen under at least a degree of parallax and where they stand still; else 0."""
    seen = tracks.visible
    origins = clip.camera_to_world[:, :3, 3]
    local = clip.camera.unproject(tracks.pixels, np.ones(tracks.pixels.shape[:2]))
    rays = np.einsum("tij,qtj->qti", clip.camera_to_world[:, :3, :3], local)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    square = (np.eye(3) - rays[..., :, None] * rays[..., None, :]) * seen[..., None, None]
    matrix = square.sum(1) + 1e-9 * np.eye(3)
    points = np.linalg.solve(matrix, np.einsum("qtij,tj->qi", square, origins)[..., None])[..., 0]
    own = rays[:, frame]
    cosine = np.where(seen, np.einsum("qti,qi->qt", rays, own), 1.0).min(1)
    good = np.arccos(np.clip(cosine, -1, 1)) > _LEAST_ANGLE_RAD
    turned = np.swapaxes(clip.camera_to_world[:, :3, :3], 1, 2)
    there = np.einsum("tij,qtj->qti", turned, points[:, None] - origins)
    pixels, z = clip.camera.project(there)
    miss = np.where(seen, np.linalg.norm(pixels - tracks.pixels, axis=-1), 0.0)
    good &= np.nan_to_num(miss, nan=np.inf).max(1) < _MISS_PX
    return np.where(good & (z[:, frame] > 0), z[:, frame], 0.0)
