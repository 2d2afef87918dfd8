"""Waiting for transforms, with futures and coroutines driven by hand."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from geometry_msgs.msg import TransformStamped
from rclpy.clock import ClockChange
from rclpy.duration import Duration
from rclpy.time import Time
from tf2_msgs.srv import FrameGraph
from tf2_ros import Buffer, ExtrapolationException, InvalidArgumentException, LookupException

LATEST = Time()


def link(parent: str, child: str, at_s: float, x: float = 0.0) -> TransformStamped:
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    message.header.stamp = Time(seconds=at_s).to_msg()
    message.transform.translation.x = x
    message.transform.rotation.w = 1.0
    return message


def is_ours() -> bool:
    return hasattr(Buffer(), "_waits")


ours_only = pytest.mark.skipif(not is_ours(), reason="goes beyond the upstream package")


def test_a_future_of_what_is_there_is_done_at_once() -> None:
    buffer = Buffer()
    buffer.set_transform(link("map", "robot", 1.0, 4.0), "test")
    future = buffer.wait_for_transform_async("map", "robot", Time(seconds=1.0))
    assert future.done()
    assert future.result().transform.translation.x == 4.0


def test_a_future_completes_with_the_transform_that_makes_it_possible() -> None:
    buffer = Buffer()
    future = buffer.wait_for_transform_async("map", "camera", Time(seconds=1.5))
    for message in (link("map", "robot", 1.0), link("map", "robot", 2.0, 2.0)):
        buffer.set_transform(message, "test")
        assert not future.done()
    buffer.set_transform_static(link("robot", "camera", 0.0, 10.0), "test")
    assert future.done()
    assert future.result().transform.translation.x == pytest.approx(11.0)


def test_a_future_between_two_instants_waits_for_both() -> None:
    buffer = Buffer()
    future = buffer.wait_for_transform_full_async(
        "robot", Time(seconds=2.0), "robot", Time(seconds=1.0), "map"
    )
    buffer.set_transform(link("map", "robot", 1.0, 1.0), "test")
    assert not future.done()
    buffer.set_transform(link("map", "robot", 2.0, 4.0), "test")
    assert future.result().transform.translation.x == pytest.approx(-3.0)


def test_coroutines_end_with_the_transform() -> None:
    buffer = Buffer()
    buffer.set_transform(link("map", "robot", 1.0, 7.0), "test")
    for coroutine in (
        buffer.lookup_transform_async("map", "robot", LATEST),
        buffer.lookup_transform_full_async("map", LATEST, "robot", LATEST, "map"),
    ):
        with pytest.raises(StopIteration) as stop:
            coroutine.send(None)
        assert stop.value.value.transform.translation.x == 7.0


def test_a_coroutine_is_suspended_until_the_transform_comes() -> None:
    buffer = Buffer()
    coroutine = buffer.lookup_transform_async("map", "robot", Time(seconds=1.0))
    coroutine.send(None)
    buffer.set_transform(link("map", "robot", 1.0, 7.0), "test")
    with pytest.raises(StopIteration) as stop:
        coroutine.send(None)
    assert stop.value.value.transform.translation.x == 7.0


@ours_only
def test_cancelled_waits_are_forgotten() -> None:
    buffer = Buffer()
    futures = [buffer.wait_for_transform_async("map", "robot", Time(seconds=float(i))) for i in range(1, 51)]
    assert len(buffer._waits) == 50
    for future in futures:
        future.cancel()
    assert len(buffer._waits) == 0
    buffer.set_transform(link("map", "robot", 1.0), "test")
    assert not futures[0].done() or futures[0].cancelled()


@ours_only
def test_waits_for_an_instant_that_the_cache_has_passed_fail() -> None:
    buffer = Buffer(cache_time=Duration(seconds=5))
    future = buffer.wait_for_transform_async("map", "robot", Time(seconds=1.0))
    full = buffer.wait_for_transform_full_async("robot", LATEST, "robot", Time(seconds=1.0), "map")
    buffer.set_transform(link("map", "robot", 2.0), "test")
    buffer.set_transform(link("map", "robot", 5.5), "test")
    assert not future.done()
    assert not full.done()
    buffer.set_transform(link("map", "robot", 8.0), "test")
    assert isinstance(future.exception(), ExtrapolationException)
    assert isinstance(full.exception(), ExtrapolationException)
    assert len(buffer._waits) == 0


@ours_only
def test_waits_for_an_impossible_name_fail_at_once() -> None:
    buffer = Buffer()
    buffer.set_transform(link("map", "base", 1.0), "test")
    future = buffer.wait_for_transform_async("map", "/robot", LATEST)
    assert isinstance(future.exception(), InvalidArgumentException)


def test_a_callback_of_a_future_may_use_the_buffer() -> None:
    buffer = Buffer()
    found = []
    future = buffer.wait_for_transform_async("map", "robot", LATEST)
    future.add_done_callback(lambda _: found.append(buffer.lookup_transform("map", "robot", LATEST)))
    future.add_done_callback(lambda _: buffer.wait_for_transform_async("map", "moon", LATEST))
    buffer.set_transform(link("map", "robot", 1.0), "test")
    assert len(found) == 1


def test_a_lookup_with_a_timeout_waits_for_another_thread() -> None:
    buffer = Buffer()
    sender = threading.Timer(0.1, buffer.set_transform, (link("map", "robot", 1.0, 3.0), "test"))
    sender.start()
    try:
        found = buffer.lookup_transform("map", "robot", Time(seconds=1.0), Duration(seconds=20))
        assert found.transform.translation.x == 3.0
        full = buffer.lookup_transform_full(
            "map", LATEST, "robot", Time(seconds=1.0), "map", Duration(seconds=20)
        )
        assert full.transform.translation.x == 3.0
    finally:
        sender.join()


def test_a_blocked_lookup_wakes_with_the_transform_and_not_with_its_timeout() -> None:
    buffer = Buffer()
    an_hour = Duration(seconds=3600)
    reader = threading.Thread(
        target=buffer.lookup_transform, args=("map", "robot", LATEST, an_hour), daemon=True
    )
    reader.start()
    buffer.set_transform(link("map", "moon", 1.0), "test")
    buffer.set_transform(link("map", "robot", 1.0), "test")
    reader.join(30.0)
    assert not reader.is_alive()


def test_a_timeout_ends_with_the_reason() -> None:
    buffer = Buffer()
    with pytest.raises(LookupException, match="map"):
        buffer.lookup_transform("map", "robot", LATEST, timeout=Duration(seconds=0.05))
    assert not buffer.can_transform("map", "robot", LATEST, timeout=Duration(seconds=0.05))


def test_threads_may_read_and_write_at_once() -> None:
    buffer = Buffer()
    buffer.set_transform(link("map", "robot", 1.0, 1.0), "test")
    faults: list[BaseException] = []

    def write(offset: int) -> None:
        for i in range(300):
            at_s = 1.0 + 2 * i + offset
            buffer.set_transform(link("map", "robot", at_s, at_s), "test")

    def read() -> None:
        for _ in range(300):
            found = buffer.lookup_transform("map", "robot", LATEST)
            if found.transform.translation.x != found.header.stamp.sec:
                faults.append(AssertionError(found))

    def guarded(work, *args) -> None:
        try:
            work(*args)
        except Exception as error:  # noqa: BLE001 - handed to the main thread
            faults.append(error)

    threads = [
        threading.Thread(target=guarded, args=args) for args in ((write, 1), (write, 2), (read,), (read,))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults


class FakeClock:
    """A clock whose jumps are made by the test."""

    def __init__(self) -> None:
        self.threshold = None
        self.post_callback = None

    def create_jump_callback(self, threshold, *, pre_callback=None, post_callback=None):
        self.threshold, self.post_callback = threshold, post_callback
        return SimpleNamespace(unregister=lambda: None)


class FakeNode:
    """A node with a clock and a record of its services."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.services: dict = {}

    def get_clock(self) -> FakeClock:
        return self.clock

    def create_service(self, kind, name, callback):
        self.services[name] = (kind, callback)
        return SimpleNamespace()


def test_a_clock_that_jumps_back_clears_moving_transforms_only() -> None:
    node = FakeNode()
    buffer = Buffer(node=node)
    assert node.clock.threshold.min_backward == Duration(seconds=-1)
    assert node.clock.threshold.min_forward is None
    assert node.clock.threshold.on_clock_change
    buffer.set_transform(link("map", "robot", 100.0), "test")
    buffer.set_transform_static(link("robot", "camera", 0.0), "test")
    jump = SimpleNamespace(clock_change=ClockChange.ROS_TIME_NO_CHANGE, delta=Duration(seconds=-99))
    node.clock.post_callback(jump)
    assert not buffer.can_transform("map", "robot", Time(seconds=100.0))
    assert buffer.can_transform("robot", "camera", LATEST)
    buffer.set_transform(link("map", "robot", 1.0), "test")
    assert buffer.can_transform("map", "camera", Time(seconds=1.0))


def test_the_node_answers_with_the_frames() -> None:
    node = FakeNode()
    buffer = Buffer(node=node)
    buffer.set_transform(link("map", "robot", 1.0), "somebody")
    kind, callback = node.services["tf2_frames"]
    assert kind is FrameGraph
    assert "broadcaster: 'somebody'" in callback(FrameGraph.Request(), FrameGraph.Response()).frame_yaml
