"""Methods that fit scenes, on held-out cameras of the simulated robot, beside methods that do not fit.

    python -m benchmarks.fitted_scenes ddr --seeds 0 1 2 --sheet sheet.png

The source camera stands still, or moves by some tens of centimetres, while the robot works; 16 frames in 5 s. Three
held-out cameras stand about 20 degrees to both sides of it and above it, and are asked for three of the instants.
Scores are of whole pictures, and of the pixels that the source saw at that instant ("seen"); depth errors are on those.
Fit time and render rate (160x120, one instant after the other) are of this machine at this moment: see the load.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "2")

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.evaluation.machine import machine_line
from anyview_ros.geometry import CameraTrajectory, PinholeCamera, look_at
from anyview_ros.geometry.warp import co_visible
from anyview_ros.metrics import psnr_db, ssim
from anyview_ros.scenes import render_clip, simulated_robot
from anyview_ros.synthesis import SynthesisRequest, SynthesizedView, Synthesizer, load_synthesizer
from anyview_ros.synthesis.fitting import FitBudget, load_fitter
from anyview_ros.synthesis.scene_file import write_scene
from benchmarks.support.columns import cell, sheet

RIVALS = ("reprojection", "anyview_small", "copy_source")
KINDS = ("static", "moving")
FRAMES, SPAN_S, ASKED = 16, 5.0, (2, 8, 13)
FOCUS = (0.27, 0.02, 0.90)
HELD_OUT = ((1.2, -1.2, 1.5), (1.55, -0.65, 1.6), (1.35, -0.95, 1.75))
RATE_SIZE, RATE_VIEWS = (160, 120), 12


@dataclass(frozen=True, eq=False)
class Case:
    """A source clip, and what held-out cameras saw at three of its instants."""

    source: PosedClip
    held_out: tuple[PosedClip, ...]


@dataclass(frozen=True)
class Scores:
    """Means over the held-out pictures; None where the method gives no depth, or does not fit."""

    psnr_db: float
    psnr_seen_db: float
    ssim: float
    depth_error_m: float | None
    fit_s: float | None
    rate_hz: float


def make_case(kind: str, seed: int, size: tuple[int, int] = (80, 60)) -> Case:
    """Film one of the simulated robots."""
    world = simulated_robot(seed)
    camera = PinholeCamera.from_fov(*size, horizontal_fov_deg=58)
    times_s = 0.5 + seed + np.linspace(0, SPAN_S, FRAMES)
    if kind == "static":
        poses = np.tile(world.camera_to_world("front", 0.0), (FRAMES, 1, 1))
    else:
        phase = 2 * np.pi * np.arange(FRAMES) / FRAMES
        eyes = np.stack(
            [1.42 + 0.25 * np.sin(phase), -0.95 + 0.4 * np.sin(2 * phase), 1.52 + 0.1 * np.cos(phase)], -1
        )
        poses = np.stack([look_at(eye, FOCUS) for eye in eyes])
    source = render_clip(world, camera, poses, times_s, supersampling=2)
    held_out = [
        render_clip(world, camera, look_at(eye, FOCUS), times_s[list(ASKED)], supersampling=2)
        for eye in HELD_OUT
    ]
    return Case(source, tuple(held_out))


def fitted(name: str, case: Case, seed: int, steps: int | None, scene: Path) -> tuple[Synthesizer, float]:
    """The method with a scene of the case's source, and the seconds that the fit took."""
    began = time.perf_counter()
    outcome = load_fitter(name, device="cpu").fit([case.source], budget=FitBudget(steps), seed=seed)
    fit_s = time.perf_counter() - began
    write_scene(scene, outcome.scene)
    return load_synthesizer(name, device="cpu", scene=str(scene)), fit_s


def judge(method: Synthesizer, case: Case, fit_s: float | None) -> tuple[Scores, list[NDArray[np.uint8]]]:
    """Scores of a method, and its pictures from the first held-out camera."""
    whole, seen_only, similar, depths, pictures = [], [], [], [], []
    for truth in case.held_out:
        view = _views(method, case.source, truth.camera, truth.camera_to_world, truth.stamps_ns)
        if truth is case.held_out[0]:
            pictures = list(view.frames)
        for index, frame in enumerate(ASKED):
            seen = co_visible(
                truth.depth[index],
                truth.camera,
                truth.camera_to_world[index],
                case.source.depth[frame],
                case.source.camera,
                case.source.camera_to_world[frame],
            )
            whole.append(psnr_db(view.frames[index], truth.frames[index]))
            seen_only.append(psnr_db(view.frames[index], truth.frames[index], seen))
            similar.append(ssim(view.frames[index], truth.frames[index]))
            if view.depth is not None:
                known = seen & (view.depth[index] > 0)
                depths.append(np.abs(view.depth[index] - truth.depth[index])[known].mean())
    depth = float(np.mean(depths)) if depths else None
    scores = Scores(
        psnr_db=float(np.mean(whole)),
        psnr_seen_db=float(np.mean(seen_only)),
        ssim=float(np.mean(similar)),
        depth_error_m=depth,
        fit_s=fit_s,
        rate_hz=_rate_hz(method, case),
    )
    return scores, pictures


def _views(
    method: Synthesizer,
    source: PosedClip,
    camera: PinholeCamera,
    poses: NDArray[np.float64],
    stamps_ns: NDArray[np.int64],
) -> SynthesizedView:
    target = CameraTrajectory(camera, poses, stamps_ns)
    return method.synthesize(SynthesisRequest((source,), (target,))).views[0]


def _rate_hz(method: Synthesizer, case: Case) -> float:
    """Views per second, the fastest of a dozen, each of another instant."""
    camera = PinholeCamera.from_fov(*RATE_SIZE, horizontal_fov_deg=58)
    pose = case.held_out[0].camera_to_world[:1]
    taken_s = []
    for index in range(RATE_VIEWS):
        stamp_ns = case.source.stamps_ns[[index % FRAMES]]
        began = time.perf_counter()
        _views(method, case.source, camera, pose, stamp_ns)
        taken_s.append(time.perf_counter() - began)
    return 1 / min(taken_s)


def table(found: dict[str, dict[str, list[Scores]]]) -> list[str]:
    """Means and standard deviations over the seeds, as Markdown, one table per kind of source."""
    titles = {
        "psnr_db": ("PSNR, dB", 2),
        "psnr_seen_db": ("PSNR seen, dB", 2),
        "ssim": ("SSIM", 3),
        "depth_error_m": ("depth error, m", 3),
        "fit_s": ("fit, s", 0),
        "rate_hz": ("160x120, Hz", 1),
    }
    lines = []
    for kind, methods in found.items():
        lines += ["", f"| {kind} source | " + " | ".join(title for title, _ in titles.values()) + " |"]
        lines.append("|---" * (len(titles) + 1) + "|")
        for name, scores in methods.items():
            cells = [
                cell([getattr(one, field) for one in scores], digits) for field, (_, digits) in titles.items()
            ]
            lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    steps = {name: int(count) for name, _, count in (text.partition("=") for text in arguments.steps)}
    found: dict[str, dict[str, list[Scores]]] = {}
    sheets: list[NDArray[np.uint8]] = []
    for kind in arguments.kinds:
        for seed in arguments.seeds:
            case, pictures = make_case(kind, seed), {}
            for name in (*arguments.methods, *RIVALS):
                with tempfile.TemporaryDirectory() as folder:
                    method, fit_s = _loaded(name, arguments.methods, case, seed, steps, Path(folder))
                    scores, pictures[name] = judge(method, case, fit_s)
                    method.close()
                found.setdefault(kind, {}).setdefault(name, []).append(scores)
                sys.stderr.write(f"{kind} {seed} {name}: {asdict(scores)}\n")
            if seed == arguments.seeds[0]:
                given = list(case.source.frames[list(ASKED)])
                sheets.append(sheet({"source": given, "truth": list(case.held_out[0].frames), **pictures}))
    sys.stdout.write("\n".join([machine_line(), *table(found)]) + "\n")
    if arguments.json:
        plain: Any = {k: {m: [asdict(s) for s in all_] for m, all_ in v.items()} for k, v in found.items()}
        arguments.json.write_text(json.dumps(plain), encoding="utf-8")
    if arguments.sheet:
        cv2.imwrite(str(arguments.sheet), np.vstack(sheets)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _loaded(
    name: str, fitting: Sequence[str], case: Case, seed: int, steps: dict[str, int], folder: Path
) -> tuple[Synthesizer, float | None]:
    if name not in fitting:
        return load_synthesizer(name, device="cpu" if name == "anyview_small" else None), None
    return fitted(name, case, seed, steps.get(name), folder / "scene.safetensors")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("methods", nargs="+", help="methods that fit scenes, such as ddr any4d")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--steps", action="append", default=[], metavar="METHOD=N", help="of its fit; may be repeated"
    )
    parser.add_argument("--json", type=Path, help="file that gets all scores")
    parser.add_argument("--sheet", type=Path, help="PNG that gets the first seed's pictures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
