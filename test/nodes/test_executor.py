"""The executor: slow callbacks run beside, coroutines that wait cost no spinning."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS: run through tools/with_ros")

import rclpy
from rclpy.clock import Clock, ClockType
from rclpy.context import Context

from anyview_ros.nodes.executor import PatientExecutor, SlowCallbackGroup
from anyview_ros.nodes.waiting import ended


@pytest.fixture
def spinning() -> Iterator[tuple[Any, PatientExecutor]]:
    context = Context()
    rclpy.init(context=context, domain_id=49)
    node = rclpy.create_node("tested", context=context, enable_rosout=False, start_parameter_services=False)
    executor = PatientExecutor(context=context)
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    yield node, executor
    context.try_shutdown()
    thread.join()
    executor.shutdown()
    node.destroy_node()


def timer(node: Any, period_s: float, callback: Any, group: Any = None) -> Any:
    return node.create_timer(
        period_s, callback, callback_group=group, clock=Clock(clock_type=ClockType.STEADY_TIME)
    )


def test_slow_callbacks_do_not_hold_up_the_others(spinning: tuple[Any, PatientExecutor]) -> None:
    node, _ = spinning
    began, release, ticks = threading.Event(), threading.Event(), threading.Semaphore(0)

    def slow() -> None:
        began.set()
        assert release.wait(20)

    timer(node, 0.01, slow, SlowCallbackGroup())
    assert began.wait(10)
    timer(node, 0.01, ticks.release)
    assert all(ticks.acquire(timeout=10) for _ in range(5))
    release.set()


def test_a_coroutine_wakes_when_work_elsewhere_ends(spinning: tuple[Any, PatientExecutor]) -> None:
    node, executor = spinning
    futures: list[Future[int]] = [Future() for _ in range(20)]
    results: list[int] = []

    async def wait(future: Future[int]) -> None:
        await ended(future, node)
        results.append(future.result())

    tasks = [executor.create_task(wait, future) for future in futures]
    time.sleep(0.3)  # all of them wait now, and the executor sleeps
    for number, future in enumerate(futures):
        future.set_result(number)
    deadline = time.monotonic() + 10
    while not all(task.done() for task in tasks) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sorted(results) == list(range(20))


def test_coroutines_that_wait_do_not_spin(spinning: tuple[Any, PatientExecutor]) -> None:
    _, executor = spinning
    looks = 0

    class Never:
        def __await__(self) -> Iterator[None]:
            nonlocal looks
            while not done.is_set():
                looks += 1
                yield

    done = threading.Event()

    async def wait() -> None:
        await Never()

    executor.create_task(wait)
    time.sleep(0.5)
    assert looks < 50
    done.set()
    executor.wake()


def test_what_a_callback_raises_ends_spinning() -> None:
    context = Context()
    rclpy.init(context=context, domain_id=49)
    node = rclpy.create_node("tested", context=context, enable_rosout=False, start_parameter_services=False)
    executor = PatientExecutor(context=context)
    executor.add_node(node)

    def broken() -> None:
        message = "broken"
        raise LookupError(message)

    timer(node, 0.01, broken)
    with pytest.raises(LookupError, match="broken"):
        executor.spin()
    executor.shutdown()
    node.destroy_node()
    context.try_shutdown()
