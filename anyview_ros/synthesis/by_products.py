"""What a stream may tell besides views: points of its scene, a look into its fit, camera poses after refinement.

It is an offer that most methods do not make. Whoever wants some asks with a frame (``StreamFrame.by_products``) and
finds in the outcome what there is; what is None was not made. An engine in this process hands them over; across a
``synthesis_server`` there are views alone.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import check_rigid, check_stamps


class ByProduct(Enum):
    """What may be asked for; the values are the names of the fields of ByProducts."""

    POINTS = "points"
    RAY_WEIGHTS = "ray_weights"
    REFINED_POSES = "refined_poses"


@dataclass(frozen=True, eq=False)
class PointCloud:
    """Coloured points.

    Attributes:
        points: float32 (N, 3), metres, in the world.
        colours: uint8 (N, 3), RGB.
        stamp_ns: the instant.

    Raises:
        InvalidInputError: arrays of other shapes or types, or points that are not finite.
    """

    points: NDArray[np.float32]
    colours: NDArray[np.uint8]
    stamp_ns: int

    def __post_init__(self) -> None:
        count = len(self.points)
        if self.points.shape != (count, 3) or self.points.dtype != np.float32:
            raise InvalidInputError(
                f"points must be float32 (N, 3), got {self.points.dtype} {self.points.shape}"
            )
        if self.colours.shape != (count, 3) or self.colours.dtype != np.uint8:
            raise InvalidInputError(
                f"colours must be uint8 ({count}, 3), got {self.colours.dtype} {self.colours.shape}"
            )
        if not np.isfinite(self.points).all():
            raise InvalidInputError("points has values that are not finite; leave such points out")

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, eq=False)
class RefinedPoses:
    """Poses of the source camera that a fit has corrected.

    Attributes:
        stamps_ns: int64 (M,), strictly increasing.
        camera_to_world: float64 (M, 4, 4), metres, OpenCV axes.

    Raises:
        InvalidPoseError, InvalidClipError: poses or stamps that no clip can have.
    """

    stamps_ns: NDArray[np.int64]
    camera_to_world: NDArray[np.float64]

    def __post_init__(self) -> None:
        poses = check_rigid(self.camera_to_world, name="refined camera_to_world")
        object.__setattr__(self, "camera_to_world", poses)
        object.__setattr__(self, "stamps_ns", check_stamps(self.stamps_ns, len(poses)))


@dataclass(frozen=True, eq=False)
class ByProducts:
    """What a stream told of the instant of one frame; None for what was not asked for, or is not made.

    Attributes:
        points: the scene at that instant.
        ray_weights: uint8 (H, W, 3), RGB: a picture for people, of where along some rays the scene is solid.
        refined_poses: of the source camera, the newest last.
    """

    points: PointCloud | None = None
    ray_weights: NDArray[np.uint8] | None = None
    refined_poses: RefinedPoses | None = None

    def has(self, kind: ByProduct) -> bool:
        """Whether this one was made."""
        return getattr(self, kind.value) is not None


@runtime_checkable
class ByProductStream(Protocol):
    """A SynthesisStream that tells more than views."""

    def by_products(self, wanted: Set[ByProduct]) -> ByProducts:
        """Make those of the wanted that this stream can, of the frame that was pushed last.

        Raises:
            InvalidRequestError: no frame has been pushed.
            EngineClosedError: the stream has been closed.
        """
        ...


@runtime_checkable
class PlyExporter(Protocol):
    """A Synthesizer of a fitted scene that writes the scene for other programs."""

    def write_ply(self, path: Path, stamp_ns: int) -> int:
        """Write the scene at an instant to a PLY file and return how many points or Gaussians it holds.

        Raises:
            InvalidRequestError: no scene is loaded.
            EngineClosedError: the method has been closed.
        """
        ...
