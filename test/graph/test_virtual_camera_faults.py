"""What the node says, and does, when its input is bad. One node and one robot for all tests of this file."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from camera_process import node_process, parameters, robot_double
from robot_double import RobotDouble, stamps_ns
from sensor_msgs.msg import Image

from anyview_ros.msg import CameraStatus, Status


@pytest.fixture(scope="module")
def shared(ros_environment: dict[str, str]) -> Iterator[RobotDouble]:
    with robot_double() as robot, node_process(ros_environment, parameters()):
        robot.watch("overhead")
        robot.watch("wrist")
        robot.wait_for_views("overhead", timeout_s=60)
        yield robot


@pytest.fixture
def robot(shared: RobotDouble) -> Iterator[RobotDouble]:
    """The robot in good order before each test; after it, views must come again by themselves."""
    yield shared
    shared.repair()
    shared.wait_for_views("overhead", 3)
    shared.wait_for_reason("2 of 2 wanted views stream")


def dropped(status: Status) -> dict[str, int]:
    return dict(zip(status.drop_reasons, status.drop_counts, strict=True))


def test_uncalibrated_camera(robot: RobotDouble) -> None:
    def uncalibrate(info: Any) -> Any:
        info.k = [0.0] * 9
        return info

    robot.alter_info = uncalibrate
    status = robot.wait_for_reason("uncalibrated")
    assert status.cameras[0].state == CameraStatus.WAITING
    assert dropped(status)["unfit_camera_info"] > 0
    robot.wait_for_silence("overhead", quiet_s=0.3)


def test_camera_info_of_another_size(robot: RobotDouble) -> None:
    def enlarge(info: Any) -> Any:
        info.width, info.height = 640, 480
        return info

    robot.alter_info = enlarge
    robot.wait_for_reason("describes an image of 640x480")


def test_unknown_encoding(robot: RobotDouble) -> None:
    def disguise(image: Image) -> Image:
        image.encoding = "nv21"
        return image

    robot.alter_image = disguise
    status = robot.wait_for_reason("image encoding is 'nv21'")
    assert dropped(status)["unreadable_image"] > 0


def test_image_whose_data_are_short(robot: RobotDouble) -> None:
    def cut(image: Image) -> Image:
        image.data = image.data[:-1]
        return image

    robot.alter_image = cut
    robot.wait_for_reason("bytes of data")


def test_zero_stamps(robot: RobotDouble) -> None:
    def unstamp(image: Image) -> Image:
        image.header.stamp.sec = image.header.stamp.nanosec = 0
        return image

    robot.alter_image = unstamp
    status = robot.wait_for_reason("have no stamp")
    assert dropped(status)["zero_stamp"] > 0


def test_images_without_a_frame(robot: RobotDouble) -> None:
    def unframe(image: Image) -> Image:
        image.header.frame_id = ""
        return image

    robot.alter_image = unframe
    robot.wait_for_reason("have no frame_id")


def test_camera_that_stops_and_the_last_view_is_not_repeated(robot: RobotDouble) -> None:
    robot.running = False
    robot.wait_for_reason("has the camera stopped?")
    robot.wait_for_silence("overhead", quiet_s=0.5)


def test_tf_without_the_cameras_frame(robot: RobotDouble) -> None:
    def rename(image: Image) -> Image:
        image.header.frame_id = "unknown_optical_frame"
        return image

    robot.alter_image = rename
    status = robot.wait_for_reason("waiting for TF base -> unknown_optical_frame: no such frame")
    assert dropped(status).get("tf_no_such_frame", 0) > 0 or robot.wait(
        "a drop", lambda: dropped(robot.statuses[-1]).get("tf_no_such_frame")
    )
    robot.wait_for_silence("overhead", quiet_s=0.3)


def test_tf_that_stops(robot: RobotDouble) -> None:
    robot.alter_tf = lambda transform: None
    robot.wait_for_reason("waiting for TF base -> camera_optical_frame: none at the image's stamp yet")
    assert robot.wait("a drop", lambda: dropped(robot.statuses[-1]).get("tf_late"))


def test_tf_that_is_late_delays_views_but_loses_none(robot: RobotDouble) -> None:
    from rcl_interfaces.srv import SetParameters
    from rclpy.parameter import Parameter

    timers: list[threading.Timer] = []

    def delay(transform: Any) -> None:
        timer = threading.Timer(0.15, robot._tf.sendTransform, [transform])
        timer.start()
        timers.append(timer)

    def change_timeout(seconds: float) -> None:
        request = SetParameters.Request(
            parameters=[Parameter("tf_timeout_s", value=seconds).to_parameter_msg()]
        )
        assert robot.call(SetParameters, "virtual_camera/set_parameters", request).results[0].successful

    change_timeout(5.0)  # longer than a busy machine makes TF later still
    try:
        sent, robot.alter_tf = robot.note_sent(), delay
        time.sleep(0.5)
        before = dropped(robot.wait_for_reason(""))
        stamps = stamps_ns(robot.wait_for_views("overhead", 10))
        assert dropped(robot.wait_for_reason("")) == before
    finally:
        robot.repair()
        change_timeout(0.3)
    # A view is passed over if the TF of the next comes at the same moment.
    assert len(stamps) > 0.8 * sum(stamps[0] <= stamp_ns <= stamps[-1] for stamp_ns in sent)
    for timer in timers:
        timer.join()


def test_virtual_camera_whose_parent_is_unknown_leaves_the_others_alone(robot: RobotDouble) -> None:
    from anyview_ros.srv import SetVirtualCamera

    move = SetVirtualCamera.Request(name="wrist", parent_frame="gripper_that_is_not_there")
    assert robot.call(SetVirtualCamera, "set_virtual_camera", move).success
    robot.wait_for_reason("waiting for TF base -> gripper_that_is_not_there: no such frame")
    robot.wait_for_views("overhead", 3)
    robot.wait_for_silence("wrist", quiet_s=0.3)
    back = SetVirtualCamera.Request(name="wrist", parent_frame="tool0")
    assert robot.call(SetVirtualCamera, "set_virtual_camera", back).success
    robot.wait_for_views("wrist", 2)


def test_tf_in_two_trees(robot: RobotDouble) -> None:
    from anyview_ros.srv import SetVirtualCamera

    def second_tree(transform: Any) -> Any:
        if transform.child_frame_id == "tool0":
            transform.header.frame_id, transform.child_frame_id = "elsewhere", "lonely_tool"
        return transform

    robot.alter_tf = second_tree
    move = SetVirtualCamera.Request(name="wrist", parent_frame="lonely_tool")
    assert robot.call(SetVirtualCamera, "set_virtual_camera", move).success
    robot.wait_for_reason("waiting for TF base -> lonely_tool: they are in two separate trees")
    back = SetVirtualCamera.Request(name="wrist", parent_frame="tool0")
    assert robot.call(SetVirtualCamera, "set_virtual_camera", back).success


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"name": "nobody"},
            "no virtual camera is named 'nobody'; declared in virtual_cameras: overhead, wrist",
        ),
        ({"set_pose": True, "orientation": (0.0, 0.0, 0.0, 0.0)}, "quaternion"),
        ({"set_pose": True, "position": (1e9, 0.0, 0.0)}, "none beyond 1000"),
        ({"set_pose": True, "position": (float("nan"), 0.0, 0.0)}, "finite"),
        ({"intrinsics": (100.0, 100.0, 50.0, 50.0, 100000, 100)}, "width"),
        ({"intrinsics": (0.01, 100.0, 50.0, 50.0, 100, 100)}, "field of view"),
        ({"intrinsics": (0.0, 0.0, 0.0, 0.0, 100, 100)}, "focal lengths"),
        ({"rate_hz": -1.0}, "rate_hz"),
    ],
)
def test_absurd_virtual_cameras_are_refused_and_nothing_changes(
    robot: RobotDouble, change: dict[str, Any], told: str
) -> None:
    from anyview_ros.srv import SetVirtualCamera

    request = SetVirtualCamera.Request(
        name=change.get("name", "overhead"), rate_hz=change.get("rate_hz", 0.0)
    )
    request.set_pose = "set_pose" in change
    request.pose.orientation.w = 1.0
    if "orientation" in change:
        turn = request.pose.orientation
        turn.x, turn.y, turn.z, turn.w = change["orientation"]
    if "position" in change:
        place = request.pose.position
        place.x, place.y, place.z = change["position"]
    if "intrinsics" in change:
        request.set_intrinsics = True
        for field, value in zip(
            ("fx", "fy", "cx", "cy", "width", "height"), change["intrinsics"], strict=True
        ):
            setattr(request.intrinsics, field, value)
    answer = robot.call(SetVirtualCamera, "set_virtual_camera", request)
    assert not answer.success
    assert told in answer.error


def test_a_clock_that_jumps_back_starts_everything_anew(robot: RobotDouble) -> None:
    newest_ns = max(stamps_ns(robot.wait_for_views("overhead", 3)))
    robot.shift_ns -= int(60e9)
    later = stamps_ns(robot.wait_for_views("overhead", 5))
    again = [stamp for stamp in later if stamp < newest_ns - int(30e9)]
    assert len(again) >= 3
    assert sorted(again) == again
    robot.wait("a window of new frames only", lambda: robot.statuses[-1].window_frames >= 2)


def test_missing_camera_info(ros_environment: dict[str, str], shared: RobotDouble) -> None:
    """A node of its own: this one has seen the info."""
    values = parameters()
    with node_process(ros_environment, values, node_name="late", remappings={"camera_info": "no_such_info"}):
        shared.wait_for_reason("no camera_info on /no_such_info yet", timeout_s=30)
