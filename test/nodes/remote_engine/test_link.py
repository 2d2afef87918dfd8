"""What the client knows of its server, from the answers it gets or misses."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("anyview_ros.srv", reason="needs the built interfaces: run through tools/with_ros")

from anyview_ros.nodes.remote_engine import link as link_module
from anyview_ros.nodes.remote_engine.link import ServerLink
from anyview_ros.srv import Describe


class FakeClient:
    srv_name = "/anyview/describe"
    ready = True

    def service_is_ready(self) -> bool:
        return self.ready


class FakeNode:
    def __init__(self) -> None:
        self.client = FakeClient()

    def create_client(self, *_: Any, **__: Any) -> FakeClient:
        return self.client


class FakeCalls:
    """Holds the one call under way, to be answered or not."""

    def __init__(self) -> None:
        self.sent = 0

    def send(self, client: Any, request: Any, timeout_s: float, on_answer: Any, on_timeout: Any) -> None:
        self.sent += 1
        self.answer, self.time_out = on_answer, on_timeout


class World:
    def __init__(self) -> None:
        self.node, self.calls, self.lost = FakeNode(), FakeCalls(), list[str]()
        self.unmatched = ""
        self.link = ServerLink(
            self.node,  # type: ignore[arg-type]
            "describe",
            self.calls,  # type: ignore[arg-type]
            timeout_s=3.0,
            unmatched=lambda: self.unmatched,
            on_lost=self.lost.append,
            group=None,
        )

    def hear(self, instance: str, problem: str = "") -> None:
        self.link.look()
        self.calls.answer(
            Describe.Response(server="/s", instance=instance, problem=problem, max_request_bytes=5)
        )


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(link_module, "_PERIOD_S", 0.0)
    return World()


def test_it_is_absent_until_heard(world: World) -> None:
    assert "no synthesis server answers at /anyview/describe" in world.link.problem
    assert world.link.description() is None
    world.hear("one")
    assert world.link.problem == ""
    described = world.link.description()
    assert described is not None
    assert described.max_request_bytes == 5
    assert world.lost == []


def test_it_is_asked_once_all_of_it_is_found(world: World) -> None:
    world.unmatched = "action synthesize_clip"
    world.link.look()
    assert world.link.problem.endswith("is there, but its action synthesize_clip is not yet")
    assert world.calls.sent == 0
    world.unmatched = ""
    world.hear("one")
    world.unmatched = "action synthesize_clip"  # of no interest while the server answers
    world.hear("one")
    assert (world.link.problem, world.lost, world.calls.sent) == ("", [], 2)


def test_another_instance_means_that_everything_was_lost(world: World) -> None:
    world.hear("one")
    world.hear("one")
    assert world.lost == []
    world.hear("two")
    assert world.lost == ["/s was restarted"]
    assert world.link.problem == ""


def test_a_server_that_takes_no_work_says_why(world: World) -> None:
    world.hear("one")
    world.hear("one", "synthesis_server is inactive; activate it")
    assert world.lost == ["/s: synthesis_server is inactive; activate it"]
    assert world.link.problem == world.lost[0]
    world.hear("two")
    assert world.link.problem == ""
    assert len(world.lost) == 1


def test_silence_is_a_loss(world: World) -> None:
    world.hear("one")
    world.link.look()
    world.link.look()
    assert world.calls.sent == 2, "one question at a time"
    world.calls.time_out()
    assert "has not answered for 3 s" in world.link.problem
    assert world.lost == [world.link.problem]
    world.link.look()
    world.calls.time_out()
    assert len(world.lost) == 1, "what is lost is lost once"


def test_a_service_that_is_gone_is_a_loss(world: World) -> None:
    world.hear("one")
    world.node.client.ready = False
    world.link.look()
    assert "no synthesis server answers" in world.lost[0]
