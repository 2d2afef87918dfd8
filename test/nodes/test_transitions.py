"""What a transition that raises leaves in the log; the node and its context are stand-ins of a few lines."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy", reason="needs ROS: run through tools/with_ros")

from anyview_ros.nodes.transitions import logged


@logged
def on_configure(node: object, state: object) -> None:
    raise RuntimeError("no such thing")


@pytest.mark.parametrize("up", [True, False])
def test_a_failure_is_told_unless_the_process_ends(up: bool) -> None:
    told: list[str] = []
    node = SimpleNamespace(
        context=SimpleNamespace(ok=lambda: up), get_logger=lambda: SimpleNamespace(error=told.append)
    )
    with pytest.raises(RuntimeError, match="no such thing"):
        on_configure(node, None)
    assert [("on_configure failed unexpectedly" in line, "no such thing" in line) for line in told] == [
        (True, True)
    ] * up
