"""What breaks in the renderer's thread must end the process, not leave a robot that publishes nothing."""

import pytest

pytest.importorskip("rclpy", reason="needs ROS: run through tools/with_ros")


from anyview_ros.nodes.simulated_robot.node import SimulatedRobot


class Broken(SimulatedRobot):
    """A robot whose disk is full as soon as it renders."""

    def _prepare(self):  # type: ignore[no-untyped-def]
        raise OSError("no space left on device")


def test_a_renderer_that_fails_ends_the_spin(ros_context: None) -> None:
    import rclpy

    node = Broken()
    try:
        with pytest.raises(OSError, match="no space left"):
            rclpy.spin(node)
    finally:
        node.close()
        node.destroy_node()
