"""What changes while the node works: parameters, poses, viewers, frames on TF; with an engine that obeys."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from camera_process import camera_node, robot_double
from fake_engine import FakeEngine
from robot_double import CAMERA, RobotDouble

from anyview_ros.msg import CameraStatus
from anyview_ros.nodes.qos import SERVICE_QOS
from anyview_ros.srv import CaptureView, SetVirtualCamera


@pytest.fixture
def robot(ros_environment: dict[str, str]) -> Iterator[RobotDouble]:
    # Best effort: in one process Fast DDS hands messages over directly, and acknowledgements may lock each other out.
    with robot_double(reliable=False) as made:
        yield made


class StaticTf:
    """The static transforms on TF, as a listener of the robot's gets them, and a broadcaster beside the node."""

    def __init__(self, robot: RobotDouble) -> None:
        from tf2_ros import Buffer, StaticTransformBroadcaster, TransformListener

        self._buffer = Buffer(node=robot.node)
        self._listener = TransformListener(self._buffer, robot.node)
        self._broadcaster = StaticTransformBroadcaster(robot.node)

    def tell(self, frame: str, z_m: float) -> None:
        from geometry_msgs.msg import TransformStamped

        transform = TransformStamped()
        transform.header.frame_id, transform.child_frame_id = "base", frame
        transform.transform.translation.z = z_m
        transform.transform.rotation.w = 1.0
        self._broadcaster.sendTransform(transform)

    def z_m(self, frame: str) -> float | None:
        from rclpy.time import Time
        from tf2_ros import TransformException

        try:
            return float(self._buffer.lookup_transform("base", frame, Time()).transform.translation.z)
        except TransformException:
            return None


def move(robot: RobotDouble, camera: str, z_m: float) -> None:
    request = SetVirtualCamera.Request(name=camera, set_pose=True)
    request.pose.position.z, request.pose.orientation.w = z_m, 1.0
    answer = robot.call(SetVirtualCamera, "set_virtual_camera", request)
    assert answer.success, answer.error


def test_what_is_set_while_the_node_is_configured_is_refused_or_takes_effect(robot: RobotDouble) -> None:
    from rclpy.parameter import Parameter

    engine, begun, go_on = FakeEngine(), threading.Event(), threading.Event()

    def load() -> None:
        begun.set()
        assert go_on.wait(20)

    with camera_node(engine, load=load) as node:
        assert begun.wait(20)

        def change(name: str, value: Any) -> Any:
            return node.set_parameters([Parameter(name, value=value)])[0]

        try:
            assert change("seed", 7).successful
            assert change("overhead.position", [1.0, 2.0, 3.0]).successful
            refused = change("window.length_s", 0.5)
            contradicting = change("overhead.orientation", [0.0, 0.0, 0.0, 0.0])
        finally:
            go_on.set()
        assert "only while the node is unconfigured" in refused.reason
        assert "unit quaternion" in contradicting.reason
        robot.watch("overhead")
        robot.wait_for_views("overhead", 1)
        assert engine.stream.spec.seed == 7
        assert list(engine.frames[0].targets["overhead"][:3, 3]) == [1.0, 2.0, 3.0]


def test_a_view_of_the_old_pose_is_not_shown_once_the_camera_has_moved(robot: RobotDouble) -> None:
    engine = FakeEngine()
    with camera_node(engine, virtual_cameras=["overhead"], answer_timeout_s=60.0, overhead__rate_hz=0.5):
        robot.watch("overhead")
        robot.wait_for_views("overhead", 1)
        engine.mute = True
        asked = len(engine.frames)
        robot.wait("another frame", lambda: len(engine.frames) > asked)
        old = engine.frames[-1]
        move(robot, "overhead", 3.0)
        kept = robot.views["overhead/image"]
        kept.clear()
        engine.stream.answer(old)
        robot.wait_for_reason("the last view was dropped: the camera was changed while it was made")
        assert not kept
        asked = engine.frames.index(old)
        robot.wait("a frame for the new pose", lambda: len(engine.frames) > asked + 1)
        assert engine.frames[-1].targets["overhead"][2, 3] == 3.0
        engine.mute = False
        engine.stream.answer(engine.frames[-1])
        robot.wait("its view", lambda: kept)
        robot.wait_for_reason("1 of 1 wanted views stream")


def test_troubles_of_a_stream_that_nobody_wants_any_more_are_forgotten(robot: RobotDouble) -> None:
    engine = FakeEngine()
    with camera_node(engine):
        stop = robot.watch("overhead")
        robot.wait_for_views("overhead", 1)
        engine.outcome_error = "out of memory"
        robot.wait_for_reason("out of memory")
        stop()
        robot.wait_for_reason("ready; nobody subscribes to a view")


def test_a_stream_that_the_server_closed_for_its_silence_is_no_trouble(robot: RobotDouble) -> None:
    engine = FakeEngine()
    with camera_node(engine, overhead__rate_hz=0.5, camera_timeout_s=60.0, tf_timeout_s=10.0):
        robot.watch("overhead")
        robot.wait_for_views("overhead", 1)
        robot.wait_for_reason("1 of 1 wanted views stream")
        robot.statuses.clear()
        engine.stream.rest("the stream had no frame for 1 s and was closed")
        robot.wait_for_views("overhead", 1)
        assert len(engine.streams) == 2
        assert {status.summary for status in list(robot.statuses)} <= {"1 of 1 wanted views stream"}


def test_the_cameras_of_an_inactive_node_say_so(robot: RobotDouble) -> None:
    with camera_node(FakeEngine(), virtual_cameras=["overhead"]) as node:
        robot.watch("overhead")
        robot.wait_for_views("overhead", 1)
        node.trigger_deactivate()
        robot.wait(
            "the reason",
            lambda: (
                robot.statuses[-1].summary
                == robot.statuses[-1].cameras[0].reason
                == "inactive: activate the node"
            ),
        )
        assert robot.statuses[-1].cameras[0].state == CameraStatus.WAITING


def test_a_frame_of_the_robot_is_not_overwritten_and_other_cameras_go_on(robot: RobotDouble) -> None:
    tf = StaticTf(robot)
    tf.tell("front_optical_frame", 0.5)
    robot.wait("the robot's frame", lambda: tf.z_m("front_optical_frame") == 0.5)
    front = {"front.position": [0.0, 0.0, 2.0], "front.width": 160, "front.height": 120}
    with camera_node(FakeEngine(), virtual_cameras=["front", "overhead"], **front):
        robot.watch("front")
        robot.watch("overhead")
        robot.wait_for_reason("front: TF has a frame 'front_optical_frame' of somebody else's")
        robot.wait_for_silence("front", quiet_s=0.3)
        robot.wait_for_views("overhead", 2)
        robot.wait("the other's frame", lambda: tf.z_m("overhead_optical_frame") == 0.0)
        assert tf.z_m("front_optical_frame") == 0.5


def test_a_frame_that_turns_out_to_be_the_robots_is_given_up(robot: RobotDouble) -> None:
    tf = StaticTf(robot)
    with camera_node(FakeEngine(), virtual_cameras=["overhead"]):
        robot.watch("overhead")
        robot.wait("its frame", lambda: tf.z_m("overhead_optical_frame") == 0.0)
        move(robot, "overhead", 1.5)
        robot.wait("its new place", lambda: tf.z_m("overhead_optical_frame") == 1.5)
        robot.wait_for_views("overhead", 3)
        tf.tell("overhead_optical_frame", 9.0)
        robot.wait_for_reason("TF has a frame 'overhead_optical_frame' of somebody else's")
        robot.wait_for_silence("overhead", quiet_s=0.3)
        assert tf.z_m("overhead_optical_frame") == 9.0


def test_a_node_that_is_configured_anew_has_its_frames_still(robot: RobotDouble) -> None:
    tf, engine = StaticTf(robot), FakeEngine()
    with camera_node(engine, virtual_cameras=["overhead"]) as node:
        robot.watch("overhead")
        robot.wait("its frame", lambda: tf.z_m("overhead_optical_frame") == 0.0)
        move(robot, "overhead", 1.5)
        robot.wait("its new place", lambda: tf.z_m("overhead_optical_frame") == 1.5)
        for transition in (
            node.trigger_deactivate,
            node.trigger_cleanup,
            node.trigger_configure,
            node.trigger_activate,
        ):
            transition()
        move(robot, "overhead", 2.5)
        robot.wait("its newest place", lambda: tf.z_m("overhead_optical_frame") == 2.5)
        robot.wait_for_reason("1 of 1 wanted views stream")


def test_a_burst_of_captures_is_answered_one_and_all(robot: RobotDouble) -> None:
    engine = FakeEngine()
    with camera_node(engine):
        robot.wait("a window", lambda: robot.statuses and robot.statuses[-1].window_frames >= 2)
        client = robot.node.create_client(CaptureView, "capture_view", qos_profile=SERVICE_QOS)
        assert client.wait_for_service(5)
        request = CaptureView.Request()
        request.pose.orientation.w = 1.0
        futures = [client.call_async(request) for _ in range(100)]
        robot.wait("every answer", lambda: all(future.done() for future in futures), timeout_s=30)
        assert all(future.result().success for future in futures)


def test_capture_view_sends_as_many_frames_as_the_server_takes(robot: RobotDouble) -> None:
    engine = FakeEngine(clip_frames=(1, 1000))
    engine.max_request_bytes = 5 * CAMERA.width * CAMERA.height * 3
    with camera_node(engine):
        robot.wait("a window", lambda: robot.statuses and robot.statuses[-1].window_frames >= 10)
        request = CaptureView.Request()
        request.pose.orientation.w = 1.0

        def of_five_frames() -> bool:
            # On a busy machine the window has a gap at times, and fewer frames after it.
            answer = robot.call(CaptureView, "capture_view", request)
            return answer.success and len(engine.requests[-1].sources[0]) == 5

        robot.wait("a view of 5 frames", of_five_frames)
    assert max(len(asked.sources[0]) for asked in engine.requests) == 5
