"""A small benchmark of computed scenes, made by seed: the simulated robot, and rooms that training never showed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import anyview_ros
from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidInputError
from anyview_ros.files import UNFINISHED, written_whole
from anyview_ros.geometry import PinholeCamera
from anyview_ros.offline.episode_writer import write_episode
from anyview_ros.scenes import World, render_clip, sample_view, simulated_robot
from anyview_ros.scenes.room_splits import RoomFactory

_SUPERSAMPLING = 2
_ROOM_FOV_DEG = 60.0
_ROOM_DISTANCE_M = (1.0, 3.0)
_TRIES = 30
_LEAST_MEDIAN_DEPTH_M = 0.3

ROBOT_SPLITS = {
    "front_to_overhead": ("front", "overhead"),
    "front_to_wrist": ("front", "wrist"),
    "left_to_right_shoulder": ("left_shoulder", "right_shoulder"),
}
"""Splits of the group simulated_robot: the camera given, and the one asked for. The wrist's moves."""

ROOM_SPLITS = {"within_15_deg": (3.0, 15.0), "15_to_45_deg": (15.0, 45.0), "45_to_90_deg": (45.0, 90.0)}
"""Splits of the group random_rooms: least and greatest angle between both cameras, seen from what they look at."""


@dataclass(frozen=True)
class BenchmarkPlan:
    """What is recorded; equal plans give equal pictures.

    Attributes:
        seed: of everything; 0 or more.
        episodes: of each split.
        frames: of each episode; 1 + 4 k suits every method.
        size: width and height of the pictures.
        rate_hz: frames per second.
        depth: whether episodes have true depth.
        device: where the ray caster computes.

    Raises:
        InvalidInputError: a value below what can be.
    """

    seed: int = 0
    episodes: int = 2
    frames: int = 13
    size: tuple[int, int] = (192, 144)
    rate_hz: float = 10.0
    depth: bool = True
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise InvalidInputError(f"seed is {self.seed}; give 0 or more")
        if self.episodes < 1 or self.frames < 1 or min(self.size) < 1:
            raise InvalidInputError(
                f"episodes is {self.episodes}, frames {self.frames}, size {self.size}; give 1 or more of each"
            )
        if not 0 < self.rate_hz < np.inf:
            raise InvalidInputError(f"rate_hz is {self.rate_hz}; give a positive number")


@dataclass(frozen=True)
class _Pair:
    """One episode to come: where it stands, and how its two clips are made."""

    group: str
    split: str
    name: str
    film: Callable[[], tuple[PosedClip, PosedClip]]


def record_benchmark(
    folder: Path, plan: BenchmarkPlan, *, report: Callable[[int, int, str], None] | None = None
) -> int:
    """Record the benchmark; episodes that are there already are kept, since each is written as a whole.

    Args:
        folder: to make.
        plan: what is recorded.
        report: told the episodes done, those in all, and what is being done.

    Returns:
        the number of episodes.

    Raises:
        InvalidInputError: the folder holds another benchmark, or a room has no free place for cameras.
    """
    _claim(folder, plan)
    pairs = list(_pairs(plan))
    for index, pair in enumerate(pairs):
        path = folder / pair.group / pair.split / pair.name
        if report is not None:
            report(index, len(pairs), f"{pair.split}/{pair.name}")
        if path.exists():
            continue
        source, target = pair.film()
        write_episode(
            path,
            {"cam0": _kept(target, plan), "cam1": _kept(source, plan)},
            roles={"cam0": "target", "cam1": "input"},
            rate_hz=plan.rate_hz,
            metadata={
                "group": pair.group,
                "split": f"{pair.group}/{pair.split}",
                "computed": True,
                "made_by": f"anyview_ros {anyview_ros.__version__}, seed {plan.seed}",
            },
        )
    if report is not None:
        report(len(pairs), len(pairs), "")
    return len(pairs)


def _claim(folder: Path, plan: BenchmarkPlan) -> None:
    """Write down what is recorded here, or see that it is the same."""
    told = f"{plan}\n"
    file = folder / "plan.txt"
    if file.is_file():
        if file.read_text(encoding="utf-8") != told:
            raise InvalidInputError(
                f"{folder} holds a benchmark of another plan (see {file}); name another folder"
            )
        return
    if folder.is_dir() and any(path.name != f"{file.name}{UNFINISHED}" for path in folder.iterdir()):
        raise InvalidInputError(
            f"{folder} is not empty and holds no benchmark of this kind; name another folder"
        )
    with written_whole(file) as unfinished:
        unfinished.write_text(told, encoding="utf-8")


def _kept(clip: PosedClip, plan: BenchmarkPlan) -> PosedClip:
    depth = clip.depth if plan.depth else None
    return PosedClip(clip.frames, clip.camera, clip.camera_to_world, clip.stamps_ns, depth)


def _pairs(plan: BenchmarkPlan) -> Iterator[_Pair]:
    for split, cameras in ROBOT_SPLITS.items():
        for number in range(plan.episodes):
            yield _Pair("simulated_robot", split, f"{number:03d}", _robot_film(plan, split, cameras, number))
    rooms = RoomFactory(held_out=True)
    for split, angles in ROOM_SPLITS.items():
        for number in range(plan.episodes):
            yield _Pair(
                "random_rooms", split, f"{number:03d}", _room_film(plan, rooms, split, angles, number)
            )


def _rng(plan: BenchmarkPlan, split: str, number: int, attempt: int = 0) -> np.random.Generator:
    return np.random.default_rng((0xBE7C, plan.seed, *split.encode(), number, attempt))


def _robot_film(
    plan: BenchmarkPlan, split: str, cameras: tuple[str, str], number: int
) -> Callable[[], tuple[PosedClip, PosedClip]]:
    def film() -> tuple[PosedClip, PosedClip]:
        rng = _rng(plan, split, number)
        world = simulated_robot(int(rng.integers(1, 2**31)))
        begin_s = float(rng.uniform(0, world.period_s or 1.0))
        source, target = (
            _render(plan, world, world.cameras[name].camera.resized(*plan.size), name, begin_s)
            for name in cameras
        )
        return source, target

    return film


def _room_film(
    plan: BenchmarkPlan, rooms: RoomFactory, split: str, angles: tuple[float, float], number: int
) -> Callable[[], tuple[PosedClip, PosedClip]]:
    def film() -> tuple[PosedClip, PosedClip]:
        for attempt in range(_TRIES):
            rng = _rng(plan, split, number, attempt)
            world = rooms.room(int(rng.integers(2**20, 2**31)))
            begin_s = float(rng.uniform(0, 10))
            times = begin_s + np.arange(plan.frames) / plan.rate_hz
            try:
                first = sample_view(world, rng, times, distance_m=_ROOM_DISTANCE_M)
                second = sample_view(
                    world, rng, times, distance_m=_ROOM_DISTANCE_M, near=first, angle_deg=angles
                )
            except InvalidInputError:
                continue  # this room has no free place for them; the next one may
            camera = PinholeCamera.from_fov(*plan.size, horizontal_fov_deg=_ROOM_FOV_DEG)
            clips = [_render(plan, world, camera, pose, begin_s) for pose in (first, second)]
            if min(_median_depth(clip) for clip in clips) >= _LEAST_MEDIAN_DEPTH_M:
                return clips[0], clips[1]
        raise InvalidInputError(
            f"no free place for two cameras was found in {_TRIES} rooms; give another seed"
        )

    return film


def _render(
    plan: BenchmarkPlan, world: World, camera: PinholeCamera, pose: str | np.ndarray, begin_s: float
) -> PosedClip:
    times = begin_s + np.arange(plan.frames) / plan.rate_hz
    return render_clip(world, camera, pose, times, supersampling=_SUPERSAMPLING, device=plan.device)


def _median_depth(clip: PosedClip) -> float:
    assert clip.depth is not None  # noqa: S101 - rendered clips have depth
    known = clip.depth[clip.depth > 0]
    return float(np.median(known)) if known.size else 0.0
