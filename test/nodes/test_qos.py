from __future__ import annotations

from collections.abc import Callable

import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

from anyview_ros.nodes.qos import latched_qos, sensor_qos, stream_qos, view_qos


@pytest.mark.parametrize("make", [stream_qos, sensor_qos, view_qos])
def test_overrides_of_one_topic_do_not_reach_another(make: Callable[[], QoSProfile]) -> None:
    default = make().reliability
    overridden = make()
    overridden.reliability = ReliabilityPolicy.SYSTEM_DEFAULT  # as ROS writes overrides
    assert make().reliability is default


def test_what_is_latched_is_kept_for_those_who_come_later() -> None:
    assert latched_qos().depth == 1
    profile = latched_qos(100)
    assert (profile.depth, profile.durability, profile.reliability) == (
        100,
        DurabilityPolicy.TRANSIENT_LOCAL,
        ReliabilityPolicy.RELIABLE,
    )
