"""The node that publishes a simulated robot: one camera, TF, and the true views of virtual cameras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anyview_ros.nodes.running import RunningNode


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until it is told to end."""
    from anyview_ros.nodes.running import run

    def start() -> tuple[RunningNode, ...]:
        from anyview_ros.nodes.simulated_robot.node import SimulatedRobot

        return (SimulatedRobot(),)

    return run(start, args)
