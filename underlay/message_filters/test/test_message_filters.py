"""Synchronisers and the cache, fed by hand. Runs against the upstream message_filters as well."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from builtin_interfaces.msg import Time as TimeMessage
from hypothesis import given
from hypothesis import strategies as st
from message_filters import ApproximateTimeSynchronizer, Cache, SimpleFilter, TimeSynchronizer
from rclpy.time import Time
from std_msgs.msg import String


def at(stamp_ms: int, name: str = "") -> SimpleNamespace:
    stamp = TimeMessage(sec=stamp_ms // 1000, nanosec=stamp_ms % 1000 * 1_000_000)
    return SimpleNamespace(header=SimpleNamespace(stamp=stamp), stamp_ms=stamp_ms, name=name)


class Recorder:
    """Inputs of a synchroniser and the sets that came out of it, as stamps in milliseconds."""

    def __init__(self, synchronizer: type, inputs: int, *args, **kwargs) -> None:
        self.inputs = [SimpleFilter() for _ in range(inputs)]
        self.synchronizer = synchronizer(self.inputs, *args, **kwargs)
        self.synchronizer.registerCallback(self._note)
        self.sets: list[tuple[int, ...]] = []

    def _note(self, *messages) -> None:
        self.sets.append(tuple(message.stamp_ms for message in messages))

    def feed(self, *events: tuple[int, int]) -> list[tuple[int, ...]]:
        """Feed (input, stamp in ms) and return the sets so far."""
        for which, stamp_ms in events:
            self.inputs[which].signalMessage(at(stamp_ms))
        return self.sets


def test_a_filter_calls_all_its_callbacks_with_their_arguments() -> None:
    calls = []
    source = SimpleFilter()
    assert source.registerCallback(lambda *args: calls.append(("a", *args))) == 0
    assert source.registerCallback(lambda *args: calls.append(("b", *args)), 7, "x") == 1
    source.signalMessage("m")
    assert calls == [("a", "m"), ("b", "m", 7, "x")]


def test_equal_stamps_make_a_set_in_any_order_of_arrival() -> None:
    recorder = Recorder(TimeSynchronizer, 3, 10)
    assert recorder.feed((0, 1), (1, 2), (2, 1), (1, 3)) == []
    assert recorder.feed((1, 1)) == [(1, 1, 1)]
    assert recorder.feed((0, 3), (2, 3)) == [(1, 1, 1), (3, 3, 3)]


def test_exact_queues_drop_the_oldest_stamp() -> None:
    recorder = Recorder(TimeSynchronizer, 2, 2)
    assert recorder.feed((0, 1), (0, 2), (0, 3), (1, 1)) == []
    assert recorder.feed((1, 2), (1, 3)) == [(2, 2), (3, 3)]


def test_near_stamps_make_a_set_and_are_used_once() -> None:
    recorder = Recorder(ApproximateTimeSynchronizer, 2, 10, 0.010)
    assert recorder.feed((0, 100), (1, 104)) == [(100, 104)]
    assert recorder.feed((1, 106), (0, 130)) == [(100, 104)]
    assert recorder.feed((1, 121)) == [(100, 104), (130, 121)]


def test_slop_is_a_bound_that_is_not_reached() -> None:
    recorder = Recorder(ApproximateTimeSynchronizer, 2, 10, 0.010)
    assert recorder.feed((0, 100), (1, 110)) == []
    assert recorder.feed((0, 200), (1, 209)) == [(200, 209)]


def test_the_nearest_waiting_message_is_taken() -> None:
    recorder = Recorder(ApproximateTimeSynchronizer, 2, 10, 0.050)
    assert recorder.feed((0, 100), (0, 120), (0, 140), (1, 123)) == [(120, 123)]
    assert recorder.feed((1, 134)) == [(120, 123), (140, 134)]


def test_all_messages_of_a_set_lie_within_slop() -> None:
    recorder = Recorder(ApproximateTimeSynchronizer, 3, 10, 0.010)
    assert recorder.feed((0, 92), (1, 108), (2, 100)) == []
    assert recorder.feed((0, 99)) == [(99, 108, 100)]


def test_approximate_queues_drop_the_oldest_stamp() -> None:
    recorder = Recorder(ApproximateTimeSynchronizer, 2, 2, 0.010)
    assert recorder.feed((0, 100), (0, 200), (0, 300), (1, 100)) == []
    assert recorder.feed((1, 200), (1, 300)) == [(200, 200), (300, 300)]


def test_a_message_older_than_a_full_queue_makes_no_set() -> None:
    recorder = Recorder(ApproximateTimeSynchronizer, 2, 2, 0.010)
    assert recorder.feed((1, 100), (0, 200), (0, 300), (0, 100)) == []
    assert set(recorder.synchronizer.queues[0]) == {200_000_000, 300_000_000}


def test_messages_without_a_header_need_leave() -> None:
    inputs = [SimpleFilter(), SimpleFilter()]
    refused, taken = [], []
    ApproximateTimeSynchronizer(inputs, 10, 60.0).registerCallback(lambda *m: refused.append(m))
    ApproximateTimeSynchronizer(inputs, 10, 60.0, allow_headerless=True).registerCallback(
        lambda *m: taken.append(m)
    )
    inputs[0].signalMessage(String(data="a"))
    inputs[1].signalMessage(String(data="b"))
    assert refused == []
    assert [(a.data, b.data) for a, b in taken] == [("a", "b")]


@pytest.mark.skipif(
    not hasattr(TimeSynchronizer, "_enqueue"), reason="the upstream package stays locked for ever"
)
@pytest.mark.parametrize("kind", [(TimeSynchronizer, 10), (ApproximateTimeSynchronizer, 10, 0.01)])
def test_a_callback_that_fails_does_not_stop_the_synchroniser(kind) -> None:
    inputs = [SimpleFilter(), SimpleFilter()]
    synchronizer = kind[0](inputs, *kind[1:])
    calls = []

    def fail_once(*messages) -> None:
        calls.append(messages)
        if len(calls) == 1:
            raise ValueError("once")

    synchronizer.registerCallback(fail_once)
    inputs[0].signalMessage(at(1))
    with pytest.raises(ValueError, match="once"):
        inputs[1].signalMessage(at(1))
    inputs[0].signalMessage(at(2))
    inputs[1].signalMessage(at(2))
    assert len(calls) == 2


events = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 60)), max_size=60)


@given(events, st.integers(1, 5), st.integers(1, 20))
def test_sets_are_near_in_time_use_no_message_twice_and_queues_stay_bounded(
    stream: list[tuple[int, int]], queue_size: int, slop_ms: int
) -> None:
    recorder = Recorder(ApproximateTimeSynchronizer, 3, queue_size, slop_ms / 1000)
    fed: list[list[int]] = [[], [], []]
    for which, stamp_ms in stream:
        fed[which].append(stamp_ms)
        recorder.feed((which, stamp_ms))
        assert all(len(queue) <= queue_size for queue in recorder.synchronizer.queues)
    for one_set in recorder.sets:
        assert max(one_set) - min(one_set) < slop_ms
    for which in range(3):
        used = [one_set[which] for one_set in recorder.sets]
        assert all(used.count(stamp_ms) <= fed[which].count(stamp_ms) for stamp_ms in used)


@given(events, st.integers(1, 5))
def test_exact_sets_are_equal_and_queues_stay_bounded(stream: list[tuple[int, int]], queue_size: int) -> None:
    recorder = Recorder(TimeSynchronizer, 3, queue_size)
    for event in stream:
        recorder.feed(event)
        assert all(len(queue) <= queue_size for queue in recorder.synchronizer.queues)
    assert all(len(set(one_set)) == 1 for one_set in recorder.sets)


def test_a_cache_keeps_the_last_messages_and_finds_them_by_time() -> None:
    source = SimpleFilter()
    cache = Cache(source, cache_size=3)
    passed_on = []
    cache.registerCallback(passed_on.append)
    assert cache.getLast() is None
    assert cache.getLastestTime() is None
    for stamp_ms in (1000, 2000, 3000, 4000):
        source.signalMessage(at(stamp_ms))
    source.signalMessage(String())

    def time(stamp_s: float) -> Time:
        return Time(seconds=stamp_s, clock_type=cache.getOldestTime().clock_type)

    assert [message.stamp_ms for message in passed_on] == [1000, 2000, 3000, 4000]
    assert [message.stamp_ms for message in cache.getInterval(time(2.5), time(4.0))] == [3000, 4000]
    assert cache.getElemAfterTime(time(2.5)).stamp_ms == 3000
    assert cache.getElemBeforeTime(time(2.5)).stamp_ms == 2000
    assert cache.getElemBeforeTime(time(1.5)) is None
    assert cache.getElemAfterTime(time(4.5)) is None
    assert cache.getOldestTime() == time(2.0)
    assert cache.getLastestTime() == time(4.0)
    assert cache.getLast().stamp_ms == 4000
