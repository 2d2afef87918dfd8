"""Methods that imagine, from one picture of the simulated robot, beside methods that do not.

    python -m benchmarks.imagined_views zeronvs look_beyond --seeds 0 1 2 --sheet sheet.png
    python -m benchmarks.imagined_views look_beyond look_beyond:panorama=false --pan-deg 120 --poses 13

The robot stands still. One picture is given, with true depth or without; asked for are the views along two paths that
begin at its camera: "orbit" swings 40 degrees about the work, "pan" turns 60 degrees away from it. Scores are means
over the views of a path without its first: PSNR and SSIM of whole pictures, PSNR of the pixels that the picture does
not show ("unseen"), and mTSED of neighbouring views (SIFT; thresholds 1 to 4 pixels of pictures 256 wide), which needs
no truth: that of the truth itself stands beside it. Times are of this machine at this moment: see the load.

A method may be given with options, NAME:option=value:option=value, and several times. What it gains over each of its
other settings is then told in pairs, robot by robot.
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
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.evaluation.machine import machine_line
from anyview_ros.geometry import CameraTrajectory, PinholeCamera, orbit
from anyview_ros.geometry.warp import co_visible
from anyview_ros.metrics import psnr_db, ssim
from anyview_ros.metrics.consistency import mtsed, sequence_consistency
from anyview_ros.offline.synthesize import parse_options
from anyview_ros.scenes import film, simulated_robot
from anyview_ros.synthesis import SynthesisRequest, Synthesizer, load_synthesizer
from benchmarks.support.columns import cell, sheet
from benchmarks.support.progress import Progress

RIVALS = ("reprojection", "anyview_small", "copy_source")
TURNS_DEG = {"orbit": 40.0, "pan": 60.0}
PATHS = tuple(TURNS_DEG)
POSES = 9
FOCUS = (0.27, 0.02, 0.90)
SHOWN = (0.25, 0.625, 1.0)
"""Which views a sheet shows, as parts of the path."""
TITLES = {
    "psnr_db": ("PSNR, dB", 2),
    "psnr_unseen_db": ("PSNR unseen, dB", 2),
    "ssim": ("SSIM", 3),
    "mtsed": ("mTSED", 2),
    "view_s": ("s per view", 2),
}
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


@dataclass(frozen=True, eq=False)
class Contender:
    """A method as it was named, NAME or NAME:option=value:..., and its options as parsed."""

    text: str
    synthesizer: Synthesizer
    options: Any

    @property
    def method(self) -> str:
        """The method's name alone."""
        return self.text.partition(":")[0]

    @property
    def heading(self) -> str:
        """What stands above its pictures: the options, or the name of a method without any."""
        return self.text.partition(":")[2] or self.text


Found = Mapping[str, Mapping[int, Scores]]
"""Scores along one path, by the method as it was named and by seed."""


def contenders(texts: Sequence[str], device: str | None) -> dict[str, Contender]:
    """Load methods, each once whatever its options.

    Raises:
        AnyViewError: no such method or option, or one that cannot be loaded.
    """
    loaded: dict[str, Synthesizer] = {}
    made = {}
    for text in texts:
        name, *assignments = text.split(":")
        if name not in loaded:
            loaded[name] = load_synthesizer(name, device=device)
        options = parse_options(assignments, loaded[name].describe().options_type, name)
        made[text] = Contender(text, loaded[name], options)
    return made


def make_case(
    path: str,
    seed: int,
    size: tuple[int, int] = (160, 120),
    *,
    turn_deg: float | None = None,
    poses: int = POSES,
) -> Case:
    """Film one of the simulated robots at one instant.

    Args:
        path: one of PATHS.
        seed: of the robot.
        size: width and height of the pictures.
        turn_deg: angle of the whole path; None for that of TURNS_DEG.
        poses: number of views along it.
    """
    world = simulated_robot(seed)
    camera = PinholeCamera.from_fov(*size, horizontal_fov_deg=58)
    start, at_s = world.camera_to_world("front", 0.0), 0.5 + seed
    stamps_ns = np.arange(poses, dtype=np.int64) * _STEP_NS
    pivot = FOCUS if path == "orbit" else start[:3, 3]
    angle_deg = TURNS_DEG[path] if turn_deg is None else turn_deg
    target = orbit(camera, pivot, start, angle_deg, poses, stamps_ns=stamps_ns)
    shot, at = film(world, camera, target.camera_to_world, np.full(poses, at_s), supersampling=2)
    source = PosedClip(shot.frames[:1], camera, at[:1], stamps_ns[:1], shot.depth[:1])
    return Case(source, target, shot.frames, shot.depth)


def views_of(
    method: Synthesizer,
    case: Case,
    *,
    steps: int | None = None,
    seed: int = 0,
    with_depth: bool = True,
    options: Any = None,
) -> tuple[NDArray[np.uint8], float]:
    """A method's pictures (N, H, W, 3), and the seconds that each took."""
    source = case.source if with_depth else replace(case.source, depth=None)
    request = SynthesisRequest((source,), (case.target,), steps, seed, options)
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


def table(found: Mapping[str, Found]) -> list[str]:
    """Means and standard deviations over the seeds, as Markdown, one table per path."""
    lines = []
    for path, methods in found.items():
        lines += _heading(path)
        lines += [_row(name, list(scores.values())) for name, scores in methods.items()]
    return lines


def gains(found: Mapping[str, Found]) -> list[str]:
    """What methods that were given several times gain by their first setting over each other one: means and standard
    deviations of the differences, seed by seed, as Markdown; nothing if no method was."""
    lines = []
    for path, methods in found.items():
        rows: list[str] = []
        first_of: dict[str, str] = {}
        for name, scores in methods.items():
            first = first_of.setdefault(name.strip("`").partition(":")[0], name)
            if first != name:
                both = [seed for seed in scores if seed in methods[first]]
                pairs = [_difference(methods[first][seed], scores[seed]) for seed in both]
                rows.append(_row(f"{first} less {name}", pairs))
        lines += [*_heading(f"{path}, in pairs"), *rows] if rows else []
    return lines


def _difference(a: Scores, b: Scores) -> Scores:
    """By how much the scores of ``a`` are higher."""
    of_b = asdict(b)
    return Scores(
        **{
            name: None if value is None or of_b[name] is None else value - of_b[name]
            for name, value in asdict(a).items()
        }
    )


def shown(poses: int) -> list[int]:
    """The views, of so many, that a sheet shows."""
    return [round(part * (poses - 1)) for part in SHOWN]


def _heading(first: str) -> list[str]:
    cells = " | ".join(title for title, _ in TITLES.values())
    return ["", f"| {first} | {cells} |", "|---" * (len(TITLES) + 1) + "|"]


def _row(name: str, scores: Sequence[Scores]) -> str:
    cells = [cell([getattr(one, field) for one in scores], digits) for field, (_, digits) in TITLES.items()]
    return f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    steps = {name: int(count) for name, _, count in (text.partition("=") for text in arguments.steps)}
    rivals = RIVALS[1:] if arguments.without_depth else RIVALS  # reprojection has to be told a depth
    named = contenders((*arguments.methods, *rivals), arguments.device)
    turns_deg = {"orbit": arguments.orbit_deg, "pan": arguments.pan_deg}
    found: dict[str, dict[str, dict[int, Scores]]] = {path: {} for path in arguments.paths}
    sheets: list[NDArray[np.uint8]] = []
    refused: list[str] = []
    progress = Progress(len(arguments.paths) * len(arguments.seeds) * len(named))
    for path in arguments.paths:
        for seed in arguments.seeds:
            case = make_case(path, seed, turn_deg=turns_deg[path], poses=arguments.poses)
            rows = shown(arguments.poses)
            columns = {"truth": list(case.truth[rows])}
            for text, one in named.items():
                progress.step(f"{path} {seed} {text}")
                try:
                    frames, view_s = views_of(
                        one.synthesizer,
                        case,
                        steps=steps.get(one.method),
                        seed=seed,
                        with_depth=not arguments.without_depth,
                        options=one.options,
                    )
                except InvalidRequestError as error:
                    refused.append(f"`{text}` refuses the {path} of seed {seed}: {error}")
                    continue
                found[path].setdefault(f"`{text}`", {})[seed] = scores_of(case, frames, view_s)
                columns[one.heading] = list(frames[rows])
            truth = Scores(None, None, None, consistency_of(case, case.truth), None)
            found[path].setdefault("the truth itself", {})[seed] = truth
            if seed == arguments.seeds[0]:
                sheets.append(sheet({"source": [case.source.frames[0]] * len(rows), **columns}, scale=1))
    progress.end()
    sys.stdout.write("\n".join([machine_line(), *table(found), *gains(found), *refused]) + "\n")
    if arguments.json:
        plain = {p: {m: [asdict(s) for s in of.values()] for m, of in v.items()} for p, v in found.items()}
        arguments.json.write_text(json.dumps(plain), encoding="utf-8")
    if arguments.sheet:
        cv2.imwrite(str(arguments.sheet), np.vstack(sheets)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "methods",
        nargs="*",
        metavar="METHOD[:OPTION=VALUE]...",
        help="methods besides those that are always there",
    )
    parser.add_argument("--paths", nargs="+", choices=PATHS, default=list(PATHS))
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the robots and of all noise"
    )
    parser.add_argument("--poses", type=int, default=POSES, help="views along each path, 2 or more")
    for path, angle_deg in TURNS_DEG.items():
        parser.add_argument(f"--{path}-deg", type=float, default=angle_deg, help="angle of the whole path")
    parser.add_argument("--without-depth", action="store_true", help="give the picture alone")
    parser.add_argument(
        "--steps", action="append", default=[], metavar="METHOD=N", help="of its sampling; may be repeated"
    )
    parser.add_argument("--device", default="cpu", help="torch device")
    parser.add_argument("--json", type=Path, help="file that gets all scores")
    parser.add_argument("--sheet", type=Path, help="PNG that gets the first seed's pictures")
    arguments = parser.parse_args()
    if arguments.poses < 2:
        parser.error(f"--poses is {arguments.poses}; the first view is not judged, give 2 or more")
    return arguments


if __name__ == "__main__":
    main()
