"""Panoramas of a room that is one box, small enough for any test."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.geometry import PinholeCamera, ray_directions
from anyview_ros.geometry.panorama import panorama_directions
from anyview_ros.methods.look_beyond.panorama.config import PanoramaConfig
from anyview_ros.methods.look_beyond.panorama.network import PanoramaDenoiser
from anyview_ros.methods.look_beyond.panorama.scene import PanoramaScene
from anyview_ros.methods.pictures import SourceFrame

TINY = PanoramaConfig(
    height=16,
    patch=4,
    width=32,
    heads=2,
    blocks=2,
    condition_width=16,
    source_width=16,
    source_height=16,
    source_patch=8,
)
CAMERA = PinholeCamera.from_fov(48, 36, horizontal_fov_deg=70)


def untrained(config: PanoramaConfig = TINY, *, seed: int = 0) -> PanoramaDenoiser:
    """A network whose every weight is drawn by chance, so that all parts matter."""
    torch.manual_seed(seed)
    network = PanoramaDenoiser(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return network.eval().requires_grad_(False)


class BoxRoom:
    """A room of 4 by 2.4 by 6 metres with a colour of every point, seen from its middle.

    Its axes are those of a camera there: x right, y down, z forward.
    """

    half = np.array([2.0, 1.2, 3.0])

    def distance(self, directions: NDArray[np.float64], origin: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far the walls are along unit directions (..., 3) from a point inside."""
        with np.errstate(divide="ignore"):
            each = (np.sign(directions) * self.half - origin) / directions
        return np.asarray(np.nanmin(np.where(directions == 0, np.nan, each), axis=-1))

    def colour(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The colours (..., 3) in [0, 1] of points (..., 3)."""
        x, y, z = np.moveaxis(points, -1, 0)
        channels = [0.5 + 0.4 * np.sin(2 * x), 0.5 + 0.4 * np.sin(2 * y + z), 0.5 + 0.4 * np.cos(1.5 * z)]
        return np.stack(channels, axis=-1)

    def frame(self, camera_to_room: NDArray[np.float64], camera: PinholeCamera = CAMERA) -> SourceFrame:
        """What a camera in the room sees, with its true depth."""
        rays = ray_directions(camera)
        length = np.linalg.norm(rays, axis=-1)
        directions = rays / length[..., None] @ camera_to_room[:3, :3].T
        origin = camera_to_room[:3, 3]
        distance = self.distance(directions, origin)
        image = self.colour(origin + distance[..., None] * directions)
        return SourceFrame(
            np.rint(image * 255).astype(np.uint8),
            camera,
            camera_to_room,
            (distance / length).astype(np.float32),
        )

    def panorama(self, height: int, camera_to_world: NDArray[np.float64] | None = None) -> PanoramaScene:
        """The true panorama from the middle of the room, nothing of it seen before."""
        directions = panorama_directions(height)
        distance = self.distance(directions, np.zeros(3))
        return PanoramaScene(
            self.colour(distance[..., None] * directions).astype(np.float32),
            distance.astype(np.float32),
            np.zeros(distance.shape, np.bool_),
            np.eye(4) if camera_to_world is None else camera_to_world,
        )


def turned_and_moved(
    yaw_deg: float, moved: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> NDArray[np.float64]:
    """A pose (4, 4) turned to the right by an angle and moved."""
    yaw = np.radians(yaw_deg)
    pose = np.eye(4)
    pose[:3, :3] = [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]]
    pose[:3, 3] = moved
    return pose
