"""What the small network of ZeroNVS draws on held-out rooms and simulated robots, by view change and by settings.

Run from a checkout: ``python -m benchmarks.zeronvs_views``. PSNR (dB) ± standard error / SSIM of one picture per scene
and view change at 64x64; the source has true depth, which the method uses for the scale alone. A drawing is farther
from the one true picture than a blur is; what it gains is the look: "patches" is the Fréchet distance between 8 by 8
patches of ours and of the truth (see ``benchmarks.small_steps``), in grey levels.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from anyview_ros.evaluation.machine import machine_line
from anyview_ros.metrics import psnr_db, ssim
from anyview_ros.synthesis import Synthesizer, load_synthesizer
from anyview_ros.training.filmed import FilmPlan, film_to, read_rooms
from benchmarks.small_model import BINS, CHANGES_DEG
from benchmarks.small_steps import frechet
from benchmarks.support.pairs import Image, Pair, Scores, copied, mean_coloured, room_pair, shown, table

PLAN = FilmPlan(held_out=True, instants=1, view_changes_deg=CHANGES_DEG)
KINDS = {"rooms": PLAN, "robots": replace(PLAN, robots=True)}


@dataclass(frozen=True)
class Setting:
    """Steps and options that are tried."""

    steps: int
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """For people."""
        told = ", ".join(f"{name} {value:g}" for name, value in self.options.items())
        return f"{self.steps} steps{', ' if told else ''}{told}"


SETTINGS = (
    Setting(10),
    Setting(5),
    Setting(25),
    Setting(10, {"eta": 0.0}),
    Setting(10, {"guidance": 0.0}),
    Setting(10, {"guidance": 2.0}),
)


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    cv2.setNumThreads(1)
    print_line(machine_line())
    method = load_synthesizer("zeronvs", device=arguments.device, weights=arguments.weights)
    settings = SETTINGS if arguments.settings else SETTINGS[:1]
    for kind, plan in KINDS.items():
        rooms = read_rooms(film_to(arguments.rooms / kind, plan, arguments.count))
        pairs = {
            name: [room_pair(rooms, room, index + 1) for room in range(arguments.count)]
            for index, name in enumerate(BINS)
        }
        print_line(f"{kind}, {arguments.count} scenes: PSNR (dB) ± standard error / SSIM")
        scores, looks = judged(method, pairs, settings)
        for line in (*table(scores), *looks):
            print_line(line)
        if arguments.sheet is not None:
            cv2.imwrite(f"{arguments.sheet}_{kind}.png", sheet(method, pairs)[..., ::-1])
    print_line(_time(method, next(iter(pairs.values()))[0]))


def judged(
    method: Synthesizer, pairs: Mapping[str, list[Pair]], settings: tuple[Setting, ...]
) -> tuple[Scores, list[str]]:
    """Scores of each bin, and lines on how far the patches are from true ones."""
    scores: Scores = {}
    looks: dict[str, list[str]] = {}
    for name, chosen in pairs.items():
        made = {
            "copy source": [copied(pair) for pair in chosen],
            "mean colour": [mean_coloured(pair) for pair in chosen],
        }
        for setting in settings:
            made[setting.name] = [
                shown(method, pair, pair.depth, setting.options, steps=setting.steps) for pair in chosen
            ]
        truths = [pair.truth for pair in chosen]
        scores[name] = {
            row: [(psnr_db(one, truth), ssim(one, truth)) for one, truth in zip(images, truths, strict=True)]
            for row, images in made.items()
        }
        for row, images in made.items():
            looks.setdefault(row, []).append(f"{frechet(images, truths):.1f}")
    return scores, [f"patches of {row:<17}" + "".join(f"{v:>22}" for v in looks[row]) for row in looks]


def sheet(method: Synthesizer, pairs: Mapping[str, list[Pair]], rows: int = 6) -> Image:
    """For the first scenes and each view change: source, two drawings, truth; twice enlarged."""
    lines = []
    for index in range(min(rows, *map(len, pairs.values()))):
        line = []
        for chosen in pairs.values():
            pair = chosen[index]
            drawn = [shown(method, pair, pair.depth, seed=seed) for seed in (0, 1)]
            line += [copied(pair), *drawn, pair.truth, np.full((len(pair.truth), 4, 3), 255, np.uint8)]
        lines.append(np.concatenate(line, 1))
    whole = np.concatenate(lines)
    return np.asarray(cv2.resize(whole, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST), np.uint8)


def print_line(line: str) -> None:
    """One line at once, as these take minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _time(method: Synthesizer, pair: Pair) -> str:
    taken_s = []
    for _ in range(8):
        began = time.perf_counter()
        shown(method, pair, pair.depth)
        taken_s.append(time.perf_counter() - began)
    return f"one view in {min(taken_s):.2f} s, the fastest of {len(taken_s)}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--rooms", type=Path, default=Path("zeronvs_views"), help="folder of what is filmed")
    parser.add_argument("--count", type=int, default=50, help="scenes of each kind")
    parser.add_argument("--settings", action="store_true", help="try steps, guidance and eta too")
    parser.add_argument("--weights", help="of the method; none: those that are shipped")
    parser.add_argument("--device", help="torch device; none: CUDA if there is one")
    parser.add_argument("--sheet", help="write pictures to SHEET_rooms.png and SHEET_robots.png")
    return parser.parse_args()


if __name__ == "__main__":
    main()
