#!/usr/bin/env python3
"""Write docs/parameters.md from the tables that the nodes declare. After changing one: make parameters."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from anyview_ros.nodes.camera_parameters import CAMERA_PARAMETERS
from anyview_ros.nodes.parameters import Parameter
from anyview_ros.nodes.player.parameters import PARAMETERS as PLAYER
from anyview_ros.nodes.simulated_robot.parameters import PARAMETERS as SIMULATED_ROBOT
from anyview_ros.nodes.synthesis_server.parameters import PARAMETERS as SYNTHESIS_SERVER
from anyview_ros.nodes.virtual_camera.parameters import NODE_PARAMETERS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "parameters.md"
NODES = (
    ("`virtual_camera`", NODE_PARAMETERS),
    ("Each virtual camera, as `<name>.…`", CAMERA_PARAMETERS),
    ("`synthesis_server`", tuple(SYNTHESIS_SERVER.values())),
    ("`simulated_robot`", SIMULATED_ROBOT),
    ("`player`", PLAYER),
)


def page() -> str:
    """The whole page."""
    sections = [f"## {title}\n\n{_table(entries)}" for title, entries in NODES]
    return (
        "# Parameters of the nodes\n\n"
        "Written by `tools/document_parameters.py` from the tables that the nodes declare; `ros2 param describe`\n"
        "tells the same of a running node. The subscriptions' quality of service can be set too, by ROS's own\n"
        "`qos_overrides.<topic>.subscription.reliability`, `.depth` and `.history`.\n\n"
        + "\n\n".join(sections)
        + "\n"
    )


def _table(entries: Iterable[Parameter]) -> str:
    rows = ["| parameter | default | range | changes | meaning |", "|---|---|---|---|---|"]
    rows += [
        f"| `{e.name}` | {_value(e.default)} | {_range(e)} | {e.change.value} | {e.description.replace('<', '&lt;')} |"
        for e in entries
    ]
    return "\n".join(rows)


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return f"`[{', '.join(str(item) for item in value)}]`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`" if value != "" else "empty"


def _range(entry: Parameter) -> str:
    if entry.choices:
        return ", ".join(entry.choices)
    return "" if entry.low is None or entry.high is None else f"{entry.low:g} to {entry.high:g}"


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(__doc__)
    PAGE.write_text(page(), encoding="utf-8")
