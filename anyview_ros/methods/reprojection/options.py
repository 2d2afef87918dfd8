"""What a user can ask of reprojection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError, InvalidRequestError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.assumed_depth import constant_depth, plane_depth
from anyview_ros.synthesis.option_checks import check_truths


@dataclass(frozen=True)
class ReprojectionOptions:
    """Options of the method ``reprojection``.

    Attributes:
        depth_m: depth assumed everywhere in sources that have no depth image, metres; or None.
        plane_point, plane_normal: a plane assumed instead, in the world's axes, metres: the table z = 0 is
            plane_point=(0, 0, 0), plane_normal=(0, 0, 1); or None.
        fill_holes: fill what no source sees from its surroundings; otherwise it stays black. Either way the
            confidence says so.

    Raises:
        InvalidRequestError: a depth that is not positive, both a constant and a plane, half a plane, or a
            plane that is none.
    """

    depth_m: float | None = None
    plane_point: tuple[float, float, float] | None = None
    plane_normal: tuple[float, float, float] | None = None
    fill_holes: bool = True

    def __post_init__(self) -> None:
        if (self.plane_point is None) != (self.plane_normal is None):
            raise InvalidRequestError(
                f"plane_point is {self.plane_point} and plane_normal is {self.plane_normal}; "
                "give both or neither"
            )
        if self.depth_m is not None and self.plane_point is not None:
            raise InvalidRequestError(
                f"depth_m is {self.depth_m} and plane_point is {self.plane_point}; "
                "assume a constant depth or a plane"
            )
        check_truths(self, "fill_holes")
        try:
            self.assumed_depth(PinholeCamera(1, 1, 0, 0, 1, 1), np.eye(4))
        except InvalidInputError as err:
            raise InvalidRequestError(str(err)) from err
        except (TypeError, ValueError) as err:
            raise InvalidRequestError(
                f"depth_m is {self.depth_m!r}, plane_point {self.plane_point!r} and plane_normal "
                f"{self.plane_normal!r}; give a number, or three numbers each"
            ) from err

    def assumed_depth(
        self, camera: PinholeCamera, camera_to_world: NDArray[np.float64]
    ) -> NDArray[np.float32] | None:
        """The depth image (H, W) that these options assume for a camera; None if they assume none."""
        if self.depth_m is not None:
            return constant_depth(camera, self.depth_m)
        if self.plane_point is not None and self.plane_normal is not None:
            return plane_depth(camera, camera_to_world, self.plane_point, self.plane_normal)
        return None
