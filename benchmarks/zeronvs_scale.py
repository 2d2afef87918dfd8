"""Which way of telling poses serves best when scenes come in two scales: the four modes of ZeroNVS, held-out error.

Run from a checkout: ``python -m benchmarks.zeronvs_scale``. One half of the scenes is five times as large as the other:
depth and translations are, the pictures are the same. A tiny network is trained for each mode and seed, on the same
samples in the same order; the error is that of the picture it expects (root mean square, grey levels) on scenes that it
was not trained on, which are in two scales as well. Scenes are painted walls, seen by three cameras each, which differ
in distance, direction and place; ``--scenes rooms`` takes random rooms, which need more steps to tell anything.

The networks work rays out of the 19 numbers, as the one that is shipped does. Zero123's numbers do not tell them, so
that "3dof" goes without; "viewer" without them stands beside it.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import math
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.evaluation.machine import machine_line
from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.methods.zeronvs.conditioning import MODES
from anyview_ros.methods.zeronvs.config import ZeroConfig
from anyview_ros.methods.zeronvs.network import ZeroNetwork
from anyview_ros.methods.zeronvs.reliability import expected_latents
from anyview_ros.training.filmed import FilmedRooms, FilmPlan, film_to, read_rooms
from anyview_ros.training.optimisers import OptimiserConfig
from anyview_ros.training.zeronvs_config import ZeroTrainingConfig
from anyview_ros.training.zeronvs_samples import SamplePlan, SampleSource
from anyview_ros.training.zeronvs_trainer import ZeroTrainer

FACTOR = 5.0
SIDE, CAMERAS, BLOBS = 32, 3, 14
PLAN = SamplePlan(
    batch=32,
    view_change_shares=(0.34, 0.33, 0.33),
    nearest_zoom=1.0,
    wide_share=0.0,
    scale_spread=0.0,
    augment=False,
)
NETWORK = ZeroConfig(side=16, patch=4, width=72, layers=3, source_layers=1, heads=3, condition_width=32)
HELD_OUT_BATCHES = 8
NO_RAYS = "viewer, no rays"
ROWS = (*MODES, NO_RAYS)

Array = NDArray[np.float64]


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    print_line(machine_line())
    split = scenes(arguments.scenes, arguments.count, arguments.rooms)
    errors: dict[tuple[str, int], float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in arguments.seeds:
            for mode in ROWS:
                errors[mode, seed] = error_of(mode, seed, split, arguments.steps, Path(folder))
    for line in table(errors):
        print_line(line)


def scenes(kind: str, count: int, folder: Path) -> tuple[FilmedRooms, FilmedRooms]:
    """Scenes to train on and others, each in two scales."""
    if kind == "walls":
        return in_two_scales(walls(count, 0)), in_two_scales(walls(max(count // 4, 8), 1))
    changes = ((2.0, 12.0), (12.0, 25.0), (25.0, 40.0))
    plan = FilmPlan(side=SIDE, instants=1, view_changes_deg=changes)
    held_out = replace(plan, held_out=True)
    return (
        in_two_scales(read_rooms(film_to(folder / "train", plan, count))),
        in_two_scales(read_rooms(film_to(folder / "held_out", held_out, max(count // 4, 1)))),
    )


def walls(count: int, seed: int) -> FilmedRooms:
    """Walls with soft coloured spots, each seen by three cameras 0.5 to 2.5 m away, with lenses of 40 to 70 degrees."""
    rng = np.random.default_rng((0x3A11, seed))
    filmed = [_wall(rng) for _ in range(count)]
    frames, depth, intrinsics, poses, aims = (np.stack(column) for column in zip(*filmed, strict=True))
    return FilmedRooms(frames, depth, intrinsics, poses, aims)


def in_two_scales(rooms: FilmedRooms, factor: float = FACTOR) -> FilmedRooms:
    """The same pictures of scenes of which every other one is ``factor`` times as large."""
    factors = np.where(np.arange(len(rooms)) % 2, factor, 1.0)
    poses = rooms.camera_to_world.copy()
    poses[..., :3, 3] *= factors[:, None, None, None]
    depth = (rooms.depth.astype(np.float32) * factors[:, None, None, None, None]).astype(np.float16)
    return replace(rooms, depth=depth, camera_to_world=poses, aim=rooms.aim * factors[:, None])


def error_of(
    mode: str,
    seed: int,
    split: tuple[FilmedRooms, FilmedRooms],
    steps: int,
    folder: Path,
    network: ZeroConfig = NETWORK,
) -> float:
    """Root mean square error, grey levels, on held-out scenes, of a network trained with a mode of ``ROWS``."""
    told = replace(network, mode=mode.partition(",")[0], rays=mode not in {"3dof", NO_RAYS})
    config = ZeroTrainingConfig(
        steps=steps,
        seed=seed,
        device="cpu",
        threads=1,
        checkpoint_steps=steps,
        log_steps=steps,
        sheet_steps=steps,
        network=told,
        samples=PLAN,
        optimiser=OptimiserConfig(rate=3e-3, warm_up=20, decay_share=0.5, ema=0.98),
    )
    trainer = ZeroTrainer(config, folder / f"{mode}_{seed}", split[0])
    trainer.run()
    return held_out_error(trainer.averaged_network(), split[1])


@torch.inference_mode()
def held_out_error(network: ZeroNetwork, rooms: FilmedRooms) -> float:
    """Root mean square error, grey levels, of the pictures that a network expects."""
    samples = SampleSource(rooms, PLAN, side=network.side, mode=network.config.mode, seed=1_000)
    squares = []
    for number in range(HELD_OUT_BATCHES):
        source, target, poses = samples[number].pictures(network.device)
        noise = torch.randn(target.shape, generator=torch.Generator().manual_seed(number))
        expected = expected_latents(network, network.condition(source, poses), noise)
        squares.append(float((network.decode(expected) - target).square().mean()))
    return 127.5 * math.sqrt(float(np.mean(squares)))


def table(errors: dict[tuple[str, int], float]) -> list[str]:
    """Lines for people: mean and spread over the seeds of each mode, and of its difference from "viewer"."""
    seeds = sorted({seed for _, seed in errors})
    lines = [f"{'mode':<16} {'error':>14} {'worse than viewer by':>22}   seeds {seeds}"]
    for mode in ROWS:
        own = np.array([errors[mode, seed] for seed in seeds])
        lead = own - np.array([errors["viewer", seed] for seed in seeds])
        lines.append(
            f"{mode:<16} {own.mean():>7.2f} ± {_spread(own):<4.2f} {lead.mean():>14.2f} ± {_spread(lead):<5.2f}"
        )
    return lines


def print_line(line: str) -> None:
    """One line at once, as these take minutes."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _wall(rng: np.random.Generator) -> tuple[NDArray[np.generic], ...]:
    centres = rng.uniform(-3, 3, (BLOBS, 2))
    widths, colours = rng.uniform(0.3, 0.9, BLOBS), rng.uniform(-160, 160, (BLOBS, 3))
    ground = rng.uniform(60, 200, 3)
    lens = rng.uniform(40, 70)
    camera = PinholeCamera.from_fov(SIDE, SIDE, horizontal_fov_deg=lens)
    frames, depths, poses = [], [], []
    for _ in range(CAMERAS):
        distance = rng.uniform(0.5, 2.5)
        y, z = rng.uniform(-0.5, 0.5, 2)
        eye = np.array((distance, y, z))
        towards = np.array((0.0, *(eye[1:] + distance * rng.uniform(-0.2, 0.2, 2))))
        pose = look_at(eye, towards)
        depth, seen = _seen(camera, pose)
        off = ((seen[:, :, None] - centres) ** 2).sum(-1) / widths**2
        frames.append(np.clip(ground + np.exp(-off) @ colours, 0, 255).astype(np.uint8))
        depths.append(depth.astype(np.float16))
        poses.append(pose)
    intrinsics = np.tile((camera.fx, camera.fy, camera.cx, camera.cy), (CAMERAS, 1))
    return (
        np.stack(frames)[:, None],
        np.stack(depths)[:, None],
        intrinsics,
        np.stack(poses)[:, None],
        np.zeros(3),
    )


def _seen(camera: PinholeCamera, pose: Array) -> tuple[Array, Array]:
    """Depth (S, S) of the wall x = 0, and where on it each pixel looks (S, S, 2)."""
    grid = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), -1)
    rays = camera.unproject(grid, np.ones(grid.shape[:2])) @ pose[:3, :3].T
    depth = -pose[0, 3] / rays[..., 0]
    return depth, (pose[:3, 3] + depth[..., None] * rays)[..., 1:]


def _spread(values: Array) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--scenes", choices=("walls", "rooms"), default="walls", help="what is filmed")
    parser.add_argument("--count", type=int, default=600, help="scenes to train on")
    parser.add_argument("--steps", type=int, default=450, help="of each training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of weights and samples")
    parser.add_argument("--rooms", type=Path, default=Path("zeronvs_rooms"), help="folder of filmed rooms")
    return parser.parse_args()


if __name__ == "__main__":
    main()
