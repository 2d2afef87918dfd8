"""An updater on a node of a real graph."""

from __future__ import annotations

import time

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from diagnostic_updater import Heartbeat, Updater
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter

PATIENCE_S = 30.0


def test_diagnostics_arrive_at_the_period_of_the_parameter() -> None:
    rclpy.init()
    period = Parameter("diagnostic_updater.period", value=0.05)
    node = rclpy.create_node("virtual_camera", parameter_overrides=[period])
    monitor = rclpy.create_node("monitor")
    heard: list[DiagnosticArray] = []
    monitor.create_subscription(DiagnosticArray, "/diagnostics", heard.append, 10)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    executor.add_node(monitor)
    try:
        updater = Updater(node, period=3600.0)
        updater.setHardwareID("none")
        updater.add(Heartbeat())
        deadline_s = time.monotonic() + PATIENCE_S
        while len(heard) < 4 and time.monotonic() < deadline_s:
            executor.spin_once(timeout_sec=0.1)
        assert len(heard) >= 4
        status = heard[-1].status[0]
        assert (status.name, status.message) == ("virtual_camera: Heartbeat", "Alive")
        assert status.hardware_id == "none"
    finally:
        executor.shutdown()
        node.destroy_node()
        monitor.destroy_node()
        rclpy.shutdown()
