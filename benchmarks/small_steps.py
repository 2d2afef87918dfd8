"""What sampling steps do: the small network's pictures in 1, 2, 4, 8 steps, on held-out rooms by view change.

Run from a checkout: ``python -m benchmarks.small_steps``. Rooms are those of ``benchmarks.small_model``. One step is
the regression, the expected picture; more draw a picture that could be there, where the confidence is low. A draw is
farther from the one true picture than the mean of all draws is, so PSNR falls; what it gains is the look of a picture:

- detail: how much neighbouring pixels differ, as part of the truth's (1 is right, less is blurred);
- patches: Fréchet distance between 8 by 8 patches of ours and of the truth, each less its mean colour, both taken for
  normal, in grey levels. The row "truth" is that between the true pictures of one half of the rooms and the other.
- diversity: how far two seeds are apart, in grey levels, over the whole picture.

"One depth" is one step with that option.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.evaluation.machine import machine_line
from anyview_ros.metrics import psnr_db, ssim
from anyview_ros.synthesis import Synthesizer, load_synthesizer
from anyview_ros.training.filmed import FilmedRooms, FilmPlan, film_to, read_rooms
from benchmarks.small_model import BINS, CHANGES_DEG
from benchmarks.support.pairs import Image, room_pair, shown, standard_error

PATCH = 8


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    cv2.setNumThreads(1)
    plan = FilmPlan(held_out=True, view_changes_deg=CHANGES_DEG)
    rooms = read_rooms(film_to(Path(arguments.rooms), plan, arguments.count + arguments.first))
    ours = load_synthesizer("anyview_small", device=arguments.device, weights=arguments.weights)
    options = {"solver": arguments.solver}
    chosen = range(arguments.first, arguments.first + arguments.count)
    print_line(machine_line())
    for kind in ("no depth", "true depth"):
        print_line(f"{kind}: PSNR (dB) / its change ± standard error / SSIM / detail / patches / diversity")
        for index, name in enumerate(BINS):
            truths = [room_pair(rooms, room, index + 1).truth for room in chosen]
            expected: list[Image] = []
            for steps, one_depth in [(steps, False) for steps in arguments.steps] + [(1, True)]:
                draws = [
                    _drawn(
                        ours, rooms, chosen, index + 1, kind, steps, seed, options | {"one_depth": one_depth}
                    )
                    for seed in ((0,) if steps == 1 else (0, 1))
                ]
                expected = expected or draws[0]
                what = "one depth" if one_depth else f"{steps} steps"
                print_line(f"{name:>10} {what:>9}  {_figures(draws, truths, expected)}")
            halves = truths[::2], truths[1::2]
            print_line(f"{name:>10} truth                             patches {frechet(*halves):.1f}")
    for line in _times(ours, rooms, arguments.steps):
        print_line(line)
    if arguments.sheet:
        _write_sheet(arguments.sheet, ours, rooms, chosen[: arguments.sheet_rooms], options)


def print_line(line: str) -> None:
    """One line at once, as these take minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _drawn(
    ours: Synthesizer,
    rooms: FilmedRooms,
    chosen: Sequence[int],
    target: int,
    kind: str,
    steps: int,
    seed: int,
    options: dict[str, Any],
) -> list[Image]:
    pairs = [room_pair(rooms, room, target) for room in chosen]
    return [
        shown(ours, pair, pair.depth if kind == "true depth" else None, options, steps=steps, seed=seed)
        for pair in pairs
    ]


def _figures(draws: list[list[Image]], truths: list[Image], expected: list[Image]) -> str:
    first = draws[0]
    errors, before = (
        np.array([psnr_db(picture, truth) for picture, truth in zip(pictures, truths, strict=True)])
        for pictures in (first, expected)
    )
    change = errors - before
    like = np.mean([ssim(picture, truth) for picture, truth in zip(first, truths, strict=True)])
    apart = np.abs(np.array(draws[0], float) - np.array(draws[-1], float)).mean()
    return (
        f"{errors.mean():.2f} / {change.mean():+.2f} ± {standard_error(change):.2f} / {like:.3f} / "
        f"{detail(first) / detail(truths):.2f} / {frechet(first, truths):.1f} / {apart:.1f}"
    )


def detail(pictures: Sequence[Image]) -> float:
    """Mean difference of neighbouring pixels, grey levels."""
    stack = np.array(pictures, float)
    return float(np.abs(np.diff(stack, axis=1)).mean() + np.abs(np.diff(stack, axis=2)).mean()) / 2


def frechet(one: Sequence[Image], other: Sequence[Image]) -> float:
    """Distance of two sets of pictures by mean and covariance of their patches, grey levels (rms per value)."""
    (mean, spread), (mean_other, spread_other) = _patches(one), _patches(other)
    root = np.sqrt(np.clip(np.linalg.eigvals(spread @ spread_other).real, 0, None)).sum()
    squared = ((mean - mean_other) ** 2).sum() + np.trace(spread + spread_other) - 2 * root
    return float(np.sqrt(max(squared, 0.0) / len(mean)))


def _patches(pictures: Sequence[Image]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    stack = np.array(pictures, float)
    count, height, width = stack.shape[:3]
    cut = stack.reshape(count, height // PATCH, PATCH, width // PATCH, PATCH, 3).transpose(0, 1, 3, 2, 4, 5)
    cut = cut - cut.mean((3, 4), keepdims=True)
    flat = cut.reshape(-1, PATCH * PATCH * 3)
    return flat.mean(0), np.cov(flat, rowvar=False)


def _times(ours: Synthesizer, rooms: FilmedRooms, steps: Sequence[int]) -> list[str]:
    pair = room_pair(rooms, 0, 1)
    lines = []
    for count in steps:
        taken = []
        for _ in range(8):
            began = time.perf_counter()
            shown(ours, pair, None, steps=count)
            taken.append(time.perf_counter() - began)
        lines.append(f"one 64x64 view in {count} steps: {1e3 * min(taken):.0f} ms at best of 8")
    return lines


def _write_sheet(
    path: Path, ours: Synthesizer, rooms: FilmedRooms, chosen: Sequence[int], options: dict[str, str]
) -> None:
    """One row per room and view change: source, 1 step, 4, 8, 8 of another seed, truth; without depth."""
    rows = []
    for room in chosen:
        for index in range(len(BINS)):
            pair = room_pair(rooms, room, index + 1)
            draws = [
                shown(ours, pair, None, options, steps=s, seed=seed)
                for s, seed in ((1, 0), (4, 0), (8, 0), (8, 1))
            ]
            rows.append(np.concatenate([pair.image, *draws, pair.truth], 1))
    large = cv2.resize(np.concatenate(rows), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(path), cv2.cvtColor(np.asarray(large, np.uint8), cv2.COLOR_RGB2BGR))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--rooms", default="build/held_out_rooms", help="folder that keeps the filmed rooms")
    parser.add_argument("--first", type=int, default=50, help="first room; those before were calibrated on")
    parser.add_argument("--count", type=int, default=100, help="rooms to judge")
    parser.add_argument("--steps", type=int, nargs="+", default=[1, 2, 4, 8], help="numbers of steps")
    parser.add_argument("--solver", default="ab2", help="ab2 or euler")
    parser.add_argument("--weights", help="weights to judge; none: those that are shipped")
    parser.add_argument("--device", help="torch device")
    parser.add_argument("--sheet", type=Path, help="picture file with draws side by side")
    parser.add_argument("--sheet-rooms", type=int, default=4, help="rooms in it")
    return parser.parse_args()


if __name__ == "__main__":
    main()
