"""What every native stream keeps of a push."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from clips import CAMERA, box_clip, pose_at

from anyview_ros.clips import PosedClip
from anyview_ros.methods.pictures import Picture, Pose
from anyview_ros.methods.pushed_stream import PushedStream
from anyview_ros.synthesis import Provenance


class Seeing(PushedStream):
    """A stream that shows nothing."""

    def _answer(self, clip: PosedClip, poses: Sequence[Pose | None]) -> Sequence[Picture | None]:
        return [None] * len(poses)


def test_the_newest_frame_is_kept_as_it_was_pushed() -> None:
    clip = box_clip()
    assert clip.depth is not None
    frame, depth, pose = clip.frames[0].copy(), clip.depth[0].copy(), pose_at(x=0.3)
    with Seeing(clip.camera, [CAMERA], Provenance("seeing")) as stream:
        stream.push(frame, pose, target_camera_to_world=[None], stamp_ns=1, depth=depth)
        frame[:], depth[:], pose[:] = 0, 0, np.eye(4)
        newest = stream.newest
    np.testing.assert_array_equal(newest.frames[0], clip.frames[0])
    np.testing.assert_array_equal(newest.depth[0], clip.depth[0])
    np.testing.assert_array_equal(newest.camera_to_world[0], pose_at(x=0.3))
