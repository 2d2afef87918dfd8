from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.clips import SlidingWindow
from anyview_ros.errors import ClipNotReadyError, InvalidRequestError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.nodes.virtual_camera.capture import make_shot, take_clip
from anyview_ros.synthesis import MethodDescription

CAMERA = PinholeCamera.from_fov(32, 24, horizontal_fov_deg=60)
PERIOD_NS = 100_000_000


def method(fewest: int, most: int, **more: object) -> MethodDescription:
    return MethodDescription("m", "s", False, clip_frames=(fewest, most), **more)  # type: ignore[arg-type]


def window(frames: int, *, length: int = 8, depth: bool = False) -> SlidingWindow:
    made = SlidingWindow(length_frames=length, rate_hz=10.0)
    depth_m = np.ones((24, 32), np.float32) if depth else None
    for index in range(frames):
        stamp_ns = 1_000_000_000 + index * PERIOD_NS
        made.add(np.zeros((24, 32, 3), np.uint8), CAMERA, np.eye(4), stamp_ns, depth_m)
    return made


@pytest.mark.parametrize(
    ("held", "fewest", "most", "given"),
    [(8, 1, 4, 4), (8, 1, 100, 8), (3, 1, 8, 1), (8, 4, 4, 4), (8, 8, 8, 8)],
)
def test_the_longest_clip_that_the_method_takes(held: int, fewest: int, most: int, given: int) -> None:
    clip = take_clip(window(held), method(fewest, most), max_age_s=0, now_ns=0)
    assert len(clip) == given
    assert clip.stamps_ns[-1] == 1_000_000_000 + (held - 1) * PERIOD_NS


@pytest.mark.parametrize(
    ("depth", "step", "max_bytes", "given"),
    [
        (False, 1, 0, 8),
        (False, 1, 8 * 32 * 24 * 3, 8),
        (False, 1, 8 * 32 * 24 * 3 - 1, 7),
        (True, 1, 8 * 32 * 24 * 3, 3),
        (False, 4, 8 * 32 * 24 * 3, 5),
    ],
)
def test_no_longer_a_clip_than_the_engine_takes(depth: bool, step: int, max_bytes: int, given: int) -> None:
    many = method(1, 100, clip_frames_step=step)
    clip = take_clip(window(8, depth=depth), many, max_age_s=0, now_ns=0, max_bytes=max_bytes)
    assert len(clip) == given
    assert clip.stamps_ns[-1] == 1_000_000_000 + 7 * PERIOD_NS


def test_a_clip_that_the_engine_cannot_take_is_refused_with_what_helps() -> None:
    with pytest.raises(
        InvalidRequestError, match=r"4 frames but the server takes 6912 bytes .* which are 3; raise"
    ):
        take_clip(window(8), method(4, 4), max_age_s=0, now_ns=0, max_bytes=3 * 32 * 24 * 3)


def test_a_limit_changes_nothing_while_there_is_no_frame() -> None:
    with pytest.raises(ClipNotReadyError, match="no frame yet; 8 frames"):
        take_clip(window(0), method(8, 8), max_age_s=0, now_ns=0, max_bytes=1)


def test_too_few_frames_yet() -> None:
    with pytest.raises(ClipNotReadyError, match="3 of 5 frames"):
        take_clip(window(3), method(5, 5), max_age_s=0, now_ns=0)


def test_a_window_that_is_too_short_for_the_method() -> None:
    with pytest.raises(
        InvalidRequestError, match=r"needs 9 frames but the window holds 8; raise window\.length_s"
    ):
        take_clip(window(8), method(9, 9), max_age_s=0, now_ns=0)


def test_too_old() -> None:
    full = window(8)
    newest_ns = full.stamps_ns[-1]
    assert len(take_clip(full, method(1, 1), max_age_s=0.5, now_ns=newest_ns + 400_000_000)) == 1
    with pytest.raises(ClipNotReadyError, match=r"0\.60 s old"):
        take_clip(full, method(1, 1), max_age_s=0.5, now_ns=newest_ns + 600_000_000)


def test_a_shot_asks_for_the_last_instant_at_a_size_of_the_method() -> None:
    clip = take_clip(window(8), method(4, 4), max_age_s=0, now_ns=0)
    pose = np.eye(4)
    pose[0, 3] = 0.5
    shot = make_shot(clip, method(4, 4, sizes=((16, 16),)), CAMERA, pose, steps=2, seed=3, options=None)
    (target,) = shot.request.targets
    assert target.camera.size == (16, 16)
    assert shot.fit.source == CAMERA
    assert target.stamps_ns is not None
    assert shot.stamp_ns == clip.stamps_ns[-1] == target.stamps_ns[0]
    np.testing.assert_array_equal(target.camera_to_world, pose[None])
    assert (shot.request.steps, shot.request.seed) == (2, 3)
