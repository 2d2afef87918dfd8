"""How good the small network is: on held-out rooms by size of the view change, and on a real stereo pair.

Run from a checkout: ``python -m benchmarks.small_model``. Rooms are filmed on the first run (a few minutes) and kept in
``--rooms``. Pictures are 64 by 64 pixels; PSNR and SSIM are of whole pictures, means over rooms, with the standard
error of the mean; "margin" is over the best rival of the same picture kind, paired by room.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.geometry.assumed_depth import constant_depth
from anyview_ros.metrics import Reliability, psnr_db, ssim
from anyview_ros.synthesis import SynthesisRequest, Synthesizer, load_synthesizer
from anyview_ros.training.calibration import judge
from anyview_ros.training.depth_faults import NOISY_SENSOR
from anyview_ros.training.filmed import FilmedRooms, FilmPlan, film_to, read_rooms

BINS = ("<= 15", "15-45", "45-90", "> 90")
CHANGES_DEG = ((2.0, 15.0), (15.0, 45.0), (45.0, 90.0), (90.0, 150.0))
COLOUR_RIVALS = ("copy source", "mean colour", "median plane")
KINDS = {"ours, no depth": COLOUR_RIVALS, "ours, true depth": ("reprojection, true depth",)}
KINDS |= {"ours, noisy depth": ("reprojection, noisy depth",)}


@dataclass(frozen=True, eq=False)
class Pair:
    """A source picture with depth, a target camera and the truth."""

    image: NDArray[np.uint8]
    depth: NDArray[np.float32]
    camera: PinholeCamera
    pose: NDArray[np.float64]
    target: PinholeCamera
    target_pose: NDArray[np.float64]
    truth: NDArray[np.uint8]


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    cv2.setNumThreads(1)
    plan = FilmPlan(held_out=True, view_changes_deg=CHANGES_DEG)
    rooms = read_rooms(film_to(Path(arguments.rooms), plan, arguments.count + arguments.first))
    ours = load_synthesizer("anyview_small", device=arguments.device, weights=arguments.weights)
    reprojection = load_synthesizer("reprojection")
    scores: dict[str, dict[str, list[tuple[float, float]]]] = {name: {} for name in BINS}
    for room in range(arguments.first, arguments.first + arguments.count):
        for index, name in enumerate(BINS):
            pair = _room_pair(rooms, room, index + 1)
            for method, picture in _pictures(pair, ours, reprojection, room).items():
                scores[name].setdefault(method, []).append(
                    (psnr_db(picture, pair.truth), ssim(picture, pair.truth))
                )
    lines = [f"{arguments.count} held-out rooms, PSNR (dB) ± standard error / SSIM"]
    lines += _table(scores)
    lines += _motorcycle(ours, reprojection)
    lines.append(_reliability(ours, rooms))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(scores), encoding="utf-8")
    sys.stdout.write("\n".join(lines) + "\n")


def _room_pair(rooms: FilmedRooms, room: int, target: int) -> Pair:
    return Pair(
        rooms.frames[room, 0, 0],
        rooms.depth[room, 0, 0].astype(np.float32),
        rooms.camera(room, 0),
        rooms.camera_to_world[room, 0, 0],
        rooms.camera(room, target),
        rooms.camera_to_world[room, target, 0],
        rooms.frames[room, target, 0],
    )


def _pictures(
    pair: Pair, ours: Synthesizer, reprojection: Synthesizer, seed: int
) -> dict[str, NDArray[np.uint8]]:
    noisy = NOISY_SENSOR.apply(pair.depth, np.random.default_rng(seed))
    known = pair.depth[pair.depth > 0]
    plane = constant_depth(pair.camera, float(np.median(known)))
    height, width = pair.truth.shape[:2]
    mean = np.rint(pair.image.mean((0, 1))).astype(np.uint8)
    return {
        "copy source": np.asarray(cv2.resize(pair.image, (width, height)), np.uint8),
        "mean colour": np.broadcast_to(mean, pair.truth.shape).copy(),
        "median plane": _ask(reprojection, pair, plane),
        "ours, no depth": _ask(ours, pair, None),
        "reprojection, true depth": _ask(reprojection, pair, pair.depth),
        "ours, true depth": _ask(ours, pair, pair.depth),
        "reprojection, noisy depth": _ask(reprojection, pair, noisy),
        "ours, noisy depth": _ask(ours, pair, noisy),
    }


def _ask(method: Synthesizer, pair: Pair, depth: NDArray[np.float32] | None) -> NDArray[np.uint8]:
    stamps = np.array([1], np.int64)
    clip = PosedClip(
        pair.image[None], pair.camera, pair.pose[None], stamps, None if depth is None else depth[None]
    )
    request = SynthesisRequest((clip,), (CameraTrajectory(pair.target, pair.target_pose[None], stamps),))
    view: NDArray[np.uint8] = method.synthesize(request).views[0].frames[0]
    return view


def _table(scores: dict[str, dict[str, list[tuple[float, float]]]]) -> list[str]:
    methods = list(next(iter(scores.values())))
    lines = [f"{'':<28}" + "".join(f"{name + ' deg':>22}" for name in scores)]
    for method in methods:
        cells = []
        for name in scores:
            values = np.array(scores[name][method])
            error = values[:, 0].std(ddof=1) / np.sqrt(len(values))
            cells.append(f"{values[:, 0].mean():.2f} ± {error:.2f} / {values[:, 1].mean():.3f}")
        lines.append(f"{method:<28}" + "".join(f"{cell:>22}" for cell in cells))
    for method, rivals in KINDS.items():
        cells = []
        for name in scores:
            mine = np.array(scores[name][method])[:, 0]
            means = {rival: np.array(scores[name][rival])[:, 0] for rival in rivals}
            best = max(means.values(), key=lambda values: float(values.mean()))
            gain = mine - best
            cells.append(f"{gain.mean():+.2f} ± {gain.std(ddof=1) / np.sqrt(len(gain)):.2f}")
        lines.append(f"{'margin of ' + method:<28}" + "".join(f"{cell:>22}" for cell in cells))
    return lines


def _motorcycle(ours: Synthesizer, reprojection: Synthesizer) -> list[str]:
    """The Motorcycle pair (Middlebury 2014): the middle 500 pixels of both pictures, reduced to 64."""
    from skimage.data import stereo_motorcycle

    left, right, disparity = stereo_motorcycle()
    known = np.isfinite(disparity)
    depth = np.zeros(disparity.shape, np.float32)
    depth[known] = 994.978 * 0.193001 / (disparity[known] + 31.086)
    height, width = disparity.shape
    x, size = (width - height) // 2, (64, 64)
    crop = (slice(None), slice(x, x + height))
    cameras = [
        PinholeCamera(994.978, 994.978, 311.193 + offset, 254.877, width, height)
        .cropped(x, 0, height, height)
        .resized(*size)
        for offset in (0.0, 31.086)
    ]
    moved = np.eye(4)
    moved[0, 3] = 0.193001
    pair = Pair(
        np.asarray(cv2.resize(left[crop], size, interpolation=cv2.INTER_AREA), np.uint8),
        np.asarray(cv2.resize(depth[crop], size, interpolation=cv2.INTER_NEAREST_EXACT), np.float32),
        cameras[0],
        np.eye(4),
        cameras[1],
        moved,
        np.asarray(cv2.resize(right[crop], size, interpolation=cv2.INTER_AREA), np.uint8),
    )
    lines = ["Motorcycle, 64 pixels: PSNR (dB) / SSIM"]
    for name, picture in _pictures(pair, ours, reprojection, 0).items():
        lines.append(f"{name:<28}{psnr_db(picture, pair.truth):.2f} / {ssim(picture, pair.truth):.3f}")
    return lines


def _reliability(ours: Any, rooms: FilmedRooms) -> str:
    """How far stated confidence is from what comes true, by tenths of the confidence."""
    weights = ours._opened()
    judged = judge(weights.network, rooms, seed=1)
    calibration = weights.calibration
    sure = 1 / (1 + np.exp(-calibration.slope * (np.log(calibration.middle) - judged.log_error)))
    stated = sure * (judged.support + calibration.beyond * (1 - judged.support))
    counted = Reliability.of(stated, judged.good)
    cells = [f"{mean:.2f}: {true:.2f} ({share:.0%})" for mean, true, share in counted.curve()]
    return (
        f"confidence -> share of good pixels: {', '.join(cells)}; "
        f"expected calibration error {counted.expected_calibration_error:.3f}"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--rooms", default="build/held_out_rooms", help="folder that keeps the filmed rooms")
    parser.add_argument("--first", type=int, default=50, help="first room; those before were calibrated on")
    parser.add_argument("--count", type=int, default=200, help="rooms to judge")
    parser.add_argument("--weights", help="weights to judge; none: those that are shipped")
    parser.add_argument("--device", help="torch device")
    parser.add_argument("--json", help="file that gets the scores of every room")
    return parser.parse_args()


if __name__ == "__main__":
    main()
