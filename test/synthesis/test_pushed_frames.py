"""What may be pushed to a stream."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from clips import CAMERA, pose_at

from anyview_ros.errors import InvalidPoseError, InvalidRequestError
from anyview_ros.synthesis.client import StreamFrame, StreamSpec
from anyview_ros.synthesis.pushed_frames import check_order, check_stream_frame, check_target_poses

SPEC = StreamSpec(CAMERA, {"a": CAMERA, "b": CAMERA})
SHAPE = (CAMERA.height, CAMERA.width)
FRAME = StreamFrame(
    np.zeros((*SHAPE, 3), np.uint8), np.eye(4), 5, {"b": np.eye(4)}, np.ones(SHAPE, np.float32)
)


def test_stamps_increase() -> None:
    check_order(0, None)
    check_order(6, 5)
    for stamp_ns in (4, 5):
        with pytest.raises(InvalidRequestError, match=f"stamp_ns is {stamp_ns} but must be above 5"):
            check_order(stamp_ns, 5)


def test_there_is_a_pose_for_each_target_or_none() -> None:
    first, second = check_target_poses([None, pose_at(x=0.5)], 2)
    assert first is None
    np.testing.assert_array_equal(second, pose_at(x=0.5))
    with pytest.raises(InvalidRequestError, match="has 1 poses but the stream has 2 targets"):
        check_target_poses([None], 2)
    with pytest.raises(InvalidPoseError, match=r"target_camera_to_world\[1\]"):
        check_target_poses([None, 2 * np.eye(4)], 2)


def test_a_frame_of_the_stream_is_taken() -> None:
    check_stream_frame(FRAME, SPEC, after_ns=4)
    check_stream_frame(replace(FRAME, depth=None, targets={}), SPEC, after_ns=None)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"targets": {"c": np.eye(4)}}, "target 'c' is not of this stream, which was opened for a, b"),
        ({"frame": FRAME.frame.astype(np.float32)}, "frame is float32"),
        ({"frame": FRAME.frame[:-1]}, "but the stream was opened for uint8"),
        ({"camera_to_world": np.full((4, 4), np.nan)}, "camera_to_world"),
        ({"depth": np.ones(SHAPE, np.uint16)}, "depth is uint16"),
        ({"depth": np.ones((2, 2), np.float32)}, r"depth is float32 \(2, 2\)"),
        ({"stamp_ns": 4}, "stamp_ns is 4 but must be above 4"),
    ],
)
def test_a_frame_that_does_not_fit_is_refused_with_the_reason(changed: dict[str, Any], named: str) -> None:
    with pytest.raises((InvalidRequestError, InvalidPoseError), match=named):
        check_stream_frame(replace(FRAME, **changed), SPEC, after_ns=4)
