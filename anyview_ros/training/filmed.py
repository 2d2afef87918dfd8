"""Filmed rooms: what each camera of a random rig saw of a random room, with true depth; kept in files."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.setting_checks import check_least
from anyview_ros.scenes import World, film
from anyview_ros.scenes.room_splits import RobotFactory, RoomFactory
from anyview_ros.scenes.tabletops import TabletopFactory, film_tabletop
from anyview_ros.training.cameras import VIEW_CHANGES_DEG, Rig, sample_parallel_rig, sample_rig
from anyview_ros.training.film_files import FilmOrder, FilmReport, Films, film_to_files, read_files, untold

_TRIES = 50
_LEAST_MEDIAN_DEPTH_M = 0.15

_Shots = tuple[NDArray[np.uint8], NDArray[np.float32]]
"""Frames (T, S, S, 3) and depth (T, S, S)."""
_Camera = Callable[[PinholeCamera, NDArray[np.float64], NDArray[np.float64]], _Shots]
"""Films with intrinsics, poses (T, 4, 4) and times (T,)."""
_Studio = Callable[[int], tuple[World, _Camera]]
"""Gives, for a seed, the world that cameras keep clear of, and what films it."""


@dataclass(frozen=True, eq=False)
class FilmedRooms:
    """N rooms, C cameras, T instants, square pictures of side S.

    Attributes:
        frames: uint8 (N, C, T, S, S, 3), RGB.
        depth: float16 (N, C, T, S, S), metres; 0 where nothing is.
        intrinsics: float64 (N, C, 4): fx, fy, cx, cy in pixels.
        camera_to_world: float64 (N, C, T, 4, 4), metres.
        aim: float64 (N, 3).
    """

    frames: NDArray[np.uint8]
    depth: NDArray[np.float16]
    intrinsics: NDArray[np.float64]
    camera_to_world: NDArray[np.float64]
    aim: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def side(self) -> int:
        """Edge length of the pictures, pixels."""
        return int(self.frames.shape[-2])

    def camera(self, room: int, index: int) -> PinholeCamera:
        """The intrinsics of one camera."""
        fx, fy, cx, cy = (float(value) for value in self.intrinsics[room, index])
        return PinholeCamera(fx, fy, cx, cy, self.side, self.side)


@dataclass(frozen=True)
class FilmPlan:
    """How rooms are filmed; two equal plans give equal pictures.

    Attributes:
        side: pixels.
        instants: per room.
        supersampling: rays per pixel are its square.
        held_out: whether the rooms and textures are those kept for tests.
        view_changes_deg: see :func:`sample_rig`.
        parallel: film by cameras side by side, see :func:`sample_parallel_rig`, in place of such view changes.
        framed: the distance suits the lens, see :func:`sample_rig`.
        robots: film simulated robots in place of rooms.
        tabletops: film arms on tables by MuJoCo in place of rooms, see :mod:`~anyview_ros.scenes.tabletops`; wants an
            odd ``supersampling``.
        cluttered: film cluttered rooms, see :func:`~anyview_ros.scenes.random_room.random_room`.
        drawn_textures: cover most surfaces with textures drawn for these rooms, see
            :class:`~anyview_ros.scenes.room_splits.RoomFactory`.
        device: where the ray caster computes.

    Raises:
        InvalidInputError: a number below 1, an even ``supersampling`` of tabletops, or robots or tabletops that are
            to be cluttered or covered anew.
    """

    side: int = 64
    instants: int = 2
    supersampling: int = 1
    held_out: bool = False
    view_changes_deg: tuple[tuple[float, float], ...] = VIEW_CHANGES_DEG
    parallel: bool = False
    framed: bool = False
    robots: bool = False
    tabletops: bool = False
    cluttered: bool = False
    drawn_textures: bool = False
    device: str = "cpu"

    def __post_init__(self) -> None:
        check_least(self, 1, "side", "instants", "supersampling")
        for kind in ("robots", "tabletops"):
            for name, what in (("cluttered", "be cluttered"), ("drawn_textures", "get drawn textures")):
                if getattr(self, kind) and getattr(self, name):
                    raise InvalidInputError(
                        f"{kind} and {name} are both set; only rooms can {what}, so leave one out"
                    )
        if self.robots and self.tabletops:
            raise InvalidInputError("robots and tabletops are both set; film each into a folder of its own")
        if self.tabletops and self.supersampling % 2 == 0:
            raise InvalidInputError(f"supersampling is {self.supersampling}; tabletops want an odd number")


def film_rooms(plan: FilmPlan, first: int, count: int) -> FilmedRooms:
    """Film rooms ``first`` to ``first + count``.

    Raises:
        InvalidInputError: a room in which no rig found a place.
    """
    studio = _tabletop_studio(plan) if plan.tabletops else _ray_studio(plan)
    rooms = [_film_room(plan, *studio(first + index), first + index) for index in range(count)]
    frames, depth, intrinsics, poses, aims = (np.stack(column) for column in zip(*rooms, strict=True))
    return FilmedRooms(frames, depth, intrinsics, poses, aims)


def _ray_studio(plan: FilmPlan) -> _Studio:
    factory: RoomFactory | RobotFactory = (
        RobotFactory(held_out=plan.held_out)
        if plan.robots
        else RoomFactory(held_out=plan.held_out, cluttered=plan.cluttered, drawn_textures=plan.drawn_textures)
    )

    def studio(seed: int) -> tuple[World, _Camera]:
        world = factory.room(seed)

        def shoot(camera: PinholeCamera, poses: NDArray[np.float64], times_s: NDArray[np.float64]) -> _Shots:
            seen, _ = film(
                world, camera, poses, times_s, supersampling=plan.supersampling, device=plan.device
            )
            return seen.frames, seen.depth

        return world, shoot

    return studio


def _tabletop_studio(plan: FilmPlan) -> _Studio:
    factory = TabletopFactory(held_out=plan.held_out)

    def studio(seed: int) -> tuple[World, _Camera]:
        tabletop = factory.room(seed)
        return tabletop.shell(), partial(film_tabletop, tabletop, supersampling=plan.supersampling)

    return studio


def _film_room(plan: FilmPlan, world: World, shoot: _Camera, seed: int) -> tuple[NDArray[np.generic], ...]:
    for attempt in range(_TRIES):
        rng = np.random.default_rng((0xF117, int(plan.held_out), seed, attempt))
        try:
            rig = _rig(plan, world, rng)
        except InvalidInputError:
            continue  # this draw found no free place; the next one may
        shots = [
            shoot(camera, poses, rig.times_s)
            for camera, poses in zip(rig.cameras, rig.camera_to_world, strict=True)
        ]
        depth = np.stack([depth for _, depth in shots])
        if min(float(np.median(view)) for view in depth[:, 0]) < _LEAST_MEDIAN_DEPTH_M:
            continue
        return (
            np.stack([frames for frames, _ in shots]),
            depth.astype(np.float16),
            np.array([(c.fx, c.fy, c.cx, c.cy) for c in rig.cameras]),
            rig.camera_to_world,
            rig.aim,
        )
    where = "side by side" if plan.parallel else f"{plan.view_changes_deg} degrees apart"
    raise InvalidInputError(
        f"room {seed} has no free place for cameras {where} in {_TRIES} tries; choose another seed or smaller angles"
    )


def _rig(plan: FilmPlan, world: World, rng: np.random.Generator) -> Rig:
    if plan.parallel:
        return sample_parallel_rig(world, rng, side=plan.side, instants=plan.instants, framed=plan.framed)
    return sample_rig(
        world,
        rng,
        side=plan.side,
        instants=plan.instants,
        view_changes_deg=plan.view_changes_deg,
        framed=plan.framed,
    )


def rooms_to(folder: Path, plan: FilmPlan, rooms: int, *, first: int = 0) -> FilmOrder:
    """The order to film ``rooms`` rooms from number ``first`` on into files of ``folder``, which count them from 0."""
    settings = {**asdict(plan), "first": first}
    return FilmOrder(folder, "rooms", rooms, partial(_arrays, plan, first), settings)


def film_to(
    folder: Path, plan: FilmPlan, rooms: int, *, workers: int = 1, report: FilmReport = untold
) -> list[Path]:
    """Film ``rooms`` rooms into files of ``folder``; see :func:`~anyview_ros.training.film_files.film_to_files`."""
    return film_to_files(rooms_to(folder, plan, rooms), workers=workers, report=report)


def read_rooms(paths: list[Path]) -> FilmedRooms:
    """Read filmed rooms from files, in order.

    Raises:
        ReadError: no file, or one that is not of filmed rooms.
    """
    return FilmedRooms(**read_files(paths, [field.name for field in fields(FilmedRooms)], "rooms"))


def filmed_rooms(
    *orders: FilmOrder, workers: int = 1, report: FilmReport = untold, until_s: float = math.inf
) -> FilmedRooms:
    """Film the rooms that are ordered, or read those that are there.

    Args:
        orders: as :func:`rooms_to` gives them, of one size and number of instants.
        workers, report, until_s: see :func:`~anyview_ros.training.film_files.film_to_files`.

    Raises:
        InvalidInputError: a folder holds what was filmed in another way, or the device cannot film.
        ReadError: what is there is damaged.
        FilmingTimeout: time was up before.
    """
    filmed = read_rooms(film_to_files(*orders, workers=workers, report=report, until_s=until_s))
    found, wanted = (filmed.side, filmed.frames.shape[2]), orders[0].settings
    if found != (wanted["side"], wanted["instants"]):
        raise InvalidInputError(
            f"{orders[0].folder.parent} holds rooms filmed at {found[0]} pixels and {found[1]} instants, but the "
            f"configuration says {wanted['side']} and {wanted['instants']}; use another folder"
        )
    return filmed


def _arrays(plan: FilmPlan, start: int, first: int, count: int) -> Films:
    return vars(film_rooms(plan, start + first, count))
