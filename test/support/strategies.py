"""What hypothesis draws: cameras, poses and points that a robot could have."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anyview_ros.geometry import PinholeCamera, RigidTransform


def numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, allow_subnormal=False)


@st.composite
def cameras(draw, *, smallest: int = 2, largest: int = 2000) -> PinholeCamera:
    width, height = draw(st.integers(smallest, largest)), draw(st.integers(smallest, largest))
    fx, fy = draw(numbers(0.3, 5)) * width, draw(numbers(0.3, 5)) * width
    cx, cy = draw(numbers(-0.5, 1.5)) * width, draw(numbers(-0.5, 1.5)) * height
    return PinholeCamera(fx, fy, cx, cy, width, height)


@st.composite
def quaternions(draw) -> np.ndarray:
    """Unit quaternions of every rotation, small, half-turn and whole ones included."""
    kind = draw(st.sampled_from(["any", "small", "half"]))
    axis = draw(arrays(np.float64, 3, elements=numbers(-1, 1)).filter(lambda a: np.linalg.norm(a) > 1e-3))
    angle = draw({"any": numbers(-7, 7), "small": numbers(-1e-6, 1e-6), "half": st.just(math.pi)}[kind])
    return np.append(math.sin(angle / 2) * axis / np.linalg.norm(axis), math.cos(angle / 2))


@st.composite
def poses(draw, *, reach_m: float = 20.0) -> np.ndarray:
    translation = draw(arrays(np.float64, 3, elements=numbers(-reach_m, reach_m)))
    return RigidTransform.from_quaternion(draw(quaternions()), translation).matrix.copy()


def points_in_front(count: int = 5) -> st.SearchStrategy[np.ndarray]:
    """(count, 3) points 0.1 to 50 m in front of a camera, inside a cone of about 150 degrees."""
    rays = arrays(np.float64, (count, 2), elements=numbers(-4, 4))
    depths = arrays(np.float64, (count, 1), elements=numbers(0.1, 50))
    return st.builds(lambda xy, z: np.concatenate([xy * z, z], axis=1), rays, depths)
