"""Panoramas that stage 1 of `look_beyond` learns from: all around a camera in a random room, time standing still.

A panorama is filmed once and kept in a file, together with a picture that the camera takes straight ahead and where
that picture falls in the panorama.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.methods.look_beyond.panorama.known import Laid, lay
from anyview_ros.methods.pictures import SourceFrame
from anyview_ros.scenes import World, render, sample_view
from anyview_ros.scenes.panoramas import render_panorama
from anyview_ros.scenes.room_splits import RobotFactory, RoomFactory
from anyview_ros.training.film_files import FilmOrder, Films, read_files

_TRIES = 30
_CLEARANCE_M, _LEAST_MIDDLE_M = 0.2, 0.3
_FOV_DEG = (45.0, 95.0)
_ASTRAY_SHARE = 0.5
_PITCH_DEG = (-40.0, 15.0)


@dataclass(frozen=True)
class PanoramaPlan:
    """How panoramas are filmed; two equal plans give equal pictures.

    Attributes:
        height: rows of a panorama.
        source_width, source_height: pixels of the picture that the network is told.
        supersampling: rays per pixel of the panorama are its square; the picture has one.
        robot_every: every so many-th panorama is of a simulated robot in place of a room; 0 for none.
        held_out: whether the rooms, robots and textures are those kept for tests.
        device: where the ray caster computes.
    """

    height: int = 32
    source_width: int = 64
    source_height: int = 48
    supersampling: int = 2
    robot_every: int = 6
    held_out: bool = False
    device: str = "cpu"


@dataclass(frozen=True, eq=False)
class Panoramas:
    """N panoramas (H, 2H) and pictures (h, w) of cameras in their middles.

    Attributes:
        colour: uint8 (N, H, 2H, 3), RGB.
        distance_m: float16 (N, H, 2H), along each pixel's ray; 0 where nothing is.
        source: uint8 (N, h, w, 3), the picture straight ahead.
        filled: uint8 (N, H, 2H, 3), that picture in the panorama, filled from around where it shows nothing.
        seen: bool (N, H, 2H), where it shows something.
        seen_distance_m: float16 (N, H, 2H), what a depth camera would tell there; 0 elsewhere.
    """

    colour: NDArray[np.uint8]
    distance_m: NDArray[np.float16]
    source: NDArray[np.uint8]
    filled: NDArray[np.uint8]
    seen: NDArray[np.bool_]
    seen_distance_m: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.colour)


def film_panoramas(plan: PanoramaPlan, first: int, count: int) -> Panoramas:
    """Film panoramas ``first`` to ``first + count``, each in a room of its own.

    Raises:
        InvalidInputError: a room in which no camera found a place.
    """
    rooms, robots = RoomFactory(held_out=plan.held_out), RobotFactory(held_out=plan.held_out)
    filmed = []
    for seed in range(first, first + count):
        robot = bool(plan.robot_every) and seed % plan.robot_every == plan.robot_every - 1
        filmed.append(film_panorama(plan, (robots if robot else rooms).room(seed), seed)[0])
    return Panoramas(**{name: np.stack([one[name] for one in filmed]) for name in filmed[0]})


def film_panorama(
    plan: PanoramaPlan, world: World, seed: int
) -> tuple[dict[str, NDArray[np.generic]], SourceFrame]:
    """Film one panorama in a world.

    Returns:
        the arrays of one :class:`Panoramas` by name, and the source picture with its true depth.

    Raises:
        InvalidInputError: no camera found a place.
    """
    for attempt in range(_TRIES):
        rng = np.random.default_rng((0x9A40, int(plan.held_out), seed, attempt))
        time_s = float(rng.uniform(0, 10))
        try:
            pose = _pose(world, rng, time_s)
        except InvalidInputError:
            continue  # this draw found no free place; the next one may
        scene = world.at(time_s)
        around = render_panorama(scene, pose, plan.height * plan.supersampling, device=plan.device)
        colour, distance = _averaged(around.frames[0], around.depth[0], plan.height)
        if float(np.median(distance)) < _LEAST_MIDDLE_M:
            continue
        camera = PinholeCamera.from_fov(
            plan.source_width, plan.source_height, horizontal_fov_deg=float(rng.uniform(*_FOV_DEG))
        )
        shot = render(scene, camera, pose, device=plan.device)
        frame = SourceFrame(shot.frames[0], camera, pose, shot.depth[0])
        laid: Laid = lay(frame, plan.height)
        arrays: dict[str, NDArray[np.generic]] = {
            "colour": colour,
            "distance_m": distance.astype(np.float16),
            "source": frame.image,
            "filled": laid.filled(),
            "seen": laid.seen,
            "seen_distance_m": laid.distance_m.astype(np.float16),
        }
        return arrays, frame
    raise InvalidInputError(
        f"room {seed} has no free place for a camera in {_TRIES} tries; choose another seed"
    )


def panoramas_to(folder: Path, plan: PanoramaPlan, count: int) -> FilmOrder:
    """The order to film ``count`` panoramas into files of ``folder``."""
    return FilmOrder(folder, "panoramas", count, partial(_arrays, plan), asdict(plan))


def read_panoramas(paths: list[Path]) -> Panoramas:
    """Read filmed panoramas from files, in order.

    Raises:
        ReadError: no file, one that is not of filmed panoramas, or panoramas that are not twice as wide as high.
    """
    arrays = read_files(paths, [field.name for field in fields(Panoramas)], "panoramas")
    shape = arrays["colour"].shape
    if len(shape) != 4 or shape[2] != 2 * shape[1]:
        raise ReadError(
            f"{paths[0].parent} holds panoramas {shape}, which are not twice as wide as high; delete it and film again"
        )
    return Panoramas(**arrays)


def _arrays(plan: PanoramaPlan, first: int, count: int) -> Films:
    return vars(film_panoramas(plan, first, count))


def _averaged(
    frames: NDArray[np.uint8], distance_m: NDArray[np.float32], height: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A panorama with fewer rows: means of colours, and of inverse distances where something is in all of a pixel."""
    size = (2 * height, height)
    colour = cv2.resize(frames, size, interpolation=cv2.INTER_AREA)
    inverse = np.divide(1, distance_m, out=np.zeros_like(distance_m), where=distance_m > 0)
    mean = cv2.resize(inverse, size, interpolation=cv2.INTER_AREA)
    known = cv2.resize((distance_m > 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
    whole = (known > 0.999) & (mean > 0)
    averaged = np.divide(1, mean, out=np.zeros_like(mean), where=whole)
    return np.asarray(colour, np.uint8), np.asarray(averaged, np.float32)


def _pose(world: World, rng: np.random.Generator, time_s: float) -> NDArray[np.float64]:
    """A camera in a free place that looks at what the world is about, or anywhere, tilted as cameras are."""
    pose = sample_view(world, rng, time_s, clearance_m=_CLEARANCE_M)
    if rng.uniform() >= _ASTRAY_SHARE:
        return pose
    yaw, pitch = rng.uniform(-math.pi, math.pi), math.radians(rng.uniform(*_PITCH_DEG))
    ahead = np.array([math.cos(pitch) * math.cos(yaw), math.cos(pitch) * math.sin(yaw), math.sin(pitch)])
    eye = pose[:3, 3]
    up = np.array([0.0, 0.0, 1.0]) + rng.normal(0, 0.05, 3)
    return np.asarray(look_at(eye, eye + ahead, up), np.float64)
