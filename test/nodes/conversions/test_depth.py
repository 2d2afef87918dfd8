"""Depth as messages."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip("sensor_msgs", reason="needs ROS messages: run through tools/with_ros")

from std_msgs.msg import Header

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.conversions import depth_to_image, depth_to_metres


@given(
    arrays(np.float32, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=st.floats(0, 100, width=32))
)
def test_round_trip(depth: np.ndarray[Any, Any]) -> None:
    msg = depth_to_image(depth, Header(frame_id="camera"))
    assert (msg.encoding, msg.header.frame_id) == ("32FC1", "camera")
    np.testing.assert_array_equal(depth_to_metres(msg), depth)


@pytest.mark.parametrize("depth", [np.zeros((2, 2), np.uint16), np.zeros((2, 2, 1), np.float32)])
def test_what_is_no_depth_is_refused(depth: np.ndarray[Any, Any]) -> None:
    with pytest.raises(InvalidInputError, match=r"depth_m must be float32 \(H, W\)"):
        depth_to_image(depth, Header())
