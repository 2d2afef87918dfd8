from __future__ import annotations

import numpy as np
import pytest
from clips import pose_at

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.look_beyond.stillness import check_stillness

CAMERA = PinholeCamera(40.0, 40.0, 31.5, 23.5, 64, 48)


def clip(frames: np.ndarray, poses: np.ndarray | None = None) -> PosedClip:
    count = len(frames)
    poses = np.stack([np.eye(4)] * count) if poses is None else poses
    return PosedClip(frames, CAMERA, poses, 100 * np.arange(1, count + 1))


def pictures(count: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.repeat(rng.integers(0, 200, (1, 48, 64, 3), np.uint8), count, axis=0)


def test_a_sensors_noise_and_flicker_are_not_motion() -> None:
    rng = np.random.default_rng(1)
    noisy = pictures(5).astype(float) + rng.normal(0, 8, (5, 48, 64, 3)) + np.arange(5)[:, None, None, None]
    check_stillness(clip(np.clip(noisy, 0, 255).astype(np.uint8)))


def test_a_thing_that_moves_is_refused_with_the_remedies() -> None:
    frames = pictures(4)
    frames[3, 20:26, 30:36] = 255
    with pytest.raises(InvalidRequestError, match="frames 0 and 3") as error:
        check_stillness(clip(frames))
    for remedy in ("one frame", "moving='newest'", "moving='each'"):
        assert remedy in str(error.value)


def test_a_camera_that_moves_may_see_other_things() -> None:
    frames = pictures(4)
    frames[3, 20:26, 30:36] = 255
    check_stillness(clip(frames, np.stack([pose_at(x=0.02 * t) for t in range(4)])))


def test_motion_is_found_where_the_camera_comes_back() -> None:
    frames = pictures(4)
    frames[3, 20:26, 30:36] = 255
    poses = np.stack([pose_at(x=x) for x in (0, 0.1, 0.2, 0)])
    with pytest.raises(InvalidRequestError, match="frames 0 and 3"):
        check_stillness(clip(frames, poses))


def test_one_picture_stands_still() -> None:
    check_stillness(clip(pictures(1)))
