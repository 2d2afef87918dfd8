"""Epipolar geometry of two posed pinhole cameras: how far matched points are from where they could be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.pixel_transfer import PixelTransfer

Array = NDArray[np.float64]

NO_BASELINE_M = 1e-4
"""Cameras nearer to each other than this are taken to share their centre: they have no epipolar lines."""


@dataclass(frozen=True, eq=False)
class TwoViewGeometry:
    """What the poses of two cameras say of points that show the same.

    Attributes:
        fundamental: float64 (3, 3), F with ``x_b^T F x_a = 0`` (Hartley and Zisserman, Multiple View Geometry,
            2nd ed., 9.2); None where the cameras share their centre.
        homography: float64 (3, 3), K_b R K_a^-1: where points infinitely far away, or seen by cameras that share
            their centre, go from a to b.
    """

    fundamental: Array | None
    homography: Array

    @classmethod
    def between(
        cls,
        camera_a: PinholeCamera,
        a_to_world: ArrayLike,
        camera_b: PinholeCamera,
        b_to_world: ArrayLike,
    ) -> TwoViewGeometry:
        """The geometry of two posed cameras (poses (4, 4), metres, OpenCV axes); the same in every world frame.

        Raises:
            InvalidPoseError: a pose that is not one finite rigid transform.
        """
        transfer = PixelTransfer.between(camera_a, a_to_world, camera_b, b_to_world)
        centre_b = np.linalg.solve(camera_b.matrix, transfer.epipole)  # of camera a in b's axes, metres
        if np.linalg.norm(centre_b) < NO_BASELINE_M:
            return cls(None, transfer.homography)
        return cls(_cross(transfer.epipole) @ transfer.homography, transfer.homography)

    def distances_px(
        self, points_a: ArrayLike, points_b: ArrayLike, *, scales: tuple[float, float] = (1.0, 1.0)
    ) -> Array:
        """How far matched points (N, 2) are from fitting the poses, pixels (N,).

        The symmetric epipolar distance; where the cameras share their centre, the symmetric transfer distance, since
        the place of a point in one picture then follows from that in the other. ``scales`` as in
        :func:`symmetric_epipolar_distances_px`.
        """
        if self.fundamental is not None:
            return symmetric_epipolar_distances_px(points_a, points_b, self.fundamental, scales=scales)
        a, b = _points(points_a, points_b)
        there = _mapped(self.homography, a) - b
        back = _mapped(np.asarray(np.linalg.inv(self.homography), np.float64), b) - a
        return _mean_of_both(np.linalg.norm(back, axis=1), np.linalg.norm(there, axis=1), scales)


def symmetric_epipolar_distances_px(
    points_a: ArrayLike,
    points_b: ArrayLike,
    fundamental: ArrayLike,
    *,
    scales: tuple[float, float] = (1.0, 1.0),
) -> Array:
    """The mean of each match's two distances to the other's epipolar line, pixels (N,).

    As in Yu et al., Long-Term Photometric Consistent Novel View Synthesis with Diffusion Models (arXiv 2304.10700).
    A point in the epipole has no line and is at no distance from it.

    Args:
        points_a, points_b: (N, 2), x and y in pixels, centres at integers.
        fundamental: (3, 3), F with ``x_b^T F x_a = 0``.
        scales: of a's picture and b's: distances in each are those of the picture made so many times as large.

    Raises:
        InvalidInputError: points that do not come in pairs, or values that are not finite.
    """
    a, b = _points(points_a, points_b)
    F = np.asarray(fundamental, np.float64)
    if F.shape != (3, 3) or not np.isfinite(F).all():
        raise InvalidInputError(f"fundamental must be finite numbers (3, 3), got {F.shape}")
    lines_b, lines_a = _homogeneous(a) @ F.T, _homogeneous(b) @ F
    residual = np.abs(np.sum(_homogeneous(b) * lines_b, axis=1))
    return _mean_of_both(_per(residual, lines_a), _per(residual, lines_b), scales)


def _mean_of_both(in_a: Array, in_b: Array, scales: tuple[float, float]) -> Array:
    return np.asarray((in_a * scales[0] + in_b * scales[1]) / 2)


def _per(residual: Array, lines: Array) -> Array:
    length = np.linalg.norm(lines[:, :2], axis=1)
    return np.asarray(np.divide(residual, length, out=np.zeros_like(residual), where=length > 0))


def _cross(vector: Array) -> Array:
    x, y, z = vector
    return np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])


def _homogeneous(points: Array) -> Array:
    return np.column_stack([points, np.ones(len(points))])


def _mapped(homography: Array, points: Array) -> Array:
    """Where points go; infinitely far away if that is behind the camera."""
    mapped = _homogeneous(points) @ homography.T
    ahead = mapped[:, 2:] > 0
    places = np.full((len(points), 2), np.inf)
    return np.asarray(np.divide(mapped[:, :2], mapped[:, 2:], out=places, where=ahead))


def _points(points_a: ArrayLike, points_b: ArrayLike) -> tuple[Array, Array]:
    a, b = np.asarray(points_a, np.float64), np.asarray(points_b, np.float64)
    if a.ndim != 2 or a.shape[1] != 2 or a.shape != b.shape:
        raise InvalidInputError(f"points must be (N, 2) and come in pairs, got {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InvalidInputError("points hold nan or infinite values; leave those matches out")
    return a, b
