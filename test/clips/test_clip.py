from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidClipError, InvalidInputError, InvalidPoseError
from anyview_ros.geometry import PinholeCamera

CAMERA = PinholeCamera.from_fov(8, 6, horizontal_fov_deg=60.0)
FRAMES = np.zeros((2, 6, 8, 3), np.uint8)
POSES = np.tile(np.eye(4), (2, 1, 1))
STAMPS = np.array([1, 2])


def clip(**changes: Any) -> PosedClip:
    return PosedClip(
        **({"frames": FRAMES, "camera": CAMERA, "camera_to_world": POSES, "stamps_ns": STAMPS} | changes)
    )


def test_a_clip_keeps_what_it_is_given() -> None:
    depth = np.full((2, 6, 8), 1.5, np.float32)
    made = clip(depth=depth)
    assert len(made) == 2
    assert made.frames is FRAMES
    assert made.depth is depth
    assert made.stamps_ns.dtype == np.int64
    assert made.camera_to_world.dtype == np.float64


def test_depth_that_is_not_known_is_zero() -> None:
    depth = np.ones((2, 6, 8))
    depth[0, 0, :4] = (np.nan, np.inf, -np.inf, -1.0)
    made = clip(depth=depth).depth
    assert made is not None
    assert made.dtype == np.float32
    assert made[0, 0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    assert np.isnan(depth[0, 0, 0]), "the caller's array is left as it is"


@pytest.mark.parametrize(
    ("changes", "error", "told"),
    [
        ({"frames": FRAMES[0]}, InvalidClipError, r"frames must be uint8 \(T, H, W, 3\)"),
        ({"frames": FRAMES.astype(np.float32)}, InvalidClipError, "got float32"),
        ({"frames": FRAMES[:0]}, InvalidClipError, "T >= 1"),
        ({"frames": FRAMES[:, :5]}, InvalidClipError, "camera is 8x6 but frames are 8x5"),
        ({"camera_to_world": POSES[:1]}, InvalidClipError, "one pose per frame"),
        ({"camera_to_world": POSES * np.nan}, InvalidPoseError, "camera_to_world"),
        ({"camera_to_world": POSES * 2}, InvalidPoseError, "camera_to_world"),
        ({"stamps_ns": np.array([2, 1])}, InvalidInputError, "stamps_ns"),
        ({"stamps_ns": np.array([1, 1])}, InvalidInputError, "stamps_ns"),
        ({"stamps_ns": np.array([1, 2, 3])}, InvalidInputError, "stamps_ns"),
        ({"depth": np.ones((2, 6, 7), np.float32)}, InvalidClipError, "depth must be"),
        ({"depth": np.ones((2, 6, 8), np.uint16)}, InvalidClipError, "dividing by 1000"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        clip(**changes)
