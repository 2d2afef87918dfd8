from __future__ import annotations

from rclpy.qos import ReliabilityPolicy

from anyview_ros.nodes.qos import stream_qos


def test_overrides_of_one_topic_do_not_reach_another() -> None:
    overridden = stream_qos()
    overridden.reliability = ReliabilityPolicy.BEST_EFFORT
    assert stream_qos().reliability is ReliabilityPolicy.RELIABLE
