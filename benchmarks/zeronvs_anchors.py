"""What anchors are worth: how varied scenes are that are distilled from one picture, over seeds.

Run from a checkout: ``python -m benchmarks.zeronvs_anchors``.

A ball's green front is given; its back is red or blue, either as likely. Field, score distillation, schedules, anchors
and their choice are those of ``anyview fit --method zeronvs``, with fewer steps, rays and cells. The denoiser alone is
not a network but the exact one of these pictures, in closed form (``benchmarks/support/two_backed_ball.py`` says how
and why): so what is lost on the way is lost by the distillation. It learns of a mode from the pictures that it is
shown, as a network does: shown the front it knows none, shown an anchor with a red back it is sure of red.

Each row is over the same seeds:

- modes: of how many scenes the middle of the back is clearly red, clearly blue (more than half as red or blue as the
  truth), or neither;
- spread: standard deviation of that redness over the seeds; 1 where half are as red as the truth, half as blue;
- back variance: over seeds, of the pixels of the picture from behind, in [0, 1], mean over pixels and colours;
- from behind: PSNR to the picture of the nearer of the two true worlds;
- seen side: PSNR of the input view, mean and least to most.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.evaluation.machine import machine_line
from anyview_ros.methods.zeronvs.distillation import DistillOptions, ZeroFitter
from anyview_ros.methods.zeronvs.distillation.scene import DistilledScene
from anyview_ros.metrics import psnr_db
from anyview_ros.synthesis.fitting import FitBudget
from benchmarks.support.two_backed_ball import (
    DISTANCE_M,
    WORLDS,
    camera_at,
    exact,
    input_clip,
    redness,
    rendered,
)

OPTIONS = DistillOptions(
    anchor_steps=50,
    elevation_deg=(0.0, 0.0),
    distance=(1.0, 1.0),
    look_at_m=DISTANCE_M,
    extent_m=0.9,
    voxels=12_000,
    samples=24,
    rays=256,
)


@dataclass(frozen=True, eq=False)
class Distilled:
    """What came of one seed.

    Attributes:
        behind: uint8 (H, W, 3), the picture from behind.
        redness: of its middle: 1 as in the red world, -1 as in the blue one.
        anchors: redness of the anchors that show the back's middle.
        seen_db: PSNR of the input view.
        behind_db: PSNR from behind, to the nearer of the two worlds.
    """

    behind: NDArray[np.uint8]
    redness: float
    anchors: tuple[float, ...]
    seen_db: float
    behind_db: float


@dataclass(frozen=True)
class Row:
    """A line of the table; see the module's docstring."""

    modes: tuple[int, int, int]
    spread: float
    back_variance: float
    behind_db: float
    seen_db: tuple[float, float, float]


def distilled(seed: int, options: DistillOptions, steps: int, red: float = 0.5) -> Distilled:
    """Distil the ball once.

    Args:
        seed: of all draws.
        options: of the fit.
        steps: of the fit.
        red: prior chance of the red world.
    """
    clip = input_clip()
    fitter = ZeroFitter(device="cpu", loaded=exact(red))
    fitted = fitter.fit([clip], budget=FitBudget(steps), seed=seed, options=options).scene
    scene = DistilledScene.unpacked(fitted, torch.device("cpu"))
    behind = scene.render(clip.camera, camera_at(180.0)).image
    truth, _ = rendered(torch.full((len(WORLDS),), 180.0), torch.arange(len(WORLDS)), len(behind), 1)
    worlds = (255 * truth.permute(0, 2, 3, 1)).round().to(torch.uint8).numpy()
    return Distilled(
        behind,
        redness(behind),
        tuple(redness(anchor) for anchor in fitted.tensors["anchors"]),
        psnr_db(scene.render(clip.camera, clip.camera_to_world[0]).image, clip.frames[0]),
        max(psnr_db(behind, world) for world in worlds),
    )


def row_of(scenes: Sequence[Distilled]) -> Row:
    """The line of scenes that differ in their seeds alone."""
    found = np.array([scene.redness for scene in scenes])
    red, blue = int((found > 0.5).sum()), int((found < -0.5).sum())
    seen = np.array([scene.seen_db for scene in scenes])
    return Row(
        (red, blue, len(scenes) - red - blue),
        float(found.std()),
        float((np.stack([scene.behind for scene in scenes]) / 255.0).var(0).mean()),
        float(np.mean([scene.behind_db for scene in scenes])),
        (float(seen.mean()), float(seen.min()), float(seen.max())),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What anchors are worth to ZeroNVS's distillation.")
    parser.add_argument("--seeds", type=int, default=8, help="number of seeds (default: 8)")
    parser.add_argument("--steps", type=int, default=200, help="steps of a fit (default: 200)")
    parser.add_argument(
        "--anchors", type=int, nargs="+", default=[0, 1], help="numbers of anchors (default: 0 1)"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    _say(machine_line())
    _say(f"{arguments.seeds} seeds, {arguments.steps} steps, guidance {OPTIONS.guidance:g}")
    _say(
        "| anchors | red / blue / neither | spread | back variance | from behind | seen side | time of a fit |"
    )
    _say("|---|---|---|---|---|---|---|")
    for count in arguments.anchors:
        options = DistillOptions(**{**vars(OPTIONS), "anchors": count})
        began = time.perf_counter()
        row = row_of([distilled(seed, options, arguments.steps) for seed in range(arguments.seeds)])
        taken = (time.perf_counter() - began) / arguments.seeds
        mean, least, most = row.seen_db
        _say(
            f"| {count} | {' / '.join(map(str, row.modes))} | {row.spread:.2f} | {row.back_variance:.4f} | "
            f"{row.behind_db:.2f} dB | {mean:.2f} ({least:.2f} to {most:.2f}) dB | {taken:.1f} s |"
        )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
