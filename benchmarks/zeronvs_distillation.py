"""What score distillation and anchors add to a scene that is fitted to one picture of a simulated robot.

Run from a checkout: ``python -m benchmarks.zeronvs_distillation``. The first frame of ``benchmarks.imagined_views``'
orbit, with depth, is fitted with the weights that are shipped; the scene is then seen from the 40 degrees of the orbit.
Scores are means over its pictures but the first, and over the robots; "unseen" are the pixels that the first frame did
not show, by true depth. "nothing imagined" is the same fit without distillation: what it does not know stays grey.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from anyview_ros.evaluation.machine import machine_line
from anyview_ros.methods.zeronvs.distillation import DistillOptions, ZeroFitter
from anyview_ros.methods.zeronvs.distillation.scene import DistilledScene
from anyview_ros.metrics import psnr_db
from anyview_ros.synthesis.fitting import FitBudget
from benchmarks.imagined_views import make_case, scores_of

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "nothing imagined": {"sds_weight": 0.0, "anchors": 0},
    "distilled, no anchors": {"anchors": 0},
    "distilled, 3 anchors": {"anchors": 3},
}
COMMON: Mapping[str, Any] = {
    "azimuth_deg": (-60.0, 60.0),
    "elevation_deg": (10.0, 70.0),
    "voxels": 150_000,
    "samples": 32,
    "rays": 512,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What distillation adds to a scene of one picture.")
    parser.add_argument("--robots", type=int, nargs="+", default=[0, 1], help="seeds of the scenes")
    parser.add_argument("--steps", type=int, default=250, help="of a fit (default: 250)")
    parser.add_argument("--weights", help="path of weights (default: those that are shipped)")
    parser.add_argument("--sheet", type=Path, help="write truth and views of the first robot there, PNG")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    _say(machine_line())
    _say(f"{len(arguments.robots)} robots, {arguments.steps} steps")
    _say("| | input view | whole, dB | unseen, dB | SSIM | mTSED | time of a fit |")
    _say("|---|---|---|---|---|---|---|")
    sheet: list[np.ndarray[Any, np.dtype[np.uint8]]] = []
    for name, setting in SETTINGS.items():
        rows, taken = [], 0.0
        for robot in arguments.robots:
            case = make_case("orbit", robot)
            options = DistillOptions(**{**COMMON, **setting, "weights": arguments.weights})
            began = time.perf_counter()
            fitted = ZeroFitter(device="cpu").fit(
                [case.source], budget=FitBudget(arguments.steps), seed=0, options=options
            )
            taken += (time.perf_counter() - began) / len(arguments.robots)
            scene = DistilledScene.unpacked(fitted.scene, torch.device("cpu"))
            target = case.target
            frames = np.stack([scene.render(target.camera, pose).image for pose in target.camera_to_world])
            scores = scores_of(case, frames, 0.0)
            rows.append(
                (
                    psnr_db(frames[0], case.truth[0]),
                    scores.psnr_db,
                    scores.psnr_unseen_db,
                    scores.ssim,
                    scores.mtsed,
                )
            )
            if robot == arguments.robots[0]:
                shown = np.linspace(0, len(frames) - 1, 4).round().astype(int)
                sheet += [np.concatenate(case.truth[shown], 1)] if not sheet else []
                sheet += [np.concatenate(frames[shown], 1)]
        view, whole, unseen, similar, mtsed = np.array(rows, np.float64).mean(0)
        _say(
            f"| {name} | {view:.2f} | {whole:.2f} | {unseen:.2f} | {similar:.3f} | {mtsed:.3f} | {taken:.0f} s |"
        )
    if arguments.sheet is not None:
        cv2.imwrite(str(arguments.sheet), np.concatenate(sheet)[..., ::-1])


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
