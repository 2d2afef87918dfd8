"""What the parts of any4d are worth: frozen and learned generators, one trajectory for both stages, persistence.

Run from a checkout: ``python -m benchmarks.any4d``. Each table is over ``--seeds`` seeds: mean and least to most.

- Motion: 200 points of a rod are tracked with 2 mm of noise, three in ten places missing, half of the points never seen
  after the first instant; the same steps for all. Mean distance from the truth at the points that were seen, and at
  those that were not.
- Trajectory: a generator that shows the truth along the trajectory; its pictures are fitted at the trajectory's poses,
  and at poses with noise. PSNR on cameras that were not fitted.
- Occlusion: a box slides before a wall and back. How many Gaussians are born where it uncovers wall for the first time,
  and where wall that it had covered appears again.
- Rate: pictures per second of random Gaussians at 160x120.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.clips import PosedClip
from anyview_ros.evaluation.machine import machine_line
from anyview_ros.geometry import CameraTrajectory, PinholeCamera, look_at, perturbed
from anyview_ros.methods.any4d import Any4DFitOptions, Any4DOptions
from anyview_ros.methods.any4d.fitting import fit_scene
from anyview_ros.methods.any4d.live import LiveScene
from anyview_ros.methods.any4d.model import MovingGaussians
from anyview_ros.methods.any4d.motion import HybridMotion, MotionKind
from anyview_ros.methods.any4d.observations import Observation, observed_frame
from anyview_ros.methods.any4d.picture import picture_of
from anyview_ros.metrics import psnr_db
from anyview_ros.rendering.gaussians import Gaussians
from anyview_ros.rendering.se3 import rotation_from_quaternion, se3_exp
from anyview_ros.rendering.splatting import splat
from anyview_ros.scenes import Body, Light, Material, World, box, plane, procedural_textures, render_clip
from anyview_ros.synthesis.fitting import FitBudget

Motion = Callable[[Tensor, NDArray[np.float64], int], Tensor]
_INSTANTS = 12


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    torch.set_num_threads(1)
    _say(machine_line())
    seeds = range(arguments.seeds)
    for part in arguments.parts:
        {"motion": _motion, "trajectory": _trajectory, "occlusion": _occlusion, "rate": _rate}[part](seeds)


def _motion(seeds: Sequence[int]) -> None:
    _say("\nmotion of 200 points, error in mm       seen                unseen")
    cases: tuple[tuple[MotionKind, int], ...]
    cases = (("hybrid", 15), ("learned", 15), ("hybrid", 9), ("learned", 9), ("fixed", 6))
    for name, motion in (("rigid", rigid_motion), ("bending", bending_motion)):
        for kind, bases in cases:
            errors = [motion_errors(motion, kind, bases, seed) for seed in seeds]
            seen, unseen = ([1e3 * e[i] for e in errors] for i in range(2))
            _say(f"{name:8} {kind:8} B={bases:<3}   {_told(seen):>24} {_told(unseen):>24}")


def _trajectory(seeds: Sequence[int]) -> None:
    _say("\nnoise on the trajectory between the stages     PSNR on held-out cameras, dB")
    for degrees, metres in ((0.0, 0.0), (1.0, 0.01), (3.0, 0.03)):
        values = [trajectory_psnr(seed, np.radians(degrees), metres) for seed in seeds]
        _say(f"{degrees:g} deg, {100 * metres:g} cm {_told(values):>38}")


def _occlusion(seeds: Sequence[int]) -> None:
    _say(
        "\nGaussians born where a box uncovers wall    never seen before      seen before     PSNR at last, dB"
    )
    for seed in seeds:
        shown = occlusion(seed)
        _say(f"seed {seed}: {shown.born_first:>40} {shown.born_again:>16} {shown.psnr_again:16.1f}")


def _rate(seeds: Sequence[int]) -> None:
    del seeds
    _say("\npictures per second at 160x120, one thread")
    for count in (3_000, 10_000, 20_000):
        _say(f"{count:6d} Gaussians: {render_rate(count):6.1f}")


def rigid_motion(points: Tensor, times: NDArray[np.float64], seed: int) -> Tensor:
    """Points (N, 3) of one rigid body at times (K,): (N, K, 3)."""
    rng = np.random.default_rng(seed)
    first, second = (torch.from_numpy(rng.normal(0, (0.5,) * 3 + (0.35,) * 3)).float() for _ in range(2))
    places = []
    for t in times:
        rotation, shift = se3_exp(first * float(t) + second * float(np.sin(2.2 * t)))
        places.append(points @ rotation.T + shift)
    return torch.stack(places, 1)


def bending_motion(points: Tensor, times: NDArray[np.float64], seed: int) -> Tensor:
    """Points of a cable that swings in four modes at once: (N, K, 3)."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 2 * np.pi, 4)
    rate = np.array([2.0, 5.0, 8.0, 11.0]) * rng.uniform(0.9, 1.1, 4)
    p = points.numpy().astype(np.float64)
    along = p[:, 0] + 0.5
    places = []
    for t in times:
        lateral, slope = np.zeros(len(p)), np.zeros(len(p))
        for mode in range(4):
            size = 0.12 / np.sqrt(mode + 1) * (np.sin(rate[mode] * t + phase[mode]) - np.sin(phase[mode]))
            lateral += size * np.sin((mode + 1) * np.pi * along)
            slope += size * (mode + 1) * np.pi * np.cos((mode + 1) * np.pi * along)
        angle = np.arctan(slope)
        moved = [p[:, 0] - np.sin(angle) * p[:, 1], lateral + np.cos(angle) * p[:, 1], p[:, 2]]
        places.append(np.stack(moved, -1))
    return torch.from_numpy(np.stack(places, 1)).float()


def motion_errors(
    motion: Motion, kind: MotionKind, bases: int, seed: int, *, steps: int = 150, count: int = 200
) -> tuple[float, float]:
    """Mean distance from the truth, metres, of points that were tracked and of points that were not."""
    random = torch.Generator().manual_seed(seed)
    size = torch.tensor([1.0, 0.15, 0.15])
    points = torch.rand(count, 3, generator=random) * size - size / 2
    truth = motion(points, np.linspace(0, 1, _INSTANTS), seed)
    tracked = truth + 0.002 * torch.randn(truth.shape, generator=random)
    visible = (torch.rand(truth.shape[:2], generator=random) > 0.3).float()
    hidden = torch.rand(count, generator=random) < 0.5
    visible[hidden] = 0
    stamps_ns = (np.arange(_INSTANTS, dtype=np.int64) + 1) * 10**8
    model = HybridMotion(count, stamps_ns, bases=bases, kind=kind, scale=0.5, generator=random)
    groups: list[dict[str, Any]] = [
        {"params": [model.weights], "eps": 1e-3 / count},
        {"params": [model.courses, model.learned]},
    ]
    adam = torch.optim.Adam(
        groups,
        lr=2e-2,
    )
    calmer = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    for _ in range(steps):
        away = (_moved(model, truth[:, 0]) - tracked).norm(dim=-1)
        loss = (away * visible).sum() / visible.sum() + 0.01 * model.preference()
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        calmer.step()
    with torch.no_grad():
        error = (_moved(model, truth[:, 0]) - truth).norm(dim=-1).mean(1)
    return error[~hidden].mean().item(), error[hidden].mean().item()


def _moved(model: HybridMotion, points: Tensor) -> Tensor:
    """Places (N, K, 3) of points (N, 3) at all knots, at once."""
    courses = model.courses - model.courses[model.reference]
    rotation, shift = se3_exp((model.weights[:, None] * courses) @ model.generators)
    return (rotation @ points[:, None, :, None])[..., 0] + model.scale * shift


def still_room(seed: int) -> World:
    """A textured corner with boxes in it, in which nothing moves."""
    rng = np.random.default_rng(seed)
    textures = ("confetti", "bricks", "marble_1", "stripes", "clouds")

    def painted() -> Material:
        one, two = (tuple(float(c) for c in rng.uniform(0.1, 0.95, 3)) for _ in range(2))
        return Material(one, two, textures[rng.integers(len(textures))], float(rng.uniform(0.3, 0.7)))  # type: ignore[arg-type]

    bodies = [_wall(painted(), 0.0, 2.2)]
    for _ in range(6):
        size, place = rng.uniform(0.15, 0.5, 3), rng.uniform((-0.8, -0.6, 1.2), (0.8, 0.6, 1.9))
        bodies.append(Body(box(*size), painted(), _at(*place)))
    return World(tuple(bodies), lambda times: {}, (_LAMP,), procedural_textures())


def trajectory_psnr(seed: int, turn_rad: float, shift_m: float, *, steps: int = 120) -> float:
    """PSNR on held-out cameras after a fit to pictures that were made along a trajectory, with noise on its poses."""
    world, camera = still_room(seed), PinholeCamera.from_fov(64, 48, horizontal_fov_deg=60)
    eyes = np.stack([np.linspace(-0.35, 0.35, 6), np.linspace(0.1, -0.1, 6), np.zeros(6)], -1)
    trajectory = CameraTrajectory(camera, look_at(eyes, (0, 0, 1.6), (0, -1, 0)))
    times = 0.1 * np.arange(1, 7)
    made = render_clip(world, camera, trajectory.camera_to_world, times, supersampling=2)
    source = _frames(made, slice(0, 1))
    used = perturbed(trajectory, turn_rad, shift_m, seed, per_pose=True)
    more = [
        observed_frame(made, -1, frame).placed(used.camera_to_world[frame], int(made.stamps_ns[0]))
        for frame in range(1, 6)
    ]
    fitted = _fit(source, more, seed, steps)
    between = look_at((eyes[:-1] + eyes[1:]) / 2 + (0, 0.05, 0), (0, 0, 1.6), (0, -1, 0))
    truth = render_clip(world, camera, between, times[:5], supersampling=2)
    stamp_ns = int(made.stamps_ns[0])
    scores = [
        psnr_db(picture_of(fitted, stamp_ns, camera, pose).image, frame)
        for pose, frame in zip(between, truth.frames, strict=True)
    ]
    return float(np.mean(scores))


def _fit(source: PosedClip, more: Sequence[Observation], seed: int, steps: int) -> MovingGaussians:
    options = Any4DFitOptions(gaussians=6000)
    outcome = fit_scene([source], options, budget=FitBudget(steps), seed=seed, device="cpu", more=more)
    return MovingGaussians.load(outcome.scene.tensors, outcome.scene.settings)


@dataclass(frozen=True)
class Occlusion:
    """What happened while a box slid before a wall and back.

    Attributes:
        born_first: Gaussians born on the wall while it uncovered what was never seen.
        born_again: Gaussians born on the wall while it uncovered what was seen before.
        psnr_again: of the picture when all has appeared again, dB.
    """

    born_first: int
    born_again: int
    psnr_again: float


def occlusion(
    seed: int, *, steps_per_frame: int = 2, frames: int = 12, size: tuple[int, int] = (64, 48)
) -> Occlusion:
    """Watch a box slide to the right, uncovering wall that was never seen, and back, uncovering what was."""
    rng = np.random.default_rng(seed)
    colour = tuple(float(c) for c in rng.uniform(0.3, 0.9, 3))
    wall = Material(colour, (0.1, 0.1, 0.2), "confetti", 0.6)  # type: ignore[arg-type]
    block = Material((0.9, 0.2, 0.1), (0.9, 0.8, 0.1), "checker", 0.12)
    speed = float(rng.uniform(0.9, 1.1))

    def motion(times: NDArray[np.float64]) -> dict[str, tuple[str, NDArray[np.float64]]]:
        phase = np.mod(times * speed, 2.0)
        pose = np.broadcast_to(np.eye(4), (*np.shape(times), 4, 4)).copy()
        pose[..., 0, 3] = -0.35 + 0.7 * np.where(phase < 1, phase, 2 - phase)
        pose[..., 2, 3] = 1.2
        return {"slider": ("world", pose)}

    bodies = (
        _wall(wall, 0.0, 2.0),
        Body(box(0.45, 0.6, 0.1), block, np.eye(4), "slider", casts_shadow=False),
    )
    world = World(bodies, motion, (_LAMP,), procedural_textures())
    camera = PinholeCamera.from_fov(*size, horizontal_fov_deg=60)
    times = np.arange(2 * frames) / frames / speed
    clip = render_clip(world, camera, np.eye(4), times, supersampling=2)
    options = Any4DOptions(gaussians=2 * size[0] * size[1], steps_per_frame=steps_per_frame, generator=None)
    live = LiveScene(camera, options, seed, "cpu")
    born = []
    for frame in range(len(clip)):
        live.push(_frames(clip, slice(frame, frame + 1)))
        born.append(int((live.newest[:, 2] > 1.9).sum()))
    assert live.scene is not None  # noqa: S101 - frames were pushed
    last = picture_of(live.scene, int(clip.stamps_ns[-1]), camera, np.eye(4))
    first, again = sum(born[1:frames]), sum(born[frames + 1 :])
    return Occlusion(first, again, psnr_db(last.image, clip.frames[-1]))


def render_rate(count: int) -> float:
    """Pictures per second of random small Gaussians at 160 by 120."""
    random = torch.Generator().manual_seed(0)
    means = torch.rand(count, 3, generator=random) * torch.tensor([4.0, 3.0, 2.0]) - torch.tensor(
        [2.0, 1.5, -2.0]
    )
    sizes = 0.005 + 0.03 * torch.rand(count, 3, generator=random)
    axes = rotation_from_quaternion(torch.randn(count, 4, generator=random)) * sizes[:, None]
    opacities, colours = (
        0.1 + 0.85 * torch.rand(count, generator=random),
        torch.rand(count, 4, generator=random),
    )
    camera = PinholeCamera(140.0, 140.0, 79.5, 59.5, 160, 120)
    times = []
    with torch.inference_mode():
        for _ in range(8):
            begun = time.perf_counter()
            splat(Gaussians(means, axes, opacities, colours), camera, np.eye(4))
            times.append(time.perf_counter() - begun)
    return 1 / min(times)


_LAMP = Light((0.5, -1.5, -0.5))


def _at(x: float, y: float, z: float) -> NDArray[np.float64]:
    pose = np.eye(4)
    pose[:3, 3] = x, y, z
    return pose


def _wall(material: Material, x: float, z: float) -> Body:
    """A wall that faces the camera."""
    pose = _at(x, 0.0, z)
    pose[:3, :3] = np.diag([1.0, -1.0, -1.0])
    return Body(plane(), material, pose, casts_shadow=False)


def _frames(clip: PosedClip, which: slice) -> PosedClip:
    depth = None if clip.depth is None else clip.depth[which]
    return PosedClip(
        clip.frames[which], clip.camera, clip.camera_to_world[which], clip.stamps_ns[which], depth
    )


def _say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _told(values: Sequence[float]) -> str:
    return f"{np.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parts = ("motion", "trajectory", "occlusion", "rate")
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    return parser.parse_args()


if __name__ == "__main__":
    main()
