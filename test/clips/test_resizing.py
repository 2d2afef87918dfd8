from __future__ import annotations

import numpy as np
from PIL import Image

from anyview_ros.clips import PosedClip
from anyview_ros.clips.resizing import resize_clip, resize_frames
from anyview_ros.geometry import PinholeCamera


def clip() -> PosedClip:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (2, 24, 32, 3), np.uint8)
    depth = np.repeat(np.arange(1, 33, dtype=np.float32)[None, None], 24, axis=1).repeat(2, axis=0)
    depth[:, :4] = 0
    return PosedClip(
        frames,
        PinholeCamera(30.0, 31.0, 15.5, 11.5, 32, 24),
        np.tile(np.eye(4), (2, 1, 1)),
        np.array([0, 1]),
        depth,
    )


def test_each_picture_is_resized_by_lanczos() -> None:
    frames = clip().frames
    small = resize_frames(frames, (16, 12))
    alone = np.asarray(Image.fromarray(frames[1]).resize((16, 12), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(small[1], alone)
    assert resize_frames(frames, (32, 24)) is frames


def test_camera_and_depth_come_along() -> None:
    small = resize_clip(clip(), (16, 12))
    assert small.camera == clip().camera.resized(16, 12)
    assert small.frames.shape == (2, 12, 16, 3)
    assert small.depth is not None
    assert set(np.unique(small.depth)) <= {
        0.0,
        *np.arange(1.0, 33.0),
    }  # nothing is made up between two depths
    assert np.all(small.depth[:, :2] == 0)
    assert np.all(small.depth[:, 2:] > 0)
    same = clip()
    assert resize_clip(same, (32, 24)) is same
