"""Views from a given place: in the world, with the source camera, on a TF frame, or where another camera is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import (
    BODY_FROM_OPTICAL,
    PinholeCamera,
    RigidTransform,
    check_rigid,
    interpolate_poses,
    look_at,
)
from anyview_ros.offline.augment.round_views import WORLD
from anyview_ros.offline.augment.source_episode import SourceEpisode
from anyview_ros.offline.augment.view_sampling import Laid, ViewSampler, ViewSettings
from anyview_ros.offline.augment.view_text import MAIN, ViewArguments
from anyview_ros.offline.posed_film import PosedFilm
from anyview_ros.offline.synthesize.truth import aligned_with

Array = NDArray[np.float64]

SOURCE = "source"
AXES = ("optical", "body")


class PlacedViews(ViewSampler):
    """A camera at a pose in the world, in the source camera, or in a TF frame, with which it moves.

    Args:
        settings: what every view may be told.
        frame: "world", "source", or a TF frame.
        camera_to_frame: (4, 4), OpenCV axes.
    """

    varies = False

    def __init__(self, settings: ViewSettings, frame: str, camera_to_frame: Array) -> None:
        super().__init__(settings)
        self.frame, self.camera_to_frame = frame, camera_to_frame

    @classmethod
    def fixed(cls, arguments: ViewArguments, settings: ViewSettings) -> PlacedViews:
        """From a view's arguments: ``fixed:in=…,position=…``."""
        frame = arguments.text("in", WORLD)
        return cls(settings, frame, _pose(arguments, frame))

    @classmethod
    def on_frame(cls, arguments: ViewArguments, settings: ViewSettings) -> PlacedViews:
        """From a view's arguments: ``frame:NAME,position=…``."""
        frame = arguments.text(MAIN)
        if not frame:
            raise arguments.error("frame needs the name of a TF frame, such as frame:wrist_link")
        return cls(settings, frame, _pose(arguments, frame))

    def _lay(self, episode: SourceEpisode, film: PosedFilm, generator: np.random.Generator) -> Laid:
        del generator  # nothing is drawn
        poses = self._frame_to_world(episode, film) @ self.camera_to_frame
        return Laid(poses, {"in": self.frame, "camera_to_frame": self.camera_to_frame.tolist()})

    def _frame_to_world(self, episode: SourceEpisode, film: PosedFilm) -> Array:
        if self.frame == SOURCE:
            return film.camera_to_world
        if self.frame == WORLD:
            return np.broadcast_to(np.eye(4), (len(film), 4, 4))
        return episode.frame_to_world(self.frame, film.stamps_ns)


class OtherCamera(ViewSampler):
    """The pose and intrinsics of another camera of the episode, whose pictures are then the truth.

    Where that camera has no picture of its own for each of the film's instants, its poses are interpolated, and there
    is no truth to compare with.
    """

    varies = False

    def __init__(self, settings: ViewSettings, camera: str) -> None:
        super().__init__(settings)
        self.camera = camera

    @classmethod
    def taken(cls, arguments: ViewArguments, settings: ViewSettings) -> OtherCamera:
        """From a view's arguments: ``camera:NAME``."""
        camera = arguments.text(MAIN)
        if not camera:
            raise arguments.error("camera needs the name of a camera of the episode, such as camera:overhead")
        return cls(settings, camera)

    def sized_like(self, source: str) -> str:
        """That camera."""
        del source
        return self.camera

    def _lay(self, episode: SourceEpisode, film: PosedFilm, generator: np.random.Generator) -> Laid:
        del generator  # nothing is drawn
        known = {camera.name for camera in episode.cameras}
        if self.camera not in known or self.camera == film.name:
            others = ", ".join(sorted(known - {film.name})) or "none"
            raise InvalidInputError(
                f"view {self.text!r}: {episode.name} has no other camera {self.camera!r}; others than the source "
                f"{film.name} are: {others}"
            )
        other = episode.film(self.camera)
        about: dict[str, Any] = {"camera": self.camera}
        own = self.settings
        asked = own.intrinsics or own.size or own.fov_deg
        camera = own.camera(other.camera)
        if asked and camera != other.camera:
            return Laid(
                _poses_at(other, film), {**about, "no_truth": "other intrinsics were asked for"}, camera
            )
        try:
            truth = aligned_with(film, other)
        except InvalidInputError as error:
            return Laid(_poses_at(other, film), {**about, "no_truth": str(error)}, camera)
        return Laid(truth.camera_to_world, about, camera, truth)


def _poses_at(other: PosedFilm, film: PosedFilm) -> Array:
    """The other camera's poses at the film's instants; before its first and after its last picture, those of these."""
    instants = film.stamps_ns.clip(other.stamps_ns[0], other.stamps_ns[-1])
    return interpolate_poses(other.stamps_ns, other.camera_to_world, instants)


def _pose(arguments: ViewArguments, frame: str) -> Array:
    """camera_to_frame (4, 4) from pose=, or position= with quaternion= or look_at=."""
    axes = arguments.choice("axes", AXES)
    matrix, position = arguments.numbers("pose", 16), arguments.vector("position")
    quaternion, aim = arguments.numbers("quaternion", 4), arguments.vector("look_at")
    up = arguments.vector("up") or ((0.0, -1.0, 0.0) if frame == SOURCE else (0.0, 0.0, 1.0))
    if aim is not None and quaternion is not None:
        raise arguments.error("both look_at and quaternion are given; give one of them")
    if matrix is not None:
        if position is not None or quaternion is not None or aim is not None:
            raise arguments.error("pose says all; leave out position, quaternion and look_at")
        pose = check_rigid(np.reshape(matrix, (4, 4)), name="pose")
    elif aim is not None:
        return look_at(position or (0.0, 0.0, 0.0), aim, up)
    else:
        pose = RigidTransform.from_quaternion(
            quaternion or (0.0, 0.0, 0.0, 1.0), position or (0.0, 0.0, 0.0)
        ).matrix
    return np.asarray(pose @ BODY_FROM_OPTICAL if axes == "body" else pose)


def taken_intrinsics(arguments: ViewArguments) -> PinholeCamera | None:
    """``intrinsics=fx,fy,cx,cy,width,height``; None if they were not given."""
    values = arguments.numbers("intrinsics", 6)
    if values is None:
        return None
    if any(side != int(side) for side in values[4:]):
        raise arguments.error("intrinsics end with width and height, which are whole numbers of pixels")
    fx, fy, cx, cy, width, height = values
    return PinholeCamera(fx, fy, cx, cy, int(width), int(height))
