from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ros_process import RosProcess

if TYPE_CHECKING:
    from pathlib import Path

    from rclpy.node import Node

PARAMETERS: dict[str, Any] = {
    "loop_s": 2.0,
    "rate_hz": 5.0,
    "width": 64,
    "height": 48,
    "virtual_cameras": ["overhead", "wrist"],
    "overhead.parent_frame": "base_link",
    "overhead.position": [0.3, 0.0, 1.35],
    "overhead.look_at": [0.3, 0.0, 0.0],
    "overhead.width": 48,
    "overhead.height": 32,
    "wrist.parent_frame": "wrist_camera_link",
    "wrist.position": [0.02, 0.0, 0.0],
    "wrist.orientation": [-0.5, 0.5, -0.5, 0.5],
    "wrist.width": 32,
    "wrist.height": 32,
}
MODULE = "anyview_ros.nodes.simulated_robot"


class Listener:
    """Keeps the messages of the simulated robot, and its TF."""

    def __init__(self, node: Node) -> None:
        from rclpy.qos import qos_profile_sensor_data
        from sensor_msgs.msg import CameraInfo, Image
        from tf2_ros import Buffer, TransformListener

        self.node = node
        self.messages: dict[str, list[Any]] = {}
        self.buffer = Buffer()
        self.tf = TransformListener(self.buffer, node)
        for kind, topics in (
            (
                Image,
                (
                    "camera/image_raw",
                    "camera/depth/image_raw",
                    "truth/overhead/image",
                    "truth/overhead/depth",
                    "truth/wrist/image",
                ),
            ),
            (CameraInfo, ("camera/camera_info", "truth/overhead/camera_info", "truth/wrist/camera_info")),
        ):
            for topic in topics:
                kept = self.messages.setdefault(topic, [])
                node.create_subscription(kind, topic, kept.append, qos_profile_sensor_data)

    def wait_for(self, condition: Callable[[], bool], timeout_s: float = 90.0) -> None:
        import rclpy

        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, {topic: len(kept) for topic, kept in self.messages.items()}
            rclpy.spin_once(self.node, timeout_sec=0.1)

    def stamps_ns(self, topic: str) -> list[int]:
        from anyview_ros.nodes.conversions import time_to_ns

        return [time_to_ns(message.header.stamp) for message in self.messages[topic]]

    def optical_to(self, target: str, frame: str, message: Any) -> np.ndarray:
        from rclpy.time import Time

        from anyview_ros.nodes.conversions import transform_to_matrix

        stamped = self.buffer.lookup_transform(target, frame, Time.from_msg(message.header.stamp))
        return transform_to_matrix(stamped.transform)


@pytest.fixture
def listener(test_node: Node) -> Listener:
    return Listener(test_node)


def test_all_topics_of_one_instant_have_one_stamp_and_optical_frames(
    ros_process: Callable[..., RosProcess], listener: Listener
) -> None:
    ros_process(MODULE, parameters=PARAMETERS)
    listener.wait_for(lambda: all(len(kept) >= 4 for kept in listener.messages.values()))
    common = set.intersection(*(set(listener.stamps_ns(topic)) for topic in listener.messages))
    assert len(common) >= 2
    image, info = listener.messages["camera/image_raw"][0], listener.messages["camera/camera_info"][0]
    assert (image.encoding, image.width, image.height) == ("rgb8", 64, 48)
    assert image.header.frame_id == info.header.frame_id == "camera_optical_frame"
    assert (info.width, info.height) == (64, 48)
    assert listener.messages["truth/wrist/image"][0].header.frame_id == "truth_wrist_optical_frame"


def test_replay_goes_on_past_the_end_of_the_loop_with_even_stamps_and_the_same_pictures(
    ros_process: Callable[..., RosProcess], listener: Listener
) -> None:
    ros_process(MODULE, parameters=PARAMETERS)
    listener.wait_for(lambda: len(listener.messages["camera/image_raw"]) >= 16)
    stamps = listener.stamps_ns("camera/image_raw")
    steps = np.diff(stamps)
    assert (steps > 0).all()
    assert (steps % 200_000_000 == 0).all()
    pictures = dict(zip(stamps, listener.messages["camera/image_raw"], strict=True))
    pairs = [(pictures[s], pictures[s + 2_000_000_000]) for s in stamps if s + 2_000_000_000 in pictures]
    assert pairs
    assert all(first.data == again.data for first, again in pairs)
    assert len({bytes(p.data) for p in pictures.values()}) > 5, "the robot stands still"


def test_depth_and_tf_carry_the_camera_into_the_true_view(
    ros_process: Callable[..., RosProcess], listener: Listener
) -> None:
    """Points of the camera's depth, moved by TF at the stamp, lie on what the truth's depth says."""
    from anyview_ros.nodes.conversions import camera_from_info, depth_to_metres, time_to_ns

    ros_process(MODULE, parameters=PARAMETERS | {"width": 160, "height": 120})
    listener.wait_for(
        lambda: (
            len(listener.messages["truth/overhead/depth"]) >= 12
            and len(listener.messages["camera/depth/image_raw"]) >= 12
        )
    )
    truths = {time_to_ns(m.header.stamp): m for m in listener.messages["truth/overhead/depth"]}
    depths = [m for m in listener.messages["camera/depth/image_raw"] if time_to_ns(m.header.stamp) in truths]
    camera = camera_from_info(listener.messages["camera/camera_info"][0], rectified=True)
    overhead = camera_from_info(listener.messages["truth/overhead/camera_info"][0], rectified=True)
    shares = []
    for message in depths[2:8]:
        moved = listener.optical_to("truth_overhead_optical_frame", "camera_optical_frame", message)
        depth = depth_to_metres(message).astype(np.float64)
        v, u = np.mgrid[0 : camera.height, 0 : camera.width]
        rays = np.stack([(u - camera.cx) / camera.fx, (v - camera.cy) / camera.fy, np.ones(u.shape)], -1)
        points = (rays * depth[..., None]).reshape(-1, 3) @ moved[:3, :3].T + moved[:3, 3]
        points = points[points[:, 2] > 0.1]
        x = np.rint(points[:, 0] / points[:, 2] * overhead.fx + overhead.cx).astype(int)
        y = np.rint(points[:, 1] / points[:, 2] * overhead.fy + overhead.cy).astype(int)
        on = (x >= 0) & (x < overhead.width) & (y >= 0) & (y < overhead.height)
        truth = depth_to_metres(truths[time_to_ns(message.header.stamp)])[y[on], x[on]]
        assert on.sum() > 2000
        shares.append(np.mean(np.abs(truth - points[on, 2]) < 0.03))
    assert min(shares) > 0.5


def test_moving_frames_are_known_at_every_image_stamp(
    ros_process: Callable[..., RosProcess], listener: Listener
) -> None:
    from anyview_ros.nodes.conversions import time_to_ns
    from anyview_ros.scenes import simulated_robot

    ros_process(MODULE, parameters=PARAMETERS)
    listener.wait_for(lambda: len(listener.messages["camera/image_raw"]) >= 14)
    world = simulated_robot(0, period_s=2.0)
    phases = np.stack([world.frame_to_world("wrist_camera_link", i * 0.2) for i in range(10)])
    images = listener.messages["camera/image_raw"][2:12]
    seen = np.stack([listener.optical_to("world", "wrist_camera_link", image) for image in images])
    errors = np.abs(phases[:, None] - seen[None]).max(axis=(2, 3))
    assert errors.min(axis=0).max() < 1e-6
    first, last = errors.argmin(axis=0)[[0, -1]]
    steps = (time_to_ns(images[-1].header.stamp) - time_to_ns(images[0].header.stamp)) // 200_000_000
    assert (last - first) % 10 == steps % 10


def test_live_mode_renders_at_the_rate_it_achieves(
    ros_process: Callable[..., RosProcess], listener: Listener
) -> None:
    process = ros_process(
        MODULE, parameters=PARAMETERS | {"mode": "live", "rate_hz": 100.0, "width": 320, "height": 240}
    )
    process.wait_for_line(r"rendering keeps up with .* of 100 Hz; lower rate_hz", timeout_s=90)
    listener.wait_for(lambda: len(listener.messages["camera/image_raw"]) >= 5)
    steps = np.diff(listener.stamps_ns("camera/image_raw"))
    assert (steps > 0).all()
    assert (steps % 10_000_000 == 0).all()
    assert steps.max() > 10_000_000


def test_depth_in_millimetres_agrees_with_depth_in_metres(
    ros_process: Callable[..., RosProcess], listener: Listener
) -> None:
    from anyview_ros.nodes.conversions import depth_to_metres

    ros_process(MODULE, parameters=PARAMETERS | {"depth_encoding": "16UC1", "source_camera": "overhead"})
    listener.wait_for(lambda: len(listener.messages["camera/depth/image_raw"]) >= 1)
    message = listener.messages["camera/depth/image_raw"][0]
    assert message.encoding == "16UC1"
    table = depth_to_metres(message)[24, 4]
    assert abs(table - 1.35) < 0.002


def test_a_second_start_replays_from_the_cache(
    ros_process: Callable[..., RosProcess], listener: Listener, tmp_path: Path
) -> None:
    parameters = PARAMETERS | {"cache": str(tmp_path / "films")}
    first = ros_process(MODULE, parameters=parameters)
    first.wait_for_line("publishing camera", timeout_s=90)
    first.interrupt()
    assert first.wait_for_exit() == 0
    listener.messages["camera/image_raw"].clear()
    second = ros_process(MODULE, parameters=parameters)
    second.wait_for_line("replaying what was rendered before", timeout_s=90)
    listener.wait_for(lambda: len(listener.messages["camera/image_raw"]) >= 2)


def test_an_interrupt_while_rendering_ends_the_node_at_once(ros_process: Callable[..., RosProcess]) -> None:
    process = ros_process(MODULE, parameters=PARAMETERS | {"loop_s": 600.0, "width": 320, "height": 240})
    process.wait_for_line("rendering 3000 instants", timeout_s=90)
    process.interrupt()
    assert process.wait_for_exit() == 0


def test_a_virtual_camera_in_an_unknown_frame_is_refused_by_name(
    ros_process: Callable[..., RosProcess],
) -> None:
    process = ros_process(MODULE, parameters=PARAMETERS | {"wrist.parent_frame": "link_7"})
    process.wait_for_line("no frame 'link_7' in this world; it has .*link_6", timeout_s=90)
    assert process.wait_for_exit() == 1
