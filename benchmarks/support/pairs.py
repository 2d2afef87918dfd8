"""Pairs of pictures of one moment from two cameras, and what methods make of the one from the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.synthesis import SynthesisRequest, Synthesizer
from anyview_ros.training.filmed import FilmedRooms

Image = NDArray[np.uint8]
Depth = NDArray[np.float32]
Scores = dict[str, dict[str, list[tuple[float, ...]]]]
"""For each bin, for each method, one row of figures per pair."""


@dataclass(frozen=True, eq=False)
class Pair:
    """A source picture, with depth where it is known, a target camera and the truth."""

    image: Image
    depth: Depth | None
    camera: PinholeCamera
    pose: NDArray[np.float64]
    target: PinholeCamera
    target_pose: NDArray[np.float64]
    truth: Image


def room_pair(rooms: FilmedRooms, room: int, target: int) -> Pair:
    """The first and another camera of a filmed room."""
    return Pair(
        rooms.frames[room, 0, 0],
        rooms.depth[room, 0, 0].astype(np.float32),
        rooms.camera(room, 0),
        rooms.camera_to_world[room, 0, 0],
        rooms.camera(room, target),
        rooms.camera_to_world[room, target, 0],
        rooms.frames[room, target, 0],
    )


def shown(
    method: Synthesizer,
    pair: Pair,
    depth: Depth | None,
    options: Mapping[str, Any] | None = None,
    *,
    steps: int | None = None,
    seed: int = 0,
) -> Image:
    """What a method makes of a pair's source."""
    stamps = np.array([1], np.int64)
    clip = PosedClip(
        pair.image[None], pair.camera, pair.pose[None], stamps, None if depth is None else depth[None]
    )
    target = CameraTrajectory(pair.target, pair.target_pose[None], stamps)
    request = SynthesisRequest((clip,), (target,), steps=steps, seed=seed, options=options)
    view: Image = method.synthesize(request).views[0].frames[0]
    return view


def copied(pair: Pair) -> Image:
    """The source, stretched to the target's size."""
    return np.asarray(cv2.resize(pair.image, pair.target.size), np.uint8)


def mean_coloured(pair: Pair) -> Image:
    """The source's mean colour everywhere."""
    mean = np.rint(pair.image.mean((0, 1))).astype(np.uint8)
    return np.broadcast_to(mean, pair.truth.shape).copy()


def table(scores: Scores) -> list[str]:
    """PSNR ± standard error / SSIM of each method by bins."""
    methods = list(next(iter(scores.values())))
    lines = [f"{'':<28}" + "".join(f"{name:>22}" for name in scores)]
    for method in methods:
        cells = []
        for name in scores:
            values = np.array(scores[name][method])
            cells.append(
                f"{values[:, 0].mean():.2f} ± {standard_error(values[:, 0]):.2f} / {values[:, 1].mean():.3f}"
            )
        lines.append(f"{method:<28}" + "".join(f"{cell:>22}" for cell in cells))
    return lines


def margins(scores: Scores, kinds: Mapping[str, tuple[str, ...]]) -> list[str]:
    """By how much each of ``kinds`` is above the best of its rivals in the bin, paired."""
    lines = []
    for method, rivals in kinds.items():
        cells = []
        for of_bin in scores.values():
            mine = np.array(of_bin[method])[:, 0]
            best = max((np.array(of_bin[rival])[:, 0] for rival in rivals), key=lambda v: float(v.mean()))
            cells.append(f"{(mine - best).mean():+.2f} ± {standard_error(mine - best):.2f}")
        lines.append(f"{'margin of ' + method:<28}" + "".join(f"{cell:>22}" for cell in cells))
    return lines


def standard_error(values: NDArray[np.float64]) -> float:
    """Of the mean of independent values."""
    return float(values.std(ddof=1) / np.sqrt(len(values)))
