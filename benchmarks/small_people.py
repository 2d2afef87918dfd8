"""How good the small network is on real cameras: a person on a treadmill, filmed by four of them.

Run from a checkout, after ``make demo-real`` or ``tools/fetch_people FOLDER`` has fetched the film:
``python -m benchmarks.small_people --samples .cache/people``. Every camera is shown from every other one at a few
moments: middle squares of the rectified pictures, reduced to 64 pixels, without depth, which nobody knows here. A pair
of cameras counts once, with the mean over its moments: all of one scene from the same two places, they are not
independent. What is known beforehand are the cameras, so two rivals and an option use how far from the source its axis
passes nearest to the target's: "plane" is the source on a plane at that distance, holes filled; "range told" gives the
network 0.6 to 2.5 times that distance as its range of depths. "Floor" takes everything to lie on the floor, as the demo
does for reprojection. ``--sheet`` writes the pictures side by side.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, permutations
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.evaluation.machine import machine_line
from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.assumed_depth import constant_depth, plane_depth
from anyview_ros.metrics import psnr_db, ssim
from anyview_ros.offline.recording import RecordedCamera
from anyview_ros.offline.samples import people
from anyview_ros.synthesis import Synthesizer, load_synthesizer
from benchmarks.support.pairs import Image, Pair, Scores, copied, margins, mean_coloured, shown, table

SERIALS = ("cam01", "cam02", "cam03", "cam04")
BINS = {"15-45 deg": 45.0, "45-90 deg": 90.0, "> 90 deg": 180.0}
SIDE = 64
RANGE_OF_DISTANCE = (0.6, 2.5)
RIVALS = ("copy source", "mean colour", "plane")


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    cv2.setNumThreads(1)
    ours = load_synthesizer("anyview_small", device=arguments.device, weights=arguments.weights)
    reprojection = load_synthesizer("reprojection")
    scores: Scores = {}
    rows: list[list[Image]] = []
    for angle, moments in _pairs(arguments.samples, arguments.moments):
        name = next(name for name, most in BINS.items() if angle <= most)
        made = [_pictures(pair, ours, reprojection, arguments.steps) for pair in moments]
        add_row(scores.setdefault(name, {}), made, [pair.truth for pair in moments])
        rows.append([moments[0].image, *made[0].values(), moments[0].truth])
    ordered = {name: scores[name] for name in BINS if name in scores}
    counts = ", ".join(f"{len(next(iter(of.values())))} at {name}" for name, of in ordered.items())
    lines = [
        machine_line(),
        f"people, {SIDE} pixels, {arguments.moments} moments of each pair of cameras: {counts}",
    ]
    lines.append("PSNR (dB) ± standard error / SSIM")
    lines += table(ordered) + margins(ordered, {"ours": RIVALS, "ours, range told": RIVALS})
    if arguments.sheet:
        _write_sheet(arguments.sheet, rows)
        lines.append(f"{arguments.sheet}: source, {', '.join(made[0])}, truth")
    sys.stdout.write("\n".join(lines) + "\n")


def add_row(
    scores: dict[str, list[tuple[float, ...]]], made: Sequence[Mapping[str, Image]], truths: Sequence[Image]
) -> None:
    """Add one row for a pair of cameras to each method's: PSNR and SSIM, means over its moments.

    Args:
        scores: rows by method.
        made: of each moment what each method made.
        truths: of each moment what the target saw.
    """
    for method in made[0]:
        moments = [
            (psnr_db(pictures[method], truth), ssim(pictures[method], truth))
            for pictures, truth in zip(made, truths, strict=True)
        ]
        scores.setdefault(method, []).append(tuple(np.mean(moments, axis=0)))


def _pairs(samples: Path, moments: int) -> Iterator[tuple[float, list[Pair]]]:
    """Every ordered pair of cameras at each moment, with the angle between them in degrees."""
    films = {serial: people(samples, source=serial, references=()).source for serial in SERIALS}
    squares = {serial: list(_squares(film, moments)) for serial, film in films.items()}
    for source, target in permutations(SERIALS, 2):
        poses = [films[serial].camera_to_world for serial in (source, target)]
        cosine = float(poses[0][:3, 2] @ poses[1][:3, 2])
        pairs = [
            Pair(image, None, camera, poses[0], other, poses[1], truth)
            for (image, camera), (truth, other) in zip(squares[source], squares[target], strict=True)
        ]
        yield float(np.degrees(np.arccos(np.clip(cosine, -1, 1)))), pairs


def _squares(film: RecordedCamera, moments: int) -> Iterator[tuple[Image, PinholeCamera]]:
    """The middle square of the rectified film once a second, reduced."""
    pinhole = film.camera.rectified
    side = min(pinhole.size)
    x, y = (pinhole.width - side) // 2, (pinhole.height - side) // 2
    small = pinhole.cropped(x, y, side, side).resized(SIDE, SIDE)
    for frame in islice(film.frames(), 0, 60 * moments, 60):
        square = film.camera.rectify(frame.image)[y : y + side, x : x + side]
        yield np.asarray(cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8), small


def _pictures(pair: Pair, ours: Synthesizer, reprojection: Synthesizer, steps: int) -> dict[str, Image]:
    distance = _distance_m(pair.pose, pair.target_pose)
    told = {"depth_range_m": tuple(distance * factor for factor in RANGE_OF_DISTANCE)}
    floor = plane_depth(pair.camera, pair.pose, (0.0, 0.0, 0.0), (0.0, 0.0, 1.0))
    return {
        "copy source": copied(pair),
        "mean colour": mean_coloured(pair),
        "plane": shown(reprojection, pair, constant_depth(pair.camera, distance)),
        "floor": shown(reprojection, pair, floor),
        "ours": shown(ours, pair, None),
        "ours, range told": shown(ours, pair, None, told),
        f"ours, {steps} steps": shown(ours, pair, None, steps=steps),
    }


def _distance_m(source: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    """How far along its axis the source comes nearest to the target's axis."""
    axes = np.stack([source[:3, 2], -target[:3, 2]], 1)
    along, *_ = np.linalg.lstsq(axes, target[:3, 3] - source[:3, 3], rcond=None)
    return float(along[0])


def _write_sheet(path: Path, rows: list[list[Image]]) -> None:
    sheet = np.concatenate([np.concatenate(row, 1) for row in rows])
    large = cv2.resize(sheet, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(path), cv2.cvtColor(np.asarray(large, np.uint8), cv2.COLOR_RGB2BGR))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--samples", type=Path, default=Path(".cache/people"), help="the unpacked film")
    parser.add_argument("--moments", type=int, default=5, help="moments of the film, one second apart")
    parser.add_argument("--steps", type=int, default=4, help="sampling steps of the last column")
    parser.add_argument("--weights", help="weights to judge; none: those that are shipped")
    parser.add_argument("--device", help="torch device")
    parser.add_argument("--sheet", type=Path, help="picture file that shows the first moment of every pair")
    return parser.parse_args()


if __name__ == "__main__":
    main()
