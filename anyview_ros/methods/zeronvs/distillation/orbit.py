"""Cameras around the point that the input looks at: those that a step draws, and those of the anchors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import PinholeCamera, look_at, rotation_angle_deg
from anyview_ros.geometry.trajectory import orbit

Array = NDArray[np.float64]

_ANY_CAMERA = PinholeCamera.from_fov(2, 2, horizontal_fov_deg=90)


@dataclass(frozen=True, eq=False)
class Orbit:
    """The input camera and the point around which others stand.

    Attributes:
        camera_to_world: float64 (4, 4), of the input, metres, OpenCV axes.
        look_at_m: distance along its optical axis of the point looked at.
        up: float64 (3,), of length one.
    """

    camera_to_world: Array
    look_at_m: float
    up: Array

    @classmethod
    def of(cls, camera_to_world: ArrayLike, look_at_m: float, up: ArrayLike = (0.0, 0.0, 1.0)) -> Orbit:
        """Check what is given.

        Raises:
            InvalidRequestError: a distance that is not positive, or an ``up`` of no length.
        """
        axis = np.asarray(up, np.float64)
        length = float(np.linalg.norm(axis))
        if not 0 < look_at_m < np.inf:
            raise InvalidRequestError(f"look_at_m is {look_at_m}; give a finite number of metres above 0")
        if axis.shape != (3,) or not 0 < length < np.inf:
            raise InvalidRequestError(f"up is {axis.tolist()}; give three numbers, not all 0")
        return cls(np.asarray(camera_to_world, np.float64), float(look_at_m), axis / length)

    @property
    def centre(self) -> Array:
        """The point looked at (3,), world."""
        point: Array = self.camera_to_world[:3, 3] + self.look_at_m * self.camera_to_world[:3, 2]
        return point

    @property
    def elevation_deg(self) -> float:
        """Of the input camera, above the plane through the centre."""
        arm = self.camera_to_world[:3, 3] - self.centre
        return float(np.degrees(np.arcsin(np.clip(arm @ self.up / self.look_at_m, -1, 1))))

    def pose(self, azimuth_deg: float, elevation_deg: float, distance_m: float) -> Array:
        """A camera that looks at the centre.

        Args:
            azimuth_deg: about ``up``, right-handed, from the input camera's.
            elevation_deg: above the plane through the centre; less than 90 either way.
            distance_m: to the centre.

        Returns:
            float64 (4, 4).
        """
        ahead, aside = self._plane()
        azimuth, elevation = np.radians(azimuth_deg), np.radians(elevation_deg)
        flat = np.cos(azimuth) * ahead + np.sin(azimuth) * aside
        arm = np.cos(elevation) * flat + np.sin(elevation) * self.up
        return look_at(self.centre + distance_m * arm, self.centre, self.up)

    def anchors(self, count: int) -> Array:
        """The input camera swung as a whole about the centre, by 360 (i + 1) / (count + 1) degrees: (count, 4, 4)."""
        if count == 0:
            return np.empty((0, 4, 4))
        swing = orbit(
            _ANY_CAMERA,
            self.centre,
            self.camera_to_world,
            360.0 * count / (count + 1),
            count + 1,
            axis=self.up,
        )
        poses: Array = swing.camera_to_world[1:]
        return poses

    def _plane(self) -> tuple[Array, Array]:
        """Axes of the plane through the centre: towards the input camera, and a quarter turn further."""
        arm = self.camera_to_world[:3, 3] - self.centre
        flat = arm - (arm @ self.up) * self.up
        if (
            np.linalg.norm(flat) < 1e-6 * self.look_at_m
        ):  # straight from above: its picture's lower edge is near
            flat = self.camera_to_world[:3, 1] - (self.camera_to_world[:3, 1] @ self.up) * self.up
        ahead = flat / np.linalg.norm(flat)
        return ahead, np.cross(self.up, ahead)


def nearest_by_rotation(candidates: ArrayLike, camera_to_world: ArrayLike) -> int:
    """Which of the poses (N, 4, 4) is turned least against a pose (4, 4), wherever they stand; the first of equals."""
    turns = np.swapaxes(np.asarray(candidates)[:, :3, :3], -1, -2) @ np.asarray(camera_to_world)[:3, :3]
    return int(np.argmin(np.round(rotation_angle_deg(turns), 9)))
