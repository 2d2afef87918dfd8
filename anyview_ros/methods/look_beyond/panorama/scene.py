"""The panorama that stage 1 makes, and all that is known of the scene afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import check_rigid

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PanoramaScene:
    """An equirectangular panorama (H, 2H) of colour and distance; see :mod:`anyview_ros.geometry.panorama`.

    Attributes:
        colour: float32 (H, 2H, 3), RGB in [0, 1].
        depth_m: float32 (H, 2H), metres along the pixel's ray (not along an optical axis); 0 = unknown.
        seen: bool (H, 2H), what the source picture showed; the rest is imagined.
        camera_to_world: float64 (4, 4), the panorama's axes in the world, metres; its centre is where it was seen from.

    Raises:
        InvalidInputError: arrays of other shapes, types or ranges, or a panorama that is not twice as wide as high.
        InvalidPoseError: a pose that is not rigid.
    """

    colour: Float32
    depth_m: Float32
    seen: NDArray[np.bool_]
    camera_to_world: NDArray[np.float64]

    def __post_init__(self) -> None:
        shape = self.colour.shape
        if len(shape) != 3 or shape[2] != 3 or not shape[0] or shape[1] != 2 * shape[0]:
            raise InvalidInputError(
                f"colour is {shape}; an equirectangular panorama is twice as wide as high: give (H, 2H, 3)"
            )
        for name, kind in (("colour", np.float32), ("depth_m", np.float32), ("seen", np.bool_)):
            array = getattr(self, name)
            if (
                array.dtype != kind
                or array.shape[:2] != shape[:2]
                or array.ndim != (3 if name == "colour" else 2)
            ):
                raise InvalidInputError(
                    f"{name} is {array.dtype} {array.shape}; give {np.dtype(kind)} of the panorama's "
                    f"{shape[0]}x{shape[1]} pixels"
                )
        if not (np.isfinite(self.colour).all() and np.isfinite(self.depth_m).all()):
            raise InvalidInputError("the panorama holds values that are not finite; unknown distance is 0")
        if self.colour.min() < 0 or self.colour.max() > 1 or self.depth_m.min() < 0:
            raise InvalidInputError(
                "colour lies outside [0, 1] or a distance is negative; unknown distance is 0"
            )
        pose = check_rigid(self.camera_to_world, name="camera_to_world")
        if pose.shape != (4, 4):
            raise InvalidInputError(f"camera_to_world must be one pose (4, 4), got {pose.shape}")
        object.__setattr__(self, "camera_to_world", pose)

    @property
    def height(self) -> int:
        """Rows of the panorama; it has twice as many columns."""
        return len(self.colour)
