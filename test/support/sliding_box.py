"""A wall, and a box that slides before it: the smallest world in which something moves and uncovers something."""

from __future__ import annotations

import numpy as np

from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.scenes import Body, Light, Material, World, box, plane, procedural_textures

CAMERA = PinholeCamera.from_fov(40, 30, horizontal_fov_deg=60)
FRAMES = 5


def sliding_box(*, speed: float = 0.8) -> World:
    """A textured wall two metres away, and a box before it that slides to the right."""
    wall = np.diag([1.0, -1.0, -1.0, 1.0])
    wall[2, 3] = 2.0

    def motion(times: np.ndarray) -> dict[str, tuple[str, np.ndarray]]:
        pose = np.broadcast_to(np.eye(4), (*np.shape(times), 4, 4)).copy()
        pose[..., 0, 3] = -0.25 + speed * times
        pose[..., 2, 3] = 1.3
        return {"slider": ("world", pose)}

    bodies = (
        Body(plane(), Material((0.8, 0.7, 0.5), (0.1, 0.2, 0.4), "confetti", 0.6), wall, casts_shadow=False),
        Body(
            box(0.4, 0.4, 0.2),
            Material((0.9, 0.1, 0.1), (0.9, 0.8, 0.2), "marble_1", 0.5),
            np.eye(4),
            "slider",
            casts_shadow=False,
        ),
    )
    return World(bodies, motion, (Light((0.5, -1.5, -0.5)),), procedural_textures())


def aside(x: float) -> np.ndarray:
    """A camera x metres to the right of the first, that looks at the box's middle way."""
    return look_at((x, 0.0, 0.0), (0.0, 0.0, 1.6), (0, -1, 0))
