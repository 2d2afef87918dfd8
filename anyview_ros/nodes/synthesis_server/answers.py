"""Answers to synthesize_views and synthesize_clip, which have the same fields."""

from __future__ import annotations

from typing import Any

from anyview_ros.errors import AnyViewError
from anyview_ros.nodes.conversions.interfaces import provenance_to_msg, request_from_msg, view_to_msgs
from anyview_ros.nodes.synthesis_server.gate import Gate
from anyview_ros.synthesis.client import SynthesisJob
from anyview_ros.synthesis.protocol import Progress
from anyview_ros.synthesis.result import SynthesisResult


def submit(gate: Gate, msg: Any, *, progress: Progress | None = None) -> SynthesisJob:
    """Queue the request of a message.

    Raises:
        AnyViewError: the gate is shut, the queue is full, or the request cannot be served.
    """
    client = gate.client()
    gate.check_size(msg)
    timeout_s = gate.timeout_s(msg.timeout_s)
    request = request_from_msg(msg)
    return client.submit(request, client=msg.client, timeout_s=timeout_s, progress=progress)


def fill_error(answer: Any, error: AnyViewError) -> None:
    """Say in an answer why there are no views."""
    answer.success = False
    answer.error = str(error)
    answer.error_type = type(error).__name__


def fill_result(answer: Any, msg: Any, result: SynthesisResult, *, server: str, with_depth: bool) -> None:
    """Write the views of a request into its answer, target by target, pose by pose.

    Raises:
        InvalidInputError: views whose parts do not fit each other.
    """
    answer.views = [
        picture
        for target, view in zip(msg.targets, result.views, strict=True)
        for picture in view_to_msgs(view, name=target.name, with_depth=with_depth)
    ]
    newest_ns = int(result.views[-1].stamps_ns[-1])
    answer.provenance = provenance_to_msg(result.provenance, server=server, source_stamp_ns=newest_ns)
    answer.success = True


def fill_times(answer: Any, job: SynthesisJob) -> None:
    """Write how long a job waited and ran."""
    answer.queue_ms = float(job.queue_ms)
    answer.synthesis_ms = float(job.synthesis_ms)
