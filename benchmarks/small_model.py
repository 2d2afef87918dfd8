"""How good the small network is: on held-out rooms by size of the view change, and on a real stereo pair.

Run from a checkout: ``python -m benchmarks.small_model``. Rooms are filmed on the first run (a few minutes) and kept
in ``--rooms``. ``--tabletops`` takes simulated arms on tables in place of rooms, of robots and textures kept from
training; that needs MuJoCo and robosuite, see :mod:`anyview_ros.scenes.tabletops`. Pictures are 64 by 64 pixels; PSNR
and SSIM are of whole pictures, means over rooms, with the standard error of the mean; "margin" is over the best rival
of the same picture kind, paired by room. "Range told" is without depth images, but with the nearest and farthest
depth (2 and 98 % of the true ones) given as an option; the median plane is told the true median. "Whole alone" and "one
depth" are without depth images too, with the options ``parts=false`` and ``one_depth=true``; their margins are over "no
depth". For people filmed by real cameras see ``benchmarks.small_people``, for several sampling steps
``benchmarks.small_steps``.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from anyview_ros.evaluation.machine import machine_line
from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.assumed_depth import constant_depth
from anyview_ros.metrics import psnr_db, ssim
from anyview_ros.synthesis import Synthesizer, load_synthesizer
from anyview_ros.training.calibration import judge
from anyview_ros.training.depth_faults import NOISY_SENSOR
from anyview_ros.training.filmed import FilmedRooms, FilmPlan, film_to, read_rooms
from benchmarks.support.pairs import (
    Image,
    Pair,
    Scores,
    copied,
    margins,
    mean_coloured,
    room_pair,
    shown,
    table,
)

BINS = ("<= 15 deg", "15-45 deg", "45-90 deg", "> 90 deg")
CHANGES_DEG = ((2.0, 15.0), (15.0, 45.0), (45.0, 90.0), (90.0, 150.0))
COLOUR_RIVALS = ("copy source", "mean colour", "median plane")
KINDS = {
    "ours, no depth": COLOUR_RIVALS,
    "ours, range told": COLOUR_RIVALS,
    "ours, whole alone": ("ours, no depth",),
    "ours, one depth": ("ours, no depth",),
    "ours, true depth": ("reprojection, true depth",),
    "ours, noisy depth": ("reprojection, noisy depth",),
}


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    cv2.setNumThreads(1)
    plan = FilmPlan(held_out=True, view_changes_deg=CHANGES_DEG, supersampling=arguments.supersampling)
    folder = Path(arguments.rooms)
    if arguments.tabletops:
        plan = replace(plan, tabletops=True, supersampling=3, framed=True, instants=1)
        folder = folder.with_name(f"{folder.name}_tabletops")
    elif plan.supersampling > 1:
        folder = folder.with_name(f"{folder.name}_supersampled_{plan.supersampling}")
    rooms = read_rooms(film_to(folder, plan, arguments.count + arguments.first))
    ours = load_synthesizer("anyview_small", device=arguments.device, weights=arguments.weights)
    reprojection = load_synthesizer("reprojection")
    scores: Scores = {name: {} for name in BINS}
    for room in range(arguments.first, arguments.first + arguments.count):
        for index, name in enumerate(BINS):
            pair = room_pair(rooms, room, index + 1)
            for method, picture in _pictures(pair, ours, reprojection, room).items():
                scores[name].setdefault(method, []).append(
                    (psnr_db(picture, pair.truth), ssim(picture, pair.truth))
                )
    what = "tabletops" if arguments.tabletops else "rooms"
    lines = [machine_line(), f"{arguments.count} held-out {what}, PSNR (dB) ± standard error / SSIM"]
    lines += table(scores) + margins(scores, KINDS)
    lines += _motorcycle(ours, reprojection)
    lines.append(_reliability(ours, _later(rooms, arguments.first)))
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(scores), encoding="utf-8")
    sys.stdout.write("\n".join(lines) + "\n")


def _pictures(pair: Pair, ours: Synthesizer, reprojection: Synthesizer, seed: int) -> dict[str, Image]:
    assert pair.depth is not None  # noqa: S101 - these pairs have it
    noisy = NOISY_SENSOR.apply(pair.depth, np.random.default_rng(seed))
    known = pair.depth[pair.depth > 0]
    near, median, far = (float(depth) for depth in np.quantile(known, (0.02, 0.5, 0.98)))
    told = {"depth_range_m": (near, max(far, 1.01 * near))}
    return {
        "copy source": copied(pair),
        "mean colour": mean_coloured(pair),
        "median plane": shown(reprojection, pair, constant_depth(pair.camera, median)),
        "ours, no depth": shown(ours, pair, None),
        "ours, range told": shown(ours, pair, None, told),
        "ours, whole alone": shown(ours, pair, None, {"parts": False}),
        "ours, one depth": shown(ours, pair, None, {"one_depth": True}),
        "reprojection, true depth": shown(reprojection, pair, pair.depth),
        "ours, true depth": shown(ours, pair, pair.depth),
        "reprojection, noisy depth": shown(reprojection, pair, noisy),
        "ours, noisy depth": shown(ours, pair, noisy),
    }


def motorcycle_pairs() -> dict[str, Pair]:
    """The Motorcycle pair (Middlebury 2014): its left, middle and right 500-pixel square, reduced to 64 pixels."""
    from skimage.data import stereo_motorcycle

    left, right, disparity = stereo_motorcycle()
    known = np.isfinite(disparity)
    depth = np.zeros(disparity.shape, np.float32)
    depth[known] = 994.978 * 0.193001 / (disparity[known] + 31.086)
    height, width = disparity.shape
    moved = np.eye(4)
    moved[0, 3] = 0.193001
    size = (64, 64)
    pairs = {}
    for name, x in (("left", 0), ("middle", (width - height) // 2), ("right", width - height)):
        crop = (slice(None), slice(x, x + height))
        cameras = [
            PinholeCamera(994.978, 994.978, 311.193 + offset, 254.877, width, height)
            .cropped(x, 0, height, height)
            .resized(*size)
            for offset in (0.0, 31.086)
        ]
        pairs[name] = Pair(
            np.asarray(cv2.resize(left[crop], size, interpolation=cv2.INTER_AREA), np.uint8),
            np.asarray(cv2.resize(depth[crop], size, interpolation=cv2.INTER_NEAREST_EXACT), np.float32),
            cameras[0],
            np.eye(4),
            cameras[1],
            moved,
            np.asarray(cv2.resize(right[crop], size, interpolation=cv2.INTER_AREA), np.uint8),
        )
    return pairs


def _motorcycle(ours: Synthesizer, reprojection: Synthesizer) -> list[str]:
    scores: dict[str, list[tuple[float, float]]] = {}
    pairs = motorcycle_pairs()
    for pair in pairs.values():
        for name, picture in _pictures(pair, ours, reprojection, 0).items():
            scores.setdefault(name, []).append((psnr_db(picture, pair.truth), ssim(picture, pair.truth)))
    lines = [
        "Motorcycle, squares of 64 pixels: PSNR (dB) / SSIM",
        f"{'':<28}" + "".join(f"{name:>16}" for name in (*pairs, "mean")),
    ]
    for name, values in scores.items():
        cells = [f"{psnr:.2f} / {same:.3f}" for psnr, same in np.vstack([values, np.mean(values, 0)])]
        lines.append(f"{name:<28}" + "".join(f"{cell:>16}" for cell in cells))
    return lines


def _later(rooms: FilmedRooms, first: int) -> FilmedRooms:
    """Those that were not calibrated on."""
    return FilmedRooms(**{each.name: getattr(rooms, each.name)[first:] for each in fields(rooms)})


def _reliability(ours: Any, rooms: FilmedRooms) -> str:
    """How far stated confidence is from what comes true, by tenths of the confidence."""
    weights = ours._opened()
    judged = judge(weights.network, rooms, seed=1)
    calibration = weights.calibration
    sure = 1 / (1 + np.exp(-calibration.slope * (np.log(calibration.middle) - judged.log_error)))
    stated = sure * (judged.support + calibration.beyond * (1 - judged.support))
    tenth = np.clip((stated * 10).astype(int), 0, 9)
    cells, gap = [], 0.0
    for index in range(10):
        chosen = tenth == index
        if chosen.any():
            true = float(judged.good[chosen].mean())
            gap += abs(true - float(stated[chosen].mean())) * float(chosen.mean())
            cells.append(f"{index / 10:.1f}: {true:.2f} ({chosen.mean():.0%})")
    return f"confidence -> share of good pixels: {', '.join(cells)}; expected calibration error {gap:.3f}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--rooms", default="build/held_out_rooms", help="folder that keeps the filmed rooms")
    parser.add_argument("--tabletops", action="store_true", help="simulated arms on tables in place of rooms")
    parser.add_argument(
        "--supersampling",
        type=int,
        default=1,
        help="rays per pixel are its square; 2 or more: smooth as photographs, in a folder beside --rooms",
    )
    parser.add_argument("--first", type=int, default=50, help="first room; those before were calibrated on")
    parser.add_argument("--count", type=int, default=200, help="rooms to judge")
    parser.add_argument("--weights", help="weights to judge; none: those that are shipped")
    parser.add_argument("--device", help="torch device")
    parser.add_argument("--json", help="file that gets the scores of every room")
    arguments = parser.parse_args()
    if arguments.tabletops and arguments.supersampling > 1:
        parser.error("--supersampling is for rooms; tabletops always have nine samples to a pixel")
    return arguments


if __name__ == "__main__":
    main()
