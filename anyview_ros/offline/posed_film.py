"""A film of one pinhole camera whose poses are known: the common face of all that can be synthesised from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.geometry import DistortedCamera, PinholeCamera, check_rigid, check_stamps

DEFAULT_RATE_HZ = 10.0
"""Frames per second where nothing tells it."""


@dataclass(frozen=True, eq=False)
class FilmFrame:
    """One picture.

    Attributes:
        image: uint8 (H, W, 3), RGB.
        depth: float32 (H, W), in the unit of the poses, 0 = unknown; or None.
    """

    image: NDArray[np.uint8]
    depth: NDArray[np.float32] | None = None


ReadFrames = Callable[[range], Iterator[FilmFrame]]
"""Gives the frames of an ascending range of indices, one after the other."""


@dataclass(frozen=True, eq=False)
class PosedFilm:
    """A film, opened: poses and stamps are known, pictures are read when asked for and never all held.

    Attributes:
        name: of the camera, for people.
        camera: intrinsics of every picture.
        camera_to_world: float64 (T, 4, 4), OpenCV axes; metres if ``metric``.
        stamps_ns: int64 (T,), strictly increasing nanoseconds.
        read: gives frames by index.
        has_depth: whether every picture has depth; otherwise none has.
        metric: whether lengths are known to be metres.
        notes: what was done to the pictures, one sentence each.

    Raises:
        InvalidPoseError, InvalidClipError: poses or stamps that no clip can have.
    """

    name: str
    camera: PinholeCamera
    camera_to_world: NDArray[np.float64]
    stamps_ns: NDArray[np.int64]
    read: ReadFrames
    has_depth: bool = False
    metric: bool = True
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        poses = check_rigid(self.camera_to_world, name=f"camera_to_world of {self.name}")
        object.__setattr__(self, "camera_to_world", poses)
        object.__setattr__(self, "stamps_ns", check_stamps(self.stamps_ns, len(poses)))

    def __len__(self) -> int:
        return len(self.camera_to_world)

    @property
    def rate_hz(self) -> float:
        """Mean number of frames per second."""
        if len(self) < 2:
            return DEFAULT_RATE_HZ
        return (len(self) - 1) * 1e9 / float(self.stamps_ns[-1] - self.stamps_ns[0])

    def sliced(self, chosen: slice) -> PosedFilm:
        """The film of some of its frames.

        Raises:
            InvalidInputError: no frames are left, or they would run backwards.
        """
        indices = range(len(self))[chosen]
        if not indices or indices.step < 1:
            raise InvalidInputError(
                f"frames {chosen.start}:{chosen.stop}:{chosen.step} of a film of {len(self)} frames are none; "
                "give START:STOP:STEP with START below STOP and a positive STEP"
            )
        return replace(
            self,
            camera_to_world=self.camera_to_world[indices.start : indices.stop : indices.step],
            stamps_ns=self.stamps_ns[indices.start : indices.stop : indices.step],
            read=lambda wanted: self.read(indices[wanted.start : wanted.stop : wanted.step]),
        )

    def in_metres(self, metres_per_unit: float) -> PosedFilm:
        """The film with poses and depth multiplied by ``metres_per_unit``, metric from then on.

        Raises:
            InvalidInputError: a number that is not positive and finite.
        """
        if not 0 < metres_per_unit < np.inf:
            raise InvalidInputError(f"metres_per_unit is {metres_per_unit}; give a positive number")
        poses = self.camera_to_world.copy()
        poses[:, :3, 3] *= metres_per_unit

        def read(wanted: range) -> Iterator[FilmFrame]:
            for frame in self.read(wanted):
                depth = None if frame.depth is None else frame.depth * np.float32(metres_per_unit)
                yield FilmFrame(frame.image, depth)

        return replace(self, camera_to_world=poses, read=read, metric=True)

    def frames(self, wanted: range) -> Iterator[FilmFrame]:
        """Read frames, and check that they are as the film says.

        Raises:
            ReadError: a picture of another size, or depth for some of the frames only.
        """
        shape = (self.camera.height, self.camera.width)
        count = 0
        for index, frame in zip(wanted, self.read(wanted), strict=False):
            count += 1
            if frame.image.shape[:2] != shape:
                raise ReadError(
                    f"frame {index} of {self.name} is {frame.image.shape[1]}x{frame.image.shape[0]} but its "
                    f"calibration is for {shape[1]}x{shape[0]}; all frames must have the calibrated size"
                )
            if (frame.depth is not None) != self.has_depth:
                raise ReadError(
                    f"frame {index} of {self.name} has {'no ' if frame.depth is None else ''}depth, unlike those "
                    "before it; give depth for all frames or for none"
                )
            if frame.depth is not None and frame.depth.shape != shape:
                raise ReadError(
                    f"depth of frame {index} of {self.name} is {frame.depth.shape[1]}x{frame.depth.shape[0]} but its "
                    f"picture is {shape[1]}x{shape[0]}; align depth with the pictures"
                )
            yield frame
        if count != len(wanted):
            raise ReadError(
                f"{self.name} gave {count} of {len(wanted)} frames; the file was cut off or changed"
            )

    def clip(self, frames: Sequence[FilmFrame], first: int) -> PosedClip:
        """Consecutive frames, the first of which has index ``first``, as a clip."""
        stop = first + len(frames)
        depths = [frame.depth for frame in frames if frame.depth is not None]
        return PosedClip(
            np.stack([frame.image for frame in frames]),
            self.camera,
            self.camera_to_world[first:stop],
            self.stamps_ns[first:stop],
            np.stack(depths) if self.has_depth else None,
        )


def posed_film(
    name: str,
    camera: PinholeCamera | DistortedCamera,
    camera_to_world: NDArray[np.float64],
    stamps_ns: NDArray[np.int64],
    read: ReadFrames,
    *,
    has_depth: bool = False,
    metric: bool = True,
) -> PosedFilm:
    """A film of a camera that may be distorted; if it is, its pictures are rectified as they are read."""
    if camera.is_pinhole:
        return PosedFilm(name, camera.rectified, camera_to_world, stamps_ns, read, has_depth, metric)

    def rectified(wanted: range) -> Iterator[FilmFrame]:
        for frame in read(wanted):
            depth = None if frame.depth is None else camera.rectify(frame.depth, nearest=True)
            yield FilmFrame(camera.rectify(frame.image), depth)

    note = f"The lens distortion of {name} was taken out; what its pictures then lack is black."
    return PosedFilm(
        name, camera.rectified, camera_to_world, stamps_ns, rectified, has_depth, metric, (note,)
    )


def even_stamps_ns(count: int, rate_hz: float) -> NDArray[np.int64]:
    """Stamps (count,) of frames at a constant rate, from 0.

    Raises:
        InvalidInputError: a rate that is not positive and finite.
    """
    if not 0 < rate_hz < np.inf:
        raise InvalidInputError(f"rate_hz is {rate_hz}; give a positive number of frames per second")
    return np.round(np.arange(count) * (1e9 / rate_hz)).astype(np.int64)
