"""A request on its way through a server: its ends, each of which happens once."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("anyview_ros.msg", reason="needs the built interfaces: run through tools/with_ros")

from action_msgs.msg import GoalStatus
from asking import small_request

from anyview_ros.action import SynthesizeClip
from anyview_ros.errors import (
    EngineBusyError,
    EngineUnavailableError,
    InvalidInputError,
    InvalidRequestError,
    SynthesisError,
    SynthesisTimeout,
)
from anyview_ros.nodes.remote_engine.job import RemoteJob, error_of


class Ended:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self, job: RemoteJob) -> None:
        self.count += 1


def make_job(timeout_s: float = 30.0, progress: Any = None) -> tuple[RemoteJob, Ended]:
    ended = Ended()
    return RemoteJob(small_request(), timeout_s, progress, cancel=lambda _: None, ended=ended), ended


def answer(status: int = GoalStatus.STATUS_SUCCEEDED, **fields: Any) -> Any:
    result = SynthesizeClip.Result(**fields)
    return SynthesizeClip.Impl.GetResultService.Response(status=status, result=result)


def test_it_ends_by_its_time_limit_with_no_help() -> None:
    job, ended = make_job(timeout_s=0.01)
    assert isinstance(job.future.exception(10), SynthesisTimeout)
    assert ended.count == 1
    job.fail(EngineUnavailableError("too late"))
    assert isinstance(job.future.exception(0), SynthesisTimeout)
    assert ended.count == 1


def test_a_time_limit_that_no_timer_can_keep_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match=r"timeout_s is 1e\+11; .*at most 86400"):
        make_job(timeout_s=1e11)


def test_errors_keep_their_kind() -> None:
    job, ended = make_job()
    job.answered(
        answer(
            GoalStatus.STATUS_ABORTED, error="the queue is full", error_type="EngineBusyError", queue_ms=3.0
        )
    )
    assert isinstance(job.future.exception(0), EngineBusyError)
    assert job.queue_ms == 3.0
    assert ended.count == 1


def test_a_goal_that_the_server_does_not_know_is_lost() -> None:
    job, _ = make_job()
    job.answered(answer(GoalStatus.STATUS_UNKNOWN))
    assert isinstance(job.future.exception(0), EngineUnavailableError)


def test_an_answer_with_too_few_pictures_is_an_error() -> None:
    job, _ = make_job()
    job.answered(answer(success=True))
    error = job.future.exception(0)
    assert isinstance(error, InvalidInputError)
    assert "holds 0 pictures but 2 were asked for" in str(error)


def test_progress_is_passed_on_until_the_end() -> None:
    steps: list[tuple[int, int]] = []
    job, _ = make_job(progress=lambda step, total: steps.append((step, total)))
    for step, total, position in ((0, 0, 3), (1, 4, 0), (2, 4, 0)):
        message = SynthesizeClip.Impl.FeedbackMessage()
        message.feedback.step, message.feedback.total, message.feedback.position = step, total, position
        job.told(message)
        assert job.position == position
    assert steps == [(1, 4), (2, 4)]
    job.fail(SynthesisError("over"))
    job.told(message)
    assert len(steps) == 2


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("EngineBusyError", EngineBusyError),
        ("", SynthesisError),
        ("os", SynthesisError),
        ("KeyError", SynthesisError),
    ],
)
def test_only_our_own_errors_are_made_of_names(kind: str, expected: type[Exception]) -> None:
    assert type(error_of(kind, "message")) is expected
