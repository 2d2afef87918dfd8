"""What a transition that raises leaves in the log; the node and its context are stand-ins of a few lines."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

pytest.importorskip("rclpy", reason="needs ROS: run through tools/with_ros")

from rclpy.lifecycle import TransitionCallbackReturn

from anyview_ros.nodes.transitions import logged, start_by_itself


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


@pytest.mark.parametrize("can", [True, False])
def test_a_node_that_starts_by_itself_is_activated_only_if_it_could_be_configured(can: bool) -> None:
    done: list[str] = []
    timers: list[Callable[[], None]] = []

    def configure() -> TransitionCallbackReturn:
        done.append("configure")
        return TransitionCallbackReturn.SUCCESS if can else TransitionCallbackReturn.FAILURE

    node = SimpleNamespace(
        create_timer=lambda period, callback, **_: timers.append(callback) or "the timer",
        destroy_timer=lambda timer: done.append(f"destroy {timer}"),
        trigger_configure=configure,
        trigger_activate=lambda: done.append("activate"),
    )
    start_by_itself(node, None)
    assert done == []
    timers[0]()
    assert done == ["destroy the timer", "configure", *["activate"] * can]
