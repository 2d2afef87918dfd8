"""One stream of the server, with an engine that answers when it is told to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("anyview_ros.msg", reason="needs the built interfaces: run through tools/with_ros")

from asking import small_camera
from fake_engine import FakeEngine

from anyview_ros.msg import StreamFrame, StreamViews, TargetCamera
from anyview_ros.nodes.conversions.interfaces import posed_image_to_msg
from anyview_ros.nodes.synthesis_server import session as session_module
from anyview_ros.nodes.synthesis_server.session import Session
from anyview_ros.synthesis.client import StreamOutcome, StreamSpec


class World:
    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.engine.mute = True
        self.now_s, self.with_depth = 0.0, True
        self.published: list[Any] = []
        spec = StreamSpec(small_camera(), {"a": small_camera()})
        self.session = Session(
            "s",
            spec,
            self.engine,
            self.published.append,
            server="/s",
            with_depth=lambda: self.with_depth,
        )

    def push(self, stamp_ns: int, *, asks: bool = True, sequence: int = 0) -> None:
        camera = small_camera()
        picture = np.zeros((camera.height, camera.width, 3), np.uint8)
        target = TargetCamera(name="a")
        target.camera_to_world.orientation.w = 1.0
        message = StreamFrame(stream_id="s", source=posed_image_to_msg(picture, np.eye(4), stamp_ns))
        message.sequence = sequence
        message.targets = [target] if asks else []
        self.session.push(message)

    def answer(self, index: int) -> None:
        self.engine.stream.answer(self.engine.stream.frames[index])


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made: list[World] = []

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return made[0].now_s if made else 0.0

    monkeypatch.setattr(session_module, "time", Clock)
    made.append(World())
    return made[0]


def test_a_stream_is_not_silent_while_its_views_are_made(world: World) -> None:
    world.now_s = 3.0
    assert world.session.silent_s() == 3.0
    world.push(1)
    world.now_s = 60.0
    assert world.session.silent_s() == 0.0
    world.push(2)  # the engine takes the newest, which answers for both
    world.now_s = 65.0
    world.answer(1)
    world.now_s = 70.0
    assert world.session.silent_s() == 5.0
    world.push(3, asks=False)
    world.now_s = 71.0
    assert world.session.silent_s() == 1.0


def test_whether_views_carry_depth_may_change_while_the_stream_is_open(world: World) -> None:
    world.push(1)
    world.answer(0)
    world.with_depth = False
    world.push(2)
    world.answer(1)
    first, second = (message.views[0] for message in world.published)
    assert len(first.depth.data) > 0
    assert len(second.depth.data) == 0


def test_a_stream_that_the_engine_could_not_open_is_not_at_work_for_ever(world: World) -> None:
    world.push(1)
    world.now_s = 20.0
    world.engine.stream.on_outcome(StreamOutcome(-1, 0, error="out of memory"))
    assert world.published[-1].sequence == StreamViews.WHOLE_STREAM
    world.now_s = 50.0
    assert world.session.silent_s() == 30.0


def test_frames_that_were_replaced_on_their_way_count_as_dropped(world: World) -> None:
    for sequence in (1, 2, 5, 6, 10):  # 0, then 3 and 4, and then 7 to 9, never arrived
        world.push(sequence, sequence=sequence)
        world.answer(-1)
    assert [message.dropped for message in world.published] == [1, 1, 3, 3, 6]
    assert [message.sequence for message in world.published] == [1, 2, 5, 6, 10]
