"""What DDR's losses do where the camera hardly moves, against plain depth losses and against the truth.

    python -m benchmarks.ddr --seeds 0 1 2

Five cameras within 2 cm of each other film one instant of the simulated robot, with depth that is clean or has 5 %
noise. Fits differ in one loss only; none begins from the depth, so that the loss alone can show what it does. Held-out
cameras stand 15 to 30 cm away; scores there are on the pixels that the first source camera saw, too. The spread
E|t - D| and the optical thickness before the surface are measured on the training views by the true depth. For camera
learning, the poses of four of the five cameras are off by 1 cm and half a degree, and the depth is clean.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.evaluation.machine import machine_line
from anyview_ros.geometry import PinholeCamera, invert_rigid
from anyview_ros.geometry.warp import co_visible
from anyview_ros.methods.ddr import DdrFitter, DdrOptions
from anyview_ros.methods.ddr.inspection import ray_profiles
from anyview_ros.methods.ddr.options import DepthLoss
from anyview_ros.methods.ddr.renderer import SceneRenderer
from anyview_ros.methods.ddr.scene import DdrScene
from anyview_ros.metrics import psnr_db
from anyview_ros.scenes import film, simulated_robot

SOURCES = ((0, 0), (-0.02, 0), (0.02, 0), (0, -0.02), (0, 0.02))
HELD_OUT = ((-0.3, 0), (0.3, 0), (0, -0.3), (0, 0.3), (-0.15, 0.1), (0.15, -0.1))
PIXELS_PER_VIEW = 300
POSE_ERROR_M, POSE_ERROR_DEG = 0.01, 0.5
Pose = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rig:
    """What the source cameras see, with true depth, and what the held-out ones do."""

    sources: PosedClip
    held_out: PosedClip


@dataclass(frozen=True)
class Scores:
    """Of one fit; the optical thickness is that before the surface."""

    spread_m: float
    thickness: float
    psnr_db: float
    depth_error_m: float
    pose_error_px: float
    pose_error_m: float
    fit_s: float


def make_rig(seed: int, size: tuple[int, int] = (80, 60)) -> Rig:
    """One instant of one of the simulated robots."""
    world, time_s = simulated_robot(seed), 1.0 + seed
    camera = PinholeCamera.from_fov(*size, horizontal_fov_deg=58)
    front = world.camera_to_world("front", time_s)
    clips = []
    for offsets in (SOURCES, HELD_OUT):
        poses = np.stack([_moved(front, right, down) for right, down in offsets])
        seen, _ = film(world, camera, poses, np.full(len(poses), time_s), supersampling=2)
        stamps_ns = 100_000_000 * np.arange(1, len(poses) + 1, dtype=np.int64)
        clips.append(PosedClip(seen.frames, camera, poses, stamps_ns, seen.depth))
    return Rig(*clips)


def _moved(pose: Pose, right: float, down: float) -> Pose:
    shift = np.eye(4)
    shift[:2, 3] = right, down
    moved: Pose = pose @ shift
    return moved


def noisy(clip: PosedClip, share: float, seed: int) -> PosedClip:
    """The clip with depth that is off by so much, as a part of itself (standard deviation), pixel by pixel."""
    factor = 1 + share * np.random.default_rng(seed).normal(size=clip.depth.shape)
    return replace(clip, depth=(clip.depth * factor).astype(np.float32))


def misplaced(clip: PosedClip, seed: int) -> PosedClip:
    """The clip with poses that are wrong, but the first."""
    rng = np.random.default_rng(seed)
    poses = clip.camera_to_world.copy()
    for index in range(1, len(poses)):
        turn, shift = rng.normal(size=3), rng.normal(size=3)
        turn *= np.radians(POSE_ERROR_DEG) / np.linalg.norm(turn)
        wrong = np.eye(4)
        wrong[:3, :3] = _rotation(turn)
        wrong[:3, 3] = POSE_ERROR_M * shift / np.linalg.norm(shift)
        poses[index] = poses[index] @ wrong
    return replace(clip, camera_to_world=poses)


def _rotation(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    import cv2

    return np.asarray(cv2.Rodrigues(vector)[0], np.float64)


def run(rig: Rig, clip: PosedClip, options: DdrOptions, seed: int) -> Scores:
    """Fit to ``clip`` and measure against the rig's truth."""
    began = time.perf_counter()
    outcome = DdrFitter(device="cpu").fit([clip], seed=seed, options=options)
    fit_s = time.perf_counter() - began
    scene = DdrScene.unpacked(outcome.scene, torch.device("cpu"))
    refined = outcome.scene.cameras[0].refined_camera_to_world
    spread, thickness = _along_rays(scene, rig.sources, refined, seed)
    psnr, depth = _held_out(SceneRenderer(scene), rig)
    pixels, metres = _pose_error(rig.sources, refined)
    return Scores(spread, thickness, psnr, depth, pixels, metres, fit_s)


def _along_rays(scene: DdrScene, truth: PosedClip, refined: Pose, seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    spreads, thicknesses = [], []
    for index, pose in enumerate(refined):
        rows, columns = np.nonzero(truth.depth[index])
        chosen = rng.choice(len(rows), PIXELS_PER_VIEW, replace=False)
        rows, columns = rows[chosen], columns[chosen]
        depth = truth.depth[index][rows, columns]
        profiles = ray_profiles(
            scene, truth.camera, pose, int(truth.stamps_ns[index]), np.stack([columns, rows], -1)
        )
        spreads.append(profiles.spread(depth))
        thicknesses.append(profiles.thickness_before(depth))
    return float(np.concatenate(spreads).mean()), float(np.concatenate(thicknesses).mean())


def _held_out(renderer: SceneRenderer, rig: Rig) -> tuple[float, float]:
    source, target = rig.sources, rig.held_out
    scores, errors = [], []
    for index, pose in enumerate(target.camera_to_world):
        picture = renderer.render(target.camera, pose, int(source.stamps_ns[0]))
        seen = co_visible(
            target.depth[index],
            target.camera,
            pose,
            source.depth[0],
            source.camera,
            source.camera_to_world[0],
        )
        scores.append(psnr_db(picture.image, target.frames[index], seen))
        errors.append(np.abs(picture.depth - target.depth[index])[seen].mean())
    return float(np.mean(scores)), float(np.mean(errors))


def _pose_error(truth: PosedClip, poses: Pose) -> tuple[float, float]:
    """Mean distance between where true and found cameras see points of the scene (pixels), and between them (m)."""
    pixels, metres = [], []
    for index in range(1, len(poses)):
        rows, columns = np.nonzero(truth.depth[index])
        rows, columns = rows[::37], columns[::37]
        at = np.stack([columns, rows], -1).astype(np.float64)
        local = truth.camera.unproject(at, truth.depth[index][rows, columns])
        off = invert_rigid(poses[index]) @ truth.camera_to_world[index]
        seen, _ = truth.camera.project(local @ off[:3, :3].T + off[:3, 3])
        pixels.append(np.linalg.norm(seen - at, axis=1).mean())
        metres.append(np.linalg.norm(poses[index][:3, 3] - truth.camera_to_world[index][:3, 3]))
    return float(np.mean(pixels)), float(np.mean(metres))


def measure(
    seeds: Sequence[int],
    steps: int,
    size: tuple[int, int] = (80, 60),
    losses: Sequence[DepthLoss] = ("none", "plain", "ddr", "closed"),
) -> dict[str, list[Scores]]:
    """All fits of all seeds, by name."""
    found: dict[str, list[Scores]] = {}
    plain = DdrOptions(fit_steps=steps, static_scene=True, start_from_depth=False, before_surface_weight=0.0)
    for seed in seeds:
        rig = make_rig(seed, size)
        for share in (0.0, 0.05):
            clip = rig.sources if share == 0 else noisy(rig.sources, share, seed)
            for loss in losses:
                if share and loss == "none":
                    continue
                _keep(
                    found,
                    f"depth noise {share:.0%}: {loss}",
                    run(rig, clip, replace(plain, depth_loss=loss), seed),
                )
        before = replace(plain, before_surface_weight=DdrOptions.before_surface_weight)
        _keep(
            found,
            "before-surface loss alone",
            run(rig, rig.sources, replace(before, depth_loss="none"), seed),
        )
        _keep(found, "ddr and before-surface loss", run(rig, rig.sources, before, seed))
        wrong = misplaced(rig.sources, seed)
        _keep(found, "poses off: left alone", run(rig, wrong, before, seed))
        _keep(found, "poses off: learned", run(rig, wrong, replace(before, refine_poses=True), seed))
    return found


def _keep(found: dict[str, list[Scores]], name: str, scores: Scores) -> None:
    found.setdefault(name, []).append(scores)
    sys.stderr.write(f"{name}: {asdict(scores)}\n")


def verdicts(found: Mapping[str, Sequence[Scores]]) -> list[tuple[str, float, str, bool]]:
    """What is claimed, the worst value over the seeds, the bar, and whether it is met by every seed."""

    def of(name: str, field: str) -> NDArray[np.float64]:
        return np.array([getattr(one, field) for one in found[name]])

    claims: list[tuple[str, float, str, bool]] = []

    def claim(what: str, values: NDArray[np.float64], bar: float, *, below: bool) -> None:
        worst = float(values.max() if below else values.min())
        claims.append(
            (what, worst, f"{'<=' if below else '>='} {bar:g}", worst <= bar if below else worst >= bar)
        )

    for noise in ("0%", "5%"):
        plain, ddr = f"depth noise {noise}: plain", f"depth noise {noise}: ddr"
        claim(
            f"spread, ddr / plain, noise {noise}",
            of(ddr, "spread_m") / of(plain, "spread_m"),
            0.2,
            below=True,
        )
        ratio = of(ddr, "depth_error_m") / of(plain, "depth_error_m")
        claim(f"held-out depth error, ddr / plain, noise {noise}", ratio, 1.0, below=True)
        gain = of(ddr, "psnr_db") - of(plain, "psnr_db")
        claim(f"held-out PSNR, ddr - plain (dB), noise {noise}", gain, 0.0, below=False)
    fall = of("depth noise 0%: none", "thickness") / of("before-surface loss alone", "thickness")
    claim("density before the surface, without / with its loss", fall, 10.0, below=False)
    ratio = of("poses off: learned", "pose_error_px") / of("poses off: left alone", "pose_error_px")
    claim("pose error (pixels), learned / left alone", ratio, 0.75, below=True)
    gain = of("poses off: learned", "psnr_db") - of("poses off: left alone", "psnr_db")
    claim("held-out PSNR, learned - left alone (dB)", gain, 0.0, below=False)
    return claims


def table(found: Mapping[str, Sequence[Scores]]) -> list[str]:
    """Means and standard deviations over the seeds, as Markdown."""
    fields = {
        "spread_m": ("E\\|t-D\\|, m", 3),
        "thickness": ("thickness before", 3),
        "psnr_db": ("held-out PSNR, dB", 2),
        "depth_error_m": ("held-out depth error, m", 3),
        "pose_error_px": ("pose error, px", 2),
        "pose_error_m": ("pose error, m", 4),
        "fit_s": ("fit, s", 0),
    }
    lines = [
        "| fit | " + " | ".join(title for title, _ in fields.values()) + " |",
        "|---" * (len(fields) + 1) + "|",
    ]
    for name, scores in found.items():
        cells = []
        for field, (_, digits) in fields.items():
            values = np.array([getattr(one, field) for one in scores])
            cells.append(
                f"{values.mean():.{digits}f} ± {values.std(ddof=1 if len(values) > 1 else 0):.{digits}f}"
            )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=400, help="of each fit (default: 400)")
    parser.add_argument("--json", type=Path, help="file that gets all scores")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = measure(arguments.seeds, arguments.steps)
    lines = [machine_line(), "", *table(found), "", "| claim | worst seed | bar | |", "|---|---|---|---|"]
    for what, worst, bar, met in verdicts(found):
        lines.append(f"| {what} | {worst:.3f} | {bar} | {'met' if met else 'missed'} |")
    sys.stdout.write("\n".join(lines) + "\n")
    if arguments.json:
        arguments.json.write_text(
            json.dumps({name: [asdict(one) for one in all_] for name, all_ in found.items()})
        )


if __name__ == "__main__":
    main()
