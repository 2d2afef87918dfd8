"""Equirectangular panoramas of scenes, by casting a ray through each pixel."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry.panorama import panorama_directions_at
from anyview_ros.scenes.rendering import Rendering, cast
from anyview_ros.scenes.scene import Scene


@dataclass(frozen=True)
class PanoramaRays:
    """Rays of a panorama of ``height`` rows: depth is the distance along them.

    Raises:
        InvalidInputError: a height below 1.
    """

    height: int

    def __post_init__(self) -> None:
        if self.height < 1:
            raise InvalidInputError(f"height is {self.height}; a panorama has at least one row")

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return 2 * self.height, self.height

    @property
    def pixel_width(self) -> float:
        """How far apart neighbouring rays of the horizon are at one metre."""
        return math.pi / self.height

    def directions(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Unit directions (3, ...) of pixels."""
        return np.moveaxis(panorama_directions_at(np.stack([x, y], axis=-1), self.height), -1, 0)


def render_panorama(
    scene: Scene,
    camera_to_world: ArrayLike,
    height: int,
    *,
    supersampling: int = 1,
    shadows: bool = True,
    device: str = "cpu",
) -> Rendering:
    """Return what is seen all around of ``scene``, as panoramas (height, 2 height).

    Args:
        scene: one instant, or as many as there are poses.
        camera_to_world: (T, 4, 4) or (4, 4), metres: of the panorama's axes, see :mod:`anyview_ros.geometry.panorama`.
        height: rows.
        supersampling: s×s rays per pixel for the colour.
        shadows: whether lamps throw shadows.
        device: where torch computes.

    Returns:
        T panoramas; their depth is the distance along each pixel's ray, metres, 0 where nothing is.

    Raises:
        InvalidInputError: a height or supersampling below 1, or numbers of instants and poses that do not fit.
        InvalidPoseError: a pose that is not rigid.
    """
    return cast(
        scene,
        PanoramaRays(height),
        camera_to_world,
        supersampling=supersampling,
        shadows=shadows,
        device=device,
    )
