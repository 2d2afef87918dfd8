"""A live stream to a server, and how it ends."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("anyview_ros.msg", reason="needs the built interfaces: run through tools/with_ros")

from asking import small_camera

from anyview_ros.msg import StreamViews
from anyview_ros.nodes.remote_engine import stream as stream_module
from anyview_ros.nodes.remote_engine.stream import RemoteStream
from anyview_ros.srv import OpenStream
from anyview_ros.synthesis.client import StreamFrame, StreamOutcome, StreamSpec


class World:
    """A stream that is open since now, with an idle time limit of 10 s, and a clock."""

    def __init__(self) -> None:
        self.now_s = 50.0
        self.outcomes: list[StreamOutcome] = []
        self.sent: list[Any] = []
        publisher = SimpleNamespace(get_subscription_count=lambda: 1, publish=self.sent.append)
        spec = StreamSpec(small_camera(), {"a": small_camera()})
        self.stream = RemoteStream(spec, self.outcomes.append, publisher, lambda _: None)
        self.stream.opened(OpenStream.Response(success=True, stream_id="s", idle_timeout_s=10.0))

    def push(self) -> None:
        camera = small_camera()
        picture = np.zeros((camera.height, camera.width, 3), np.uint8)
        self.stream.push(StreamFrame(picture, np.eye(4), round(self.now_s * 1e9), {"a": np.eye(4)}))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made: list[World] = []
    clock = SimpleNamespace(monotonic=lambda: made[0].now_s if made else 50.0)
    monkeypatch.setattr(stream_module, "time", clock)
    made.append(World())
    return made[0]


@pytest.mark.parametrize(("silent_s", "rested"), [(10.5, True), (2.0, False)])
def test_the_end_of_a_stream_that_got_no_frames_is_no_loss(
    world: World, silent_s: float, rested: bool
) -> None:
    world.now_s += 30.0
    world.push()
    world.now_s += silent_s
    end = StreamViews(stream_id="s", sequence=StreamViews.WHOLE_STREAM, error="closed; open another")
    world.stream.answered(end)
    (outcome,) = world.outcomes
    assert (outcome.sequence, outcome.error, outcome.rested) == (-1, "closed; open another", rested)
    assert world.stream.problem() == "closed; open another"


def test_a_frame_may_come_late_while_the_server_keeps_the_stream(world: World) -> None:
    world.push()
    world.now_s += 25.0  # the server makes the view of the first all the while
    assert world.stream.problem() == ""
    world.push()
    assert len(world.sent) == 2
