"""Methods that imagine, from one picture of the simulated robot, beside methods that do not.

    python -m benchmarks.imagined_views zeronvs look_beyond --seeds 0 1 2 --sheet sheet.png

The robot stands still. One picture is given, with true depth or without; asked for are the views along two paths that
begin at its camera: "orbit" swings 40 degrees about the work, "pan" turns 60 degrees away from it. Scores are means
over the views of a path without its first: PSNR and SSIM of whole pictures, PSNR of the pixels that the picture does
not show ("unseen"), and mTSED of neighbouring views (SIFT; thresholds 1 to 4 pixels of pictures 256 wide), which needs
no truth: that of the truth itself stands beside it. Times are of this machine at this moment: see the load.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "2")

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import CameraTrajectory, PinholeCamera, orbit
from anyview_ros.geometry.warp import co_visible
from anyview_ros.metrics import psnr_db, ssim
from anyview_ros.metrics.consistency import mtsed, sequence_consistency
from anyview_ros.scenes import film, simulated_robot
from anyview_ros.synthesis import SynthesisRequest, Synthesizer, load_synthesizer
from benchmarks.support.columns import cell, sheet
from benchmarks.support.machine import machine_line
from benchmarks.support.progress import Progress

RIVALS = ("reprojection", "anyview_small", "copy_source")
PATHS = ("orbit", "pan")
POSES = 9
FOCUS = (0.27, 0.02, 0.90)
ORBIT_DEG, PAN_DEG = 40.0, 60.0
SHOWN = (2, 5, 8)
_STEP_NS = 100_000_000
_WIDTH_OF_THRESHOLDS_PX = 256


@dataclass(frozen=True, eq=False)
class Case:
    """One picture, and what the views along a path show in truth: depth float32 (N, H, W), metres."""

    source: PosedClip
    target: CameraTrajectory
    truth: NDArray[np.uint8]
    depth: NDArray[np.float32]


@dataclass(frozen=True)
class Scores:
    """Means over a path; None for what the truth has no need of."""

    psnr_db: float | None
    psnr_unseen_db: float | None
    ssim: float | None
    mtsed: float
    view_s: float | None


def make_case(path: str, seed: int, size: tuple[int, int] = (160, 120)) -> Case:
    """Film one of the simulated robots at one instant."""
    world = simulated_robot(seed)
    camera = PinholeCamera.from_fov(*size, horizontal_fov_deg=58)
    start, at_s = world.camera_to_world("front", 0.0), 0.5 + seed
    stamps_ns = np.arange(POSES, dtype=np.int64) * _STEP_NS
    if path == "orbit":
        target = orbit(camera, FOCUS, start, ORBIT_DEG, POSES, stamps_ns=stamps_ns)
    else:
        target = orbit(camera, start[:3, 3], start, PAN_DEG, POSES, stamps_ns=stamps_ns)
    shot, poses = film(world, camera, target.camera_to_world, np.full(POSES, at_s), supersampling=2)
    source = PosedClip(shot.frames[:1], camera, poses[:1], stamps_ns[:1], shot.depth[:1])
    return Case(source, target, shot.frames, shot.depth)


def views_of(
    method: Synthesizer, case: Case, *, steps: int | None = None, seed: int = 0, with_depth: bool = True
) -> tuple[NDArray[np.uint8], float]:
    """A method's pictures (N, H, W, 3), and the seconds that each took."""
    source = case.source if with_depth else replace(case.source, depth=None)
    request = SynthesisRequest((source,), (case.target,), steps=steps, seed=seed)
    began = time.perf_counter()
    frames = method.synthesize(request).views[0].frames
    return frames, (time.perf_counter() - began) / len(frames)


def scores_of(case: Case, frames: NDArray[np.uint8], view_s: float) -> Scores:
    """Scores of pictures (N, H, W, 3), the first of which is not judged."""
    camera, poses, source = case.target.camera, case.target.camera_to_world, case.source
    assert source.depth is not None  # noqa: S101 - films come with depth
    whole, unseen, similar = [], [], []
    for index in range(1, len(poses)):
        seen = co_visible(
            case.depth[index], camera, poses[index], source.depth[0], source.camera, source.camera_to_world[0]
        )
        whole.append(psnr_db(frames[index], case.truth[index]))
        unseen.append(psnr_db(frames[index], case.truth[index], ~seen))
        similar.append(ssim(frames[index], case.truth[index]))
    psnr, psnr_unseen, likeness = (float(np.mean(values)) for values in (whole, unseen, similar))
    return Scores(psnr, psnr_unseen, likeness, consistency_of(case, frames), view_s)


def consistency_of(case: Case, frames: NDArray[np.uint8]) -> float:
    """mTSED of neighbouring pictures along the path."""
    camera = case.target.camera
    scale = _WIDTH_OF_THRESHOLDS_PX / camera.width
    return mtsed(sequence_consistency(frames, camera, case.target.camera_to_world, scale=scale))


def table(found: Mapping[str, Mapping[str, Sequence[Scores]]]) -> list[str]:
    """Means and standard deviations over the seeds, as Markdown, one table per path."""
    titles = {
        "psnr_db": ("PSNR, dB", 2),
        "psnr_unseen_db": ("PSNR unseen, dB", 2),
        "ssim": ("SSIM", 3),
        "mtsed": ("mTSED", 2),
        "view_s": ("s per view", 2),
    }
    lines = []
    for path, methods in found.items():
        lines += ["", f"| {path} | " + " | ".join(title for title, _ in titles.values()) + " |"]
        lines.append("|---" * (len(titles) + 1) + "|")
        for name, scores in methods.items():
            cells = [
                cell([getattr(one, field) for one in scores], digits) for field, (_, digits) in titles.items()
            ]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    steps = {name: int(count) for name, _, count in (text.partition("=") for text in arguments.steps)}
    rivals = RIVALS[1:] if arguments.without_depth else RIVALS  # reprojection has to be told a depth
    names = (*arguments.methods, *rivals)
    found: dict[str, dict[str, list[Scores]]] = {path: {} for path in arguments.paths}
    sheets: list[NDArray[np.uint8]] = []
    refused: list[str] = []
    progress = Progress(len(arguments.paths) * len(arguments.seeds) * len(names))
    loaded = {name: load_synthesizer(name, device=arguments.device) for name in names}
    for path in arguments.paths:
        for seed in arguments.seeds:
            case = make_case(path, seed)
            columns = {"truth": list(case.truth[list(SHOWN)])}
            for name, method in loaded.items():
                progress.step(f"{path} {seed} {name}")
                try:
                    frames, view_s = views_of(
                        method, case, steps=steps.get(name), seed=seed, with_depth=not arguments.without_depth
                    )
                except InvalidRequestError as error:
                    refused.append(f"`{name}` refuses the {path} of seed {seed}: {error}")
                    continue
                found[path].setdefault(f"`{name}`", []).append(scores_of(case, frames, view_s))
                columns[name] = list(frames[list(SHOWN)])
            truth = Scores(None, None, None, consistency_of(case, case.truth), None)
            found[path].setdefault("the truth itself", []).append(truth)
            if seed == arguments.seeds[0]:
                sheets.append(sheet({"source": [case.source.frames[0]] * len(SHOWN), **columns}, scale=1))
    progress.end()
    sys.stdout.write("\n".join([machine_line(), *table(found), *refused]) + "\n")
    if arguments.json:
        plain = {p: {m: [asdict(s) for s in all_] for m, all_ in v.items()} for p, v in found.items()}
        arguments.json.write_text(json.dumps(plain), encoding="utf-8")
    if arguments.sheet:
        cv2.imwrite(str(arguments.sheet), np.vstack(sheets)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("methods", nargs="*", help="methods besides those that are always there")
    parser.add_argument("--paths", nargs="+", choices=PATHS, default=list(PATHS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--without-depth", action="store_true", help="give the picture alone")
    parser.add_argument(
        "--steps", action="append", default=[], metavar="METHOD=N", help="of its sampling; may be repeated"
    )
    parser.add_argument("--device", default="cpu", help="torch device")
    parser.add_argument("--json", type=Path, help="file that gets all scores")
    parser.add_argument("--sheet", type=Path, help="PNG that gets the first seed's pictures")
    return parser.parse_args()


if __name__ == "__main__":
    main()
