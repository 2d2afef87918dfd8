"""What nodes publish of a scene besides views: from a fit that runs, from an engine that makes none, and over ROS."""

from __future__ import annotations

import copy
import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from camera_process import camera_node, node_process, parameters, robot_double
from fake_engine import FakeEngine
from robot_double import RobotDouble

from anyview_ros.nodes import conversions
from anyview_ros.synthesis.by_products import ByProduct, ByProducts, PointCloud, RefinedPoses

POINTS, RAYS = "virtual_camera/points", "virtual_camera/debug/ray_weights"
BOTH = ["points", "ray_weights"]
EMPTY = "stays empty: the engine makes none"


@pytest.fixture
def robot(ros_environment: dict[str, str]) -> Iterator[RobotDouble]:
    with robot_double(depth=True, reliable=False, rate_hz=10) as made:
        yield made


@contextmanager
def watched(robot: RobotDouble, topic: str) -> Iterator[deque[Any]]:
    """Messages of a topic of the node, while somebody looks."""
    from sensor_msgs.msg import Image, PointCloud2

    kept: deque[Any] = deque(maxlen=100)
    kind = PointCloud2 if topic == POINTS else Image
    # rclpy looks at the signature of a callback, and a built-in method has none.
    subscription = robot.node.create_subscription(kind, topic, lambda message: kept.append(message), 5)  # noqa: PLW0108
    try:
        yield kept
    finally:
        robot.node.destroy_subscription(subscription)


@contextmanager
def followed(robot: RobotDouble) -> Iterator[deque[Any]]:
    """Transforms on /tf."""
    from tf2_msgs.msg import TFMessage

    kept: deque[Any] = deque(maxlen=1000)
    subscription = robot.node.create_subscription(
        TFMessage, "/tf", lambda message: kept.extend(message.transforms), 50
    )
    try:
        yield kept
    finally:
        robot.node.destroy_subscription(subscription)


def made() -> ByProducts:
    """One red point, a grey picture and a pose 0.3 m to the right."""
    pose = np.eye(4)
    pose[0, 3] = 0.3
    return ByProducts(
        PointCloud(np.array([[1, 2, 3]], np.float32), np.array([[255, 0, 0]], np.uint8), 1),
        np.full((20, 30, 3), 128, np.uint8),
        RefinedPoses(np.array([1]), pose[None]),
    )


def xyz(cloud: Any) -> np.ndarray:
    return np.frombuffer(bytes(cloud.data), np.float32).reshape(-1, 4)[:, :3]


def test_a_live_fit_shows_its_points_its_ray_weights_and_its_poses(
    robot: RobotDouble, ros_environment: dict[str, str]
) -> None:
    def noisy(stamp_ns: int) -> np.ndarray:
        return np.random.default_rng(5).integers(0, 255, (120, 160, 3)).astype(np.uint8)

    robot.pictures = noisy
    options = {"refine_poses": True, "rays": 64, "samples": 16, "voxels": 4000, "features": 4}
    values = parameters(
        method="ddr",
        options_json=json.dumps(options),
        use_depth=True,
        by_products=BOTH,
        by_products_rate_hz=5.0,
        refined_frame="camera_refined",
    )
    with node_process(ros_environment, values), followed(robot) as transforms:
        robot.wait_for_reason("nobody subscribes to a view", timeout_s=60)
        with watched(robot, POINTS) as clouds, watched(robot, RAYS) as pictures:
            robot.wait("points", lambda: len(clouds) > 2, timeout_s=60)
            robot.wait("ray weights", lambda: len(pictures) > 2, timeout_s=60)
        refined = robot.wait(
            "poses", lambda: [t for t in list(transforms) if t.child_frame_id == "camera_refined"]
        )
    assert {cloud.header.frame_id for cloud in clouds} == {"base"}
    points = xyz(clouds[-1])
    assert len(points) > 50
    assert np.median(points[:, 2]) == pytest.approx(2.0, abs=0.2)  # the robot's wall
    stamps = [conversions.time_to_ns(cloud.header.stamp) for cloud in clouds]
    assert stamps == sorted(set(stamps))
    assert (pictures[-1].encoding, pictures[-1].height, pictures[-1].width) == ("rgb8", 600, 640)
    assert refined[-1].header.frame_id == "base"
    assert refined[-1].transform.translation.x == pytest.approx(0.0, abs=0.05)  # where the camera stands
    own = [t for t in transforms if t.child_frame_id == "camera_optical_frame"]
    assert all(t.transform.translation.x == 0.0 for t in own)


def test_only_what_is_named_subscribed_and_due_is_asked_for(robot: RobotDouble) -> None:
    engine = FakeEngine(streams=True)
    engine.by_products = made()
    with camera_node(engine, by_products=["points"], by_products_rate_hz=2.0):
        robot.wait("a filling window", lambda: robot.statuses and robot.statuses[-1].window_frames > 5)
        assert engine.frames == []
        with watched(robot, POINTS) as clouds:
            robot.wait("clouds", lambda: len(clouds) >= 3)
            asked = list(engine.frames)
        robot.watch("wrist")
        robot.wait_for_views("wrist", 10)
        after = engine.frames[len(asked) :]
    np.testing.assert_array_equal(xyz(clouds[0]), [[1, 2, 3]])
    assert {frame.by_products for frame in asked} == {frozenset({ByProduct.POINTS})}
    assert not any(frame.targets for frame in asked)  # nobody looked at a view
    # In the mean: after one that comes late, the next is due on time.
    assert np.diff([frame.stamp_ns for frame in asked]).mean() > 0.45e9
    assert sum(bool(frame.by_products) for frame in after) <= 1  # one may have been under way
    assert {name for name, _ in robot.node.get_topic_names_and_types()}.isdisjoint({f"/{RAYS}"})


def test_poses_never_go_under_a_frame_that_somebody_else_has(
    robot: RobotDouble, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = FakeEngine(streams=True)
    engine.by_products = made()
    with followed(robot) as transforms:
        with camera_node(engine, refined_frame="tool0"):
            robot.wait("an answer", lambda: "TF has a frame 'tool0' already" in capfd.readouterr().err)
            begun = len(engine.frames)
            robot.wait("more frames", lambda: robot.statuses[-1].frames_received > begun + 10)
            assert len(engine.frames) <= begun + 1  # asked for no more
        seen = list(transforms)
        assert all(abs(t.transform.translation.x) < 0.35 and t.header.frame_id == "base" for t in seen)
        theirs = {t.transform.translation.x for t in seen if t.child_frame_id == "tool0"}
        assert 0.3 not in theirs
        with camera_node(engine, refined_frame="camera_refined"):
            ours = robot.wait(
                "poses", lambda: [t for t in list(transforms) if t.child_frame_id == "camera_refined"]
            )
    assert ours[0].transform.translation.x == pytest.approx(0.3)


def test_poses_end_when_somebody_else_takes_their_frame(
    robot: RobotDouble, capfd: pytest.CaptureFixture[str]
) -> None:
    from tf2_msgs.msg import TFMessage

    engine = FakeEngine(streams=True)
    engine.by_products = made()
    told: list[str] = []

    def is_told(what: str) -> bool:
        told.append(capfd.readouterr().err)
        return what in "".join(told)

    def ours() -> list[Any]:
        return [t for t in list(transforms) if t.child_frame_id == "camera_refined"]

    others = robot.node.create_publisher(TFMessage, "/tf", 10)
    with followed(robot) as transforms, camera_node(engine, refined_frame="camera_refined"):
        robot.wait("poses", lambda: len(ours()) > 10)  # its own come back to it, and are no other's
        assert not is_told("camera_refined")
        theirs = copy.deepcopy(ours()[-1])
        theirs.transform.translation.x = 0.9
        theirs.header.stamp.sec += 1
        others.publish(TFMessage(transforms=[theirs]))
        robot.wait("the warning", lambda: is_told("somebody else broadcasts the frame 'camera_refined' too"))
        begun = len(engine.frames)
        robot.wait("more frames", lambda: robot.statuses[-1].frames_received > begun + 20)
        assert len(engine.frames) <= begun + 1
    robot.node.destroy_publisher(others)


def test_by_products_that_fail_cost_no_views_and_are_asked_for_again(
    robot: RobotDouble, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = FakeEngine(streams=True)
    engine.by_products_error = "out of memory"
    with (
        camera_node(engine, by_products=["points"], by_products_rate_hz=20.0),
        watched(robot, POINTS) as clouds,
    ):
        robot.watch("wrist")
        robot.wait_for_views("wrist", 8)
        assert capfd.readouterr().err.count("failed at an instant: out of memory") == 1
        assert not clouds
        engine.by_products, engine.by_products_error = made(), ""
        robot.wait("clouds", lambda: clouds)


def test_what_is_not_made_is_not_told_again_because_a_camera_moves(
    robot: RobotDouble, capfd: pytest.CaptureFixture[str]
) -> None:
    from rclpy.parameter import Parameter

    from anyview_ros.srv import SetVirtualCamera

    told: list[str] = []

    def times_told() -> int:
        told.append(capfd.readouterr().err)
        return "".join(told).count(EMPTY)

    engine = FakeEngine(streams=True)
    with (
        camera_node(engine, by_products=["points"], by_products_rate_hz=20.0) as node,
        watched(robot, POINTS),
    ):
        robot.watch("wrist")
        robot.wait("the warning", lambda: times_told() == 1)
        for rate_hz in (19.0, 18.0):
            move = SetVirtualCamera.Request(name="wrist", rate_hz=rate_hz)
            assert robot.call(SetVirtualCamera, "set_virtual_camera", move).success
            robot.wait_for_views("wrist", 3)
        assert times_told() == 1
        node.set_parameters([Parameter("seed", value=3)])  # the method may make other things now
        robot.wait("another warning", lambda: times_told() == 2)


@pytest.mark.parametrize("where", ["local", "remote"])
def test_an_engine_that_makes_none_is_told_of_once(
    robot: RobotDouble, ros_environment: dict[str, str], where: str
) -> None:
    values = parameters(engine=where, by_products=BOTH, by_products_rate_hz=20.0, refined_frame="refined")
    served = {"autostart": True, "method": "reprojection"}
    server: Callable[[], Any] = lambda: node_process(  # noqa: E731
        ros_environment, served, module="anyview_ros.nodes.synthesis_server"
    )
    with server(), node_process(ros_environment, values) as process:
        with watched(robot, POINTS) as clouds, watched(robot, RAYS) as pictures:
            for what in ("~/points", "~/debug/ray_weights", "TF frame refined"):
                robot.wait(what, lambda what=what: f"{what} {EMPTY}" in process.output, timeout_s=40)
            robot.watch("wrist")
            robot.wait_for_views("wrist", 5)  # views go on
        assert process.output.count(EMPTY) == 3
        assert not clouds
        assert not pictures
