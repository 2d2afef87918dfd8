"""Where the virtual cameras of a film stand: what people ask for, made into trajectories."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import (
    CameraTrajectory,
    PinholeCamera,
    check_rigid,
    in_frame,
    look_at,
    look_at_path,
    orbit,
    static,
)
from anyview_ros.offline.pose_file import read_pose_file
from anyview_ros.offline.posed_film import PosedFilm
from anyview_ros.offline.synthesize.truth import aligned_with

Vector = tuple[float, float, float]

DEFAULT_FROZEN_VIEWS = 30
_SAME_SHAPE = 0.01  # part by which the ratio of sides may change when a picture is resized


@dataclass(frozen=True)
class TargetWishes:
    """What is asked for; each of the first six gives a target of its own.

    Lengths are metres in the film's world; "the start" is the film's first frame, or the frozen one.

    Attributes:
        orbit_deg: swing about the pivot's vertical, from the source camera's place at the start to this angle.
        arc_deg: (azimuth, elevation), degrees: stand so far to the right of, and above, the place at the start, as
            seen from the pivot, and look at it.
        look_at: a point to look at, from ``eye`` or else from where the source camera is.
        poses: file of poses (see ``pose_file``): one, or as many as there are views.
        shift: ride with the source camera, so far along its own axes (right, down, forward).
        like: be another camera of the source, whose pictures are then the truth.
        eye: where the camera of ``look_at`` stands.
        pivot: the point that orbit and arc go about; or, instead,
        distance_m: how far before the source camera at the start it lies. Neither: the median depth in the middle
            of the picture.
        up: the world's upward direction; None takes that of the source's picture at the start.
        freeze_s: time stands still at these seconds since the film's first frame.
        count: views of an orbit while time stands still.
        size: (width, height) of the views; None for the source's.
        fov_deg: horizontal field of view; None for the source's.
    """

    orbit_deg: float | None = None
    arc_deg: tuple[float, float] | None = None
    look_at: Vector | None = None
    poses: str | Path | None = None
    shift: Vector | None = None
    like: str | None = None
    eye: Vector | None = None
    pivot: Vector | None = None
    distance_m: float | None = None
    up: Vector | None = None
    freeze_s: float | None = None
    count: int = DEFAULT_FROZEN_VIEWS
    size: tuple[int, int] | None = None
    fov_deg: float | None = None


@dataclass(frozen=True, eq=False)
class FilmTarget:
    """One virtual camera.

    Attributes:
        name: fit for a folder.
        trajectory: one pose per view; its stamps are stamps of the film.
        truth: a film whose frames show what the views should, frame for frame of the source film; or None.
    """

    name: str
    trajectory: CameraTrajectory
    truth: PosedFilm | None = None


def frozen_index(film: PosedFilm, freeze_s: float) -> int:
    """Index of the frame nearest to an instant, seconds since the film's first frame.

    Raises:
        InvalidInputError: the instant is not within the film.
    """
    end_s = (int(film.stamps_ns[-1]) - int(film.stamps_ns[0])) / 1e9
    if not -0.5 / film.rate_hz <= freeze_s <= end_s + 0.5 / film.rate_hz:
        raise InvalidInputError(
            f"freeze is {freeze_s:g} s but the film lasts from 0 to {end_s:.3f} s; give an instant within it"
        )
    return int(np.abs(film.stamps_ns - film.stamps_ns[0] - round(freeze_s * 1e9)).argmin())


def depth_before(film: PosedFilm, index: int) -> float | None:
    """Median depth in the middle third of a frame, in the unit of the poses; None where none is known."""
    depth = next(film.frames(range(index, index + 1))).depth
    if depth is None:
        return None
    height, width = depth.shape
    middle = depth[height // 3 : -(-2 * height // 3), width // 3 : -(-2 * width // 3)]
    known = middle[np.isfinite(middle) & (middle > 0)]
    return float(np.median(known)) if known.size else None


def plan_targets(
    wishes: TargetWishes,
    film: PosedFilm,
    references: Mapping[str, Callable[[], PosedFilm]] | None = None,
) -> tuple[list[FilmTarget], list[str]]:
    """Lay the trajectories.

    Returns:
        targets, and notes of what was taken for granted, one sentence each.

    Raises:
        InvalidInputError: nothing asked for, or wishes that do not fit each other or the film.
        InvalidPoseError: a camera that cannot be.
        ReadError: the file of poses cannot be read.
    """
    planner = _Planner(wishes, film, dict(references or {}))
    makers = {
        "orbit": (wishes.orbit_deg, planner.orbit),
        "arc": (wishes.arc_deg, planner.arc),
        "look_at": (wishes.look_at, planner.look_at),
        "pose": (wishes.poses, planner.from_file),
        "shift": (wishes.shift, planner.shift),
        "like": (wishes.like, planner.like),
    }
    targets = [make() for wanted, make in makers.values() if wanted is not None]
    if not targets:
        raise InvalidInputError(
            "no target camera; give at least one of orbit, arc, look-at, pose, shift and like"
        )
    if wishes.eye is not None and wishes.look_at is None:
        raise InvalidInputError("eye is given without look-at; give the point to look at")
    return targets, planner.notes


class _Planner:
    def __init__(
        self,
        wishes: TargetWishes,
        film: PosedFilm,
        references: Mapping[str, Callable[[], PosedFilm]],
    ) -> None:
        self._wishes, self._film, self._references = wishes, film, references
        self.notes: list[str] = []
        self._start = 0 if wishes.freeze_s is None else frozen_index(film, wishes.freeze_s)
        self._pivot_point: NDArray[np.float64] | None = None

    def orbit(self) -> FilmTarget:
        assert self._wishes.orbit_deg is not None  # noqa: S101 - asked for only then
        stamps = self._stamps(self._wishes.count)
        if len(stamps) == 1 and self._wishes.freeze_s is None:
            raise InvalidInputError(
                f"the orbit begins at the source camera, and {self._film.name} has one picture, so that it would show "
                "that again; freeze the time at 0 for views along the orbit"
            )
        path = orbit(
            self._camera(),
            self._pivot(),
            self._film.camera_to_world[self._start],
            self._wishes.orbit_deg,
            len(stamps),
            axis=self._up(),
            stamps_ns=stamps,
        )
        return FilmTarget("orbit", path)

    def arc(self) -> FilmTarget:
        assert self._wishes.arc_deg is not None  # noqa: S101 - asked for only then
        eye = self._on_arc(*np.radians(self._wishes.arc_deg))
        stamps = self._stamps(1)
        pose = look_at(eye, self._pivot(), self._up())
        return FilmTarget("arc", static(self._camera(), pose, len(stamps), stamps_ns=stamps))

    def look_at(self) -> FilmTarget:
        stamps = self._stamps(1)
        eyes = self._sources()[:, :3, 3] if self._wishes.eye is None else np.asarray(self._wishes.eye)
        eyes = np.broadcast_to(eyes, (len(stamps), 3))
        target = self._wishes.look_at
        path = look_at_path(self._camera(), eyes, np.asarray(target), up=self._up(), stamps_ns=stamps)
        return FilmTarget("look_at", path)

    def from_file(self) -> FilmTarget:
        path = str(self._wishes.poses)
        file = read_pose_file(path)
        if file.camera is not None and (self._wishes.size is not None or self._wishes.fov_deg is not None):
            raise InvalidInputError(f"{path} has intrinsics; leave out size and fov, or its intrinsics")
        count = len(file.camera_to_world)
        stamps = self._stamps(count)
        if count not in (1, len(stamps)):
            raise InvalidInputError(
                f"{path} has {count} poses but there are {len(stamps)} frames; give one per frame, one for all, or "
                "freeze the time"
            )
        poses = np.broadcast_to(file.camera_to_world, (len(stamps), 4, 4))
        return FilmTarget("pose", CameraTrajectory(file.camera or self._camera(), poses, stamps))

    def shift(self) -> FilmTarget:
        moved = np.eye(4)
        moved[:3, 3] = self._wishes.shift
        moved = check_rigid(moved, name="shift")
        path = in_frame(self._camera(), self._sources(), moved, stamps_ns=self._stamps(1))
        return FilmTarget("shift", path)

    def like(self) -> FilmTarget:
        name = str(self._wishes.like)
        if name not in self._references:
            known = ", ".join(self._references) or "none; use a source of several cameras"
            raise InvalidInputError(f"no other camera {name!r}; there is {known}")
        if self._wishes.size is not None or self._wishes.fov_deg is not None:
            raise InvalidInputError("views like another camera have its intrinsics; leave out size and fov")
        truth = aligned_with(self._film, self._references[name]())
        stamps = self._stamps(1)
        poses = truth.camera_to_world
        poses = poses if self._wishes.freeze_s is None else poses[self._start : self._start + 1]
        folder = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name)
        return FilmTarget(f"like_{folder}", CameraTrajectory(truth.camera, poses, stamps), truth)

    def _stamps(self, frozen_views: int) -> NDArray[np.int64]:
        """Stamps of the film's frames; or as many of the frozen instant as there are views of it."""
        if self._wishes.freeze_s is None:
            return self._film.stamps_ns
        if frozen_views < 1:
            raise InvalidInputError(f"count is {frozen_views}; give 1 or more views")
        return np.full(frozen_views, self._film.stamps_ns[self._start], np.int64)

    def _sources(self) -> NDArray[np.float64]:
        poses = self._film.camera_to_world
        return poses if self._wishes.freeze_s is None else poses[self._start : self._start + 1]

    def _camera(self) -> PinholeCamera:
        source, size, fov = self._film.camera, self._wishes.size, self._wishes.fov_deg
        if fov is not None:
            return PinholeCamera.from_fov(*(size or source.size), horizontal_fov_deg=fov)
        if size is None:
            return source
        resized = source.resized(*size)
        if abs(size[0] * source.height / (size[1] * source.width) - 1) > _SAME_SHAPE:
            raise InvalidInputError(
                f"size {size[0]}x{size[1]} has another shape than the source's {source.width}x{source.height}; give "
                "fov (degrees, horizontal) too, so that nothing is stretched"
            )
        return resized

    def _up(self) -> NDArray[np.float64]:
        if self._wishes.up is not None:
            return np.asarray(self._wishes.up, np.float64)
        return -self._film.camera_to_world[self._start, :3, 1]

    def _pivot(self) -> NDArray[np.float64]:
        if self._pivot_point is None:
            self._pivot_point = self._find_pivot()
        return self._pivot_point

    def _find_pivot(self) -> NDArray[np.float64]:
        wishes, pose = self._wishes, self._film.camera_to_world[self._start]
        if wishes.pivot is not None:
            if wishes.distance_m is not None:
                raise InvalidInputError("both pivot and distance are given; give one of them")
            return np.asarray(wishes.pivot, np.float64)
        distance = wishes.distance_m
        if distance is None:
            distance = self._depth_before()
            far = f"{distance:.3g} {'m' if self._film.metric else 'of the units of the poses'}"
            self.notes.append(
                f"The pivot lies {far} before the camera: the median depth in the middle of the picture."
            )
        if not 0 < distance < np.inf:
            raise InvalidInputError(f"distance is {distance}; give a positive number of metres")
        return np.asarray(pose[:3, 3] + distance * pose[:3, 2])

    def _depth_before(self) -> float:
        if not self._film.has_depth:
            raise InvalidInputError(
                "the point to go about is unknown, since the source has no depth; give distance (metres before the "
                "camera) or pivot (a point of the world)"
            )
        depth = depth_before(self._film, self._start)
        if depth is None:
            raise InvalidInputError("no depth is known in the middle of the picture; give distance or pivot")
        return depth

    def _on_arc(self, azimuth: float, elevation: float) -> NDArray[np.float64]:
        """The source camera's place at the start, turned about the pivot: to its right, and up."""
        pivot, up = self._pivot(), self._up()
        up = up / np.linalg.norm(up)
        offset = self._film.camera_to_world[self._start, :3, 3] - pivot
        radius = float(np.linalg.norm(offset))
        height = float(offset @ up)
        outward = offset - height * up
        if radius < 1e-9 or np.linalg.norm(outward) < 1e-6 * radius:
            raise InvalidInputError("the camera is right above or at the pivot; give another up, or a pose")
        outward = outward / np.linalg.norm(outward)
        sideways = np.cross(up, outward)  # to the right of a camera that looks back along outward
        rise = np.arcsin(np.clip(height / radius, -1, 1)) + elevation
        if abs(rise) >= np.pi / 2 - 1e-3:
            raise InvalidInputError(
                f"the arc leads to {np.degrees(rise):.1f} degrees above the pivot, where upright is lost; "
                "stay below 90"
            )
        around = np.cos(azimuth) * outward + np.sin(azimuth) * sideways
        return np.asarray(pivot + radius * (np.cos(rise) * around + np.sin(rise) * up))
