"""The ``virtual_camera`` lifecycle node: one real camera and TF in, views from declared virtual cameras out."""

from __future__ import annotations

from collections.abc import Sequence

from anyview_ros.nodes.running import RunningNode, run


def main(args: Sequence[str] | None = None) -> int:
    """Run the node until it is told to stop, and return the process's exit code."""
    return run(_start, args)


def _start() -> Sequence[RunningNode]:
    from anyview_ros.nodes.virtual_camera.node import VirtualCameraNode

    return [VirtualCameraNode()]
