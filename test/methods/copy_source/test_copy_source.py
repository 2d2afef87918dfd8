from __future__ import annotations

import numpy as np
from clips import box_clip, pose_at, sideways

from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.methods.copy_source import CopySource
from anyview_ros.synthesis import SynthesisRequest


def test_the_source_itself_and_no_confidence() -> None:
    clip = box_clip(depth=False)
    view = CopySource().synthesize(SynthesisRequest((clip, box_clip(x=1.0)), (sideways(x=2.0),))).views[0]
    np.testing.assert_array_equal(view.frames, clip.frames)
    assert (view.confidence == 0).all()
    assert view.depth is None


def test_it_is_stretched_to_the_targets_size() -> None:
    clip = box_clip(1)
    half, twice = PinholeCamera(30, 30, 15.5, 11.5, 32, 24), PinholeCamera(120, 120, 63.5, 47.5, 128, 96)
    targets = tuple(CameraTrajectory(camera, pose_at()[None]) for camera in (half, twice))
    small, large = CopySource().synthesize(SynthesisRequest((clip,), targets)).views
    blocks = clip.frames[0].reshape(24, 2, 32, 2, 3).mean(axis=(1, 3))
    assert np.abs(small.frames[0] - blocks).max() <= 1
    back = large.frames[0].reshape(48, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.abs(back - clip.frames[0]).mean() < 10
