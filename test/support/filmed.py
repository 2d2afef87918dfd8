"""Short films with true depth and poses, rendered once per test process."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.scenes import render_clip, simulated_robot

CAMERA = PinholeCamera.from_fov(240, 180, horizontal_fov_deg=60)
RATE_HZ = 10.0
COUNT = 12


def sway(times_s: NDArray[np.float64], side: float = 0.0) -> NDArray[np.float64]:
    """A camera that sways to and fro before the robot, never at constant speed, (T, 4, 4)."""
    phase = 2 * np.pi * np.asarray(times_s) / 1.6
    across, along = 0.15 * np.sin(phase), 0.05 * np.cos(phase)
    return np.stack(
        [
            look_at((1.3 + y, -1.0 + side + x, 1.5 + y), (0.3, 0.3 * x, 0.85))
            for x, y in zip(across, along, strict=True)
        ]
    )


@cache
def moving_clip(side: float = 0.0) -> PosedClip:
    """What a moving camera sees of the simulated robot, with depth."""
    times_s = np.arange(COUNT) / RATE_HZ
    return render_clip(simulated_robot(), CAMERA, sway(times_s, side), times_s)
