"""Look Beyond's two claims: weighing keyframes by pose beats weighing them by time, and a panorama beats none.

Run from a checkout: ``python -m benchmarks.look_beyond_fusion``. Held-out rooms in which time stands still; each seed
is other rooms, other paths and other noise. Three parts:

- controlled: both keyframes' denoisers know the true pictures, but as seen from places that are off by a part of the
  camera's distance from the keyframe, in a direction of chance. Nothing is learned; only the weights differ.
- trained: our denoiser between two true keyframes whose depth is off by a tenth, as guesses are.
- panorama: the whole method along a path of 120 degrees from one picture with depth, with stage 1 and without.

The first two go along paths of uneven speed, slow at one end and fast at the other. PSNR is at the size that pictures
are drawn at. mTSED counts pairs of neighbouring pictures that agree with their poses: where true depth says that a
point of one is in the other, its patch is looked for nearby, and half of the patches found must lie within 1 to 4
pixels (of a picture 256 pixels wide) of the epipolar line. Figures are means over the seeds ± their standard deviation.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.evaluation.machine import machine_line
from anyview_ros.geometry import CameraTrajectory, PinholeCamera, orbit
from anyview_ros.methods.look_beyond.fusion import Temperatures, spatial_weights, temporal_weights
from anyview_ros.methods.look_beyond.options import LookBeyondOptions
from anyview_ros.methods.look_beyond.video.generation import (
    FusedPass,
    fused_denoising,
    noise_levels,
    scheduler,
)
from anyview_ros.methods.look_beyond.video.known import Anchor, signed, unsigned
from anyview_ros.methods.look_beyond.video.stage import VideoStage
from anyview_ros.methods.look_beyond.weights import load_stages
from anyview_ros.metrics import psnr_db
from anyview_ros.metrics.consistency import PairConsistency, mtsed, pair_consistency
from anyview_ros.metrics.correspondences import correspondences_from_depth, refined_correspondences
from anyview_ros.metrics.epipolar import TwoViewGeometry
from anyview_ros.scenes import World, clearance, film, sample_view
from anyview_ros.scenes.room_splits import RoomFactory
from anyview_ros.synthesis import SynthesisRequest, load_synthesizer
from anyview_ros.training.look_beyond_video_paths import sample_path

Array = NDArray[np.float64]
UInt8 = NDArray[np.uint8]

SIZE = (96, 64)
SUPERSAMPLING = 2
_FIRST_ROOM = 500
_WRONG_OF_DISTANCE = 0.15
_DEPTH_ERROR = 0.1
_UNEVEN = 3.0
_FOV_DEG = 70.0
_LONG_DEG, _LONG_POSES = 120.0, 13


@dataclass(frozen=True, eq=False)
class Film:
    """A path through a room: pictures uint8 (N, H, W, 3), depth float32 (N, H, W), metres, poses (N, 4, 4)."""

    world: World
    camera: PinholeCamera
    poses: Array
    frames: UInt8
    depth: NDArray[np.float32]


@dataclass(frozen=True)
class Score:
    """PSNR (dB) and mTSED of one video."""

    psnr_db: float
    mtsed: float


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    cv2.setNumThreads(1)
    sys.stdout.write(f"{machine_line()}\n\n")
    if "controlled" in arguments.parts:
        print_table(
            "controlled: a denoiser that errs with distance",
            [controlled(seed, arguments.count) for seed in arguments.seeds],
        )
    if "trained" in arguments.parts:
        stages = load_stages(arguments.weights, "cpu")
        print_table(
            "trained: our denoiser, keyframes with guessed depth",
            [trained(stages.video, seed, arguments.count, arguments.steps) for seed in arguments.seeds],
        )
    if "panorama" in arguments.parts:
        method = load_synthesizer("look_beyond", device="cpu", weights=arguments.weights)
        print_table(
            f"panorama: {_LONG_DEG:.0f} degrees from one picture",
            [long_path(method, seed, arguments.count, arguments.steps) for seed in arguments.seeds],
        )


def print_table(title: str, seeds: Sequence[dict[str, list[Score]]]) -> None:
    """Means over the seeds, and how often the first row beats each other one, path by path."""
    lines = [title, f"{'':>24} PSNR, dB        mTSED           first row better in PSNR, mTSED"]
    first = next(iter(seeds[0]))
    for name in seeds[0]:
        psnrs, agreed = (
            np.array([np.mean([getattr(score, what) for score in seed[name]]) for seed in seeds])
            for what in ("psnr_db", "mtsed")
        )
        line = f"{name:>24} {psnrs.mean():5.2f} ± {psnrs.std(ddof=min(1, len(seeds) - 1)):4.2f}   "
        line += f"{agreed.mean():5.3f} ± {agreed.std(ddof=min(1, len(seeds) - 1)):5.3f}   "
        if name != first:
            for what in ("psnr_db", "mtsed"):
                margins = [
                    getattr(a, what) - getattr(b, what)
                    for seed in seeds
                    for a, b in zip(seed[first], seed[name], strict=True)
                ]
                line += f"{np.mean(np.array(margins) > 0):4.0%} (by {np.mean(margins):+.3f})  "
        lines.append(line.rstrip())
    sys.stdout.write("\n".join(lines) + "\n\n")
    sys.stdout.flush()


def weightings(poses: Array) -> dict[str, Array]:
    """The first keyframe's weights (F,) along a path, by every way to weigh."""
    share = LookBeyondOptions().temperature_share
    chosen = Temperatures.between(poses[0], poses[-1], share)
    halves = np.full(len(poses), 0.5)
    halves[[0, -1]] = 1, 0
    return {
        "spatial": spatial_weights(poses, poses[0], poses[-1], chosen),
        "temporal": temporal_weights(len(poses)),
        "half and half": halves,
    }


def controlled(seed: int, count: int, *, frames: int = 8) -> dict[str, list[Score]]:
    """Scores of each weighting with denoisers that know the truth as seen from a wrong place."""
    scores: dict[str, list[Score]] = {}
    for number, shot in enumerate(_films(seed, count, frames)):
        rng = np.random.default_rng((0xC0, seed, number))
        forward, reverse = (_from_wrong_places(shot, anchor, rng) for anchor in (0, -1))
        noise = torch.from_numpy(rng.standard_normal((1, frames, 3, *SIZE[::-1]), np.float32))
        for name, weights in weightings(shot.poses).items():
            drawn = fused_denoising(
                scheduler(),
                _knows(signed(forward)[None]),
                _knows(signed(reverse[::-1])[None]),
                torch.from_numpy(weights).float(),
                noise,
                steps=5,
            )
            scores.setdefault(name, []).append(_score(unsigned(drawn[0]), shot, shot.frames))
    return scores


def trained(stage: VideoStage, seed: int, count: int, steps: int) -> dict[str, list[Score]]:
    """Scores of each weighting with a trained denoiser between two true pictures."""
    scores: dict[str, list[Score]] = {}
    for number, shot in enumerate(_films(seed, count, stage.frames)):
        rng = np.random.default_rng((0x7A, seed, number))
        first, last = (_keyframe(shot, end, stage.size, rng) for end in (0, -1))
        truth = np.stack([_shrunk(frame, stage.size) for frame in shot.frames])
        for name, weights in weightings(shot.poses).items():
            plan = FusedPass(first, last, shot.poses, weights, np.ones(stage.frames))
            drawn = stage.draw(plan, steps=steps, seed=(seed, number))
            scores.setdefault(name, []).append(_score(drawn, shot, truth))
    return scores


def long_path(method: Any, seed: int, count: int, steps: int) -> dict[str, list[Score]]:
    """Scores of the whole method on a long path, with the panorama and without."""
    scores: dict[str, list[Score]] = {}
    kinds: dict[str, dict[str, Any]] = {
        "panorama, 1 step": {"panorama_steps": 1},
        "panorama, 20 steps": {"panorama_steps": 20},
        "no panorama": {"panorama": False},
    }
    for number, shot in enumerate(_long_films(seed, count)):
        stamps_ns = np.array([1], np.int64)
        source = PosedClip(shot.frames[:1], shot.camera, shot.poses[:1], stamps_ns, shot.depth[:1])
        target = CameraTrajectory(shot.camera, shot.poses, np.repeat(stamps_ns, len(shot.poses)))
        for name, options in kinds.items():
            request = SynthesisRequest((source,), (target,), steps, 1000 * seed + number, options)
            drawn = method.synthesize(request).views[0].frames
            scores.setdefault(name, []).append(_score(drawn, shot, shot.frames))
    return scores


def _films(seed: int, count: int, frames: int) -> Iterator[Film]:
    """Paths of uneven speed through held-out rooms."""
    factory = RoomFactory(held_out=True)
    for number in range(count):
        world = factory.room(_FIRST_ROOM + 100 * seed + number)
        rng = np.random.default_rng((0xF1, seed, number))
        done = np.linspace(0, 1, frames) ** _UNEVEN
        done = done if rng.uniform() < 0.5 else 1 - done[::-1]
        yield _filmed(world, sample_path(world, rng, frames, time_s=0.0, done=done))


def _long_films(seed: int, count: int) -> Iterator[Film]:
    """Turns on the spot and orbits, half and half, through held-out rooms."""
    factory = RoomFactory(held_out=True)
    number = made = 0
    while made < count:
        world = factory.room(_FIRST_ROOM + 50 + 100 * seed + number)
        number += 1
        rng = np.random.default_rng((0x10, seed, number))
        aim = np.asarray(world.focus, np.float64)
        start = sample_view(world, rng, 0.0, distance_m=(0.8, 2.5))
        camera = PinholeCamera.from_fov(*SIZE, horizontal_fov_deg=_FOV_DEG)
        about = start[:3, 3] if made % 2 else aim
        path = orbit(camera, about, start, _LONG_DEG, _LONG_POSES).camera_to_world
        scene = world.at(np.array([0.0]))
        inside = np.all(path[:, :3, 3] >= world.bounds[0]) and np.all(path[:, :3, 3] <= world.bounds[1])
        if inside and min(clearance(scene, pose[:3, 3]) for pose in path) > 0.1:
            made += 1
            yield _filmed(world, path)


def _filmed(world: World, poses: Array) -> Film:
    camera = PinholeCamera.from_fov(*SIZE, horizontal_fov_deg=_FOV_DEG)
    shot, _ = film(world, camera, poses, np.zeros(len(poses)), supersampling=SUPERSAMPLING)
    return Film(world, camera, poses, shot.frames, shot.depth)


def _from_wrong_places(shot: Film, anchor: int, rng: np.random.Generator) -> UInt8:
    """The path's pictures, each taken from aside by a part of the way from a keyframe, a turn counted as a move."""
    aside = rng.normal(size=(len(shot.poses), 3)) * (1, 1, 0)
    aside /= np.linalg.norm(aside, axis=-1, keepdims=True)
    moved = np.linalg.norm(shot.poses[:, :3, 3] - shot.poses[anchor, :3, 3], axis=-1)
    cosine = np.einsum("nij,ij->n", shot.poses[:, :3, :3], shot.poses[anchor, :3, :3])
    turned = np.arccos(np.clip((cosine - 1) / 2, -1, 1))
    wrong = shot.poses.copy()
    shift = _WRONG_OF_DISTANCE * (moved + turned)[:, None] * aside
    wrong[:, :3, 3] += np.einsum("nij,nj->ni", shot.poses[:, :3, :3], shift)
    return film(shot.world, shot.camera, wrong, np.zeros(len(wrong)), supersampling=SUPERSAMPLING)[0].frames


def _knows(truth: torch.Tensor) -> Callable[[torch.Tensor, Any], torch.Tensor]:
    """A denoiser that takes ``truth`` (1, F, 3, H, W) for the clean video."""
    levels = noise_levels()

    def seen(video: torch.Tensor, timestep: Any) -> torch.Tensor:
        signal = levels[int(timestep)]
        return (video - signal.sqrt() * truth) / (1 - signal).sqrt()

    return seen


def _keyframe(shot: Film, end: int, size: tuple[int, int], rng: np.random.Generator) -> Anchor:
    depth = cv2.resize(shot.depth[end], size, interpolation=cv2.INTER_NEAREST_EXACT)
    guessed = (depth * np.exp(rng.normal(0, _DEPTH_ERROR))).astype(np.float32)
    image = _shrunk(shot.frames[end], size)
    whole = np.ones(image.shape[:2], np.bool_)
    return Anchor(image, whole, guessed, shot.camera.resized(*size), shot.poses[end])


def _shrunk(frame: UInt8, size: tuple[int, int]) -> UInt8:
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


def _score(drawn: UInt8, shot: Film, truth: UInt8) -> Score:
    """Score a video, enlarged to the film's size where patches are looked for."""
    psnr = np.mean([psnr_db(ours, theirs) for ours, theirs in zip(drawn[1:-1], truth[1:-1], strict=True)])
    large = [np.asarray(cv2.resize(frame, SIZE, interpolation=cv2.INTER_CUBIC), np.uint8) for frame in drawn]
    return Score(float(psnr), mtsed(_pairs(large, shot)))


def _pairs(frames: Sequence[UInt8], shot: Film) -> list[PairConsistency]:
    pairs = []
    for a, b in pairwise(range(len(frames))):
        camera, poses = shot.camera, shot.poses
        expected = correspondences_from_depth(
            shot.depth[a], camera, poses[a], camera, poses[b], depth_b=shot.depth[b], stride=3
        )
        found = refined_correspondences(frames[a], frames[b], expected, radius_px=4, search_px=6)
        geometry = TwoViewGeometry.between(camera, poses[a], camera, poses[b])
        pairs.append(pair_consistency(found, geometry, scales=(256 / camera.width,) * 2))
    return pairs


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--count", type=int, default=8, help="paths of each seed")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="seeds")
    parser.add_argument("--steps", type=int, default=4, help="sampling steps of the trained denoiser")
    parser.add_argument("--weights", help="folder of weights to judge; none: those that are shipped")
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=("controlled", "trained", "panorama"),
        default=["controlled", "trained", "panorama"],
        help="what to measure",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
