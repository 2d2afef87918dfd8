"""The player: one node that publishes a recording until it ends or is stopped."""

from __future__ import annotations

import sys
from typing import Protocol

import rclpy
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from anyview_ros.errors import AnyViewError, InvalidInputError
from anyview_ros.nodes.player.bag_source import BagSource
from anyview_ros.nodes.player.recording_source import RecordingSource
from anyview_ros.offline.inputs import is_bag, open_recording


class _Source(Protocol):
    """Something that publishes by itself once made."""

    finished: bool

    def close(self) -> None: ...


class Player(Node):
    """Publishes one recording. Its parameters are read once, at the start."""

    def __init__(self) -> None:
        """Declare the parameters and begin to play.

        Raises:
            InvalidInputError, ReadError: an input that is not given or cannot be read.
        """
        super().__init__("player")
        self._declare()
        path = self.get_parameter("input").value
        if not path:
            raise InvalidInputError(
                "parameter input is empty; give a bag, a video, a stereo folder, or a sample's name"
            )
        self.source: _Source = self._bag(path) if is_bag(path) else self._recording(path)

    def _declare(self) -> None:
        def declare(name: str, default: object, description: str, bounds: object = None) -> None:
            descriptor = ParameterDescriptor(description=description, read_only=True)
            if isinstance(bounds, FloatingPointRange):
                descriptor.floating_point_range = [bounds]
            if isinstance(bounds, IntegerRange):
                descriptor.integer_range = [bounds]
            self.declare_parameter(name, default, descriptor)

        declare(
            "input",
            "",
            "Bag (folder, .mcap, .db3), video, Middlebury stereo folder, or the sample's name: people, motorcycle.",
        )
        declare(
            "calibration", "", "ROS calibration YAML of a video; empty: the file beside it with suffix .yaml."
        )
        declare("samples", "", "Folder with the unpacked sample data (people).")
        declare(
            "loop",
            True,
            "Begin again at the end. A looped recording goes on in time; a looped bag's clock jumps back.",
        )
        declare(
            "rate_hz",
            5.0,
            "Instants published per second, of recordings other than bags.",
            FloatingPointRange(from_value=0.1, to_value=120.0),
        )
        declare(
            "max_size",
            640,
            "Longest side in pixels, of recordings other than bags.",
            IntegerRange(from_value=16, to_value=8192),
        )
        declare(
            "speed",
            1.0,
            "Speed at which a bag is played.",
            FloatingPointRange(from_value=0.01, to_value=100.0),
        )

    def _bag(self, path: str) -> _Source:
        value = self.get_parameter
        return BagSource(self, path, loop=value("loop").value, speed=value("speed").value)

    def _recording(self, path: str) -> _Source:
        value = self.get_parameter
        recording = open_recording(
            path, calibration=value("calibration").value, samples_folder=value("samples").value
        )
        return RecordingSource(
            self,
            recording,
            rate_hz=value("rate_hz").value,
            max_size=value("max_size").value,
            loop=value("loop").value,
        )


def main(args: list[str] | None = None) -> int:
    """Run the node; exit code 1 with one line if the recording cannot be played."""
    rclpy.init(args=args)
    try:
        _play()
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0
    except AnyViewError as error:
        print(f"player: {error}", file=sys.stderr)  # noqa: T201 - no logger is left
        return 1
    finally:
        rclpy.try_shutdown()
    return 0


def _play() -> None:
    player = Player()
    try:
        while not player.source.finished:
            rclpy.spin_once(player, timeout_sec=0.1)
        player.get_logger().info("the recording has ended")
    finally:
        player.source.close()
        player.destroy_node()
