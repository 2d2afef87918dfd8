"""The ``virtual_camera`` lifecycle node: one real camera and TF in, views from declared virtual cameras out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anyview_ros.nodes.running import RunningNode


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until it is told to stop, and return the process's exit code."""
    try:
        from anyview_ros.nodes.running import run

        return run(_start, args)
    except KeyboardInterrupt:
        return 0


def _start() -> Sequence[RunningNode]:
    from anyview_ros.nodes.virtual_camera.node import VirtualCameraNode

    return [VirtualCameraNode()]
