from __future__ import annotations

from collections.abc import Callable

import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy

from anyview_ros.nodes.qos import sensor_qos, stream_qos


@pytest.mark.parametrize("make", [stream_qos, sensor_qos])
def test_overrides_of_one_topic_do_not_reach_another(make: Callable[[], QoSProfile]) -> None:
    default = make().reliability
    overridden = make()
    overridden.reliability = ReliabilityPolicy.SYSTEM_DEFAULT  # as ROS writes overrides
    assert make().reliability is default
