"""The player: one node that publishes a recording until it ends or is stopped."""

from __future__ import annotations

import sys
from typing import Any, Protocol

import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

from anyview_ros.errors import AnyViewError, InvalidInputError
from anyview_ros.nodes.declaring import declare_parameter
from anyview_ros.nodes.parameters import check_value
from anyview_ros.nodes.player.bag_source import BagSource
from anyview_ros.nodes.player.parameters import PARAMETERS
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
        for parameter in PARAMETERS:
            declare_parameter(self, parameter.name, parameter)
        path = self._value("input")
        if not path:
            raise InvalidInputError(
                "parameter input is empty; give a bag, a video, a stereo folder, or a sample's name"
            )
        self.source: _Source = self._bag(path) if is_bag(path) else self._recording(path)

    def _value(self, name: str) -> Any:
        entry = next(parameter for parameter in PARAMETERS if parameter.name == name)
        return check_value(name, entry, self.get_parameter(name).value)

    def _bag(self, path: str) -> _Source:
        return BagSource(self, path, loop=self._value("loop"), speed=self._value("speed"))

    def _recording(self, path: str) -> _Source:
        recording = open_recording(
            path, calibration=self._value("calibration"), samples_folder=self._value("samples")
        )
        return RecordingSource(
            self,
            recording,
            rate_hz=self._value("rate_hz"),
            max_size=self._value("max_size"),
            loop=self._value("loop"),
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
