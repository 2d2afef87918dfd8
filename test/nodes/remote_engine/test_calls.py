"""Service calls that end in time."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS: run through tools/with_ros")

from rclpy.task import Future

from anyview_ros.nodes.remote_engine.calls import Calls


class FakeClient:
    def __init__(self) -> None:
        self.futures: list[Any] = []
        self.removed: list[Any] = []

    def call_async(self, request: Any) -> Any:
        self.futures.append(Future())
        return self.futures[-1]

    def remove_pending_request(self, future: Any) -> None:
        self.removed.append(future)


def send(calls: Calls, client: FakeClient, timeout_s: float) -> list[str]:
    ends: list[str] = []
    calls.send(client, "request", timeout_s, ends.append, lambda: ends.append("timeout"))
    return ends


def test_an_answer_ends_a_call_once() -> None:
    calls, client = Calls(), FakeClient()
    ends = send(calls, client, 0.0)
    client.futures[0].set_result("answer")
    calls.expire()
    calls.expire()
    assert ends == ["answer"]


def test_silence_ends_a_call_at_the_second_look() -> None:
    calls, client = Calls(), FakeClient()
    ends = send(calls, client, 0.0)
    calls.expire()
    assert ends == []
    calls.expire()
    assert ends == ["timeout"]
    assert client.removed == client.futures
    client.futures[0].set_result("late")
    assert ends == ["timeout"]


def test_calls_in_time_are_left_alone() -> None:
    calls, client = Calls(), FakeClient()
    ends = send(calls, client, 60.0)
    calls.expire()
    calls.expire()
    assert ends == []


def test_dropped_calls_end_silently() -> None:
    calls, client = Calls(), FakeClient()
    ends = send(calls, client, 60.0)
    calls.drop()
    client.futures[0].set_result("late")
    assert ends == []
    assert client.removed == client.futures
