"""The service ``capture_view``: one view from any pose, without keeping the executor waiting."""

from __future__ import annotations

import math
import time
from concurrent.futures import Future
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from std_msgs.msg import Header

from anyview_ros.errors import (
    AnyViewError,
    ClipNotReadyError,
    EngineUnavailableError,
    InvalidRequestError,
    SynthesisTimeout,
)
from anyview_ros.geometry import PinholeCamera
from anyview_ros.nodes.conversions import (
    depth_to_image,
    info_from_camera,
    matrix_to_pose,
    ns_to_time,
    pose_to_matrix,
    rgb_to_image,
)
from anyview_ros.nodes.conversions.interfaces import camera_from_intrinsics
from anyview_ros.nodes.declared_camera import check_intrinsics, check_position
from anyview_ros.nodes.virtual_camera.capture import Shot, make_shot, take_clip
from anyview_ros.nodes.virtual_camera.outputs import confidence_to_image, cut, fill_provenance
from anyview_ros.nodes.virtual_camera.poses import TfFollower, Trouble
from anyview_ros.nodes.virtual_camera.rig import Rig
from anyview_ros.nodes.waiting import ended
from anyview_ros.synthesis.client import SynthesisJob
from anyview_ros.synthesis.request import check_timeout
from anyview_ros.synthesis.result import SynthesisResult

FRAME = "capture_view_optical_frame"
_TF_RETRY_S = 0.05
_RESTS = "nobody subscribes a view, and then the window rests: set fill_when_idle to true"


async def capture_view(node: Node, rig: Rig, tf: TfFollower, request: Any, response: Any) -> Any:
    """Answer one request; errors are told in the response."""
    try:
        timeout_s = _timeout_s(request.timeout_s) or rig.settings.engine.capture_timeout_s
        deadline_s = time.monotonic() + timeout_s
        shot = await _prepare(node, rig, tf, request, deadline_s)
        job = rig.client.submit(
            shot.request,
            client=node.get_fully_qualified_name(),
            timeout_s=max(deadline_s - time.monotonic(), 0.01),
        )
        result = await _result(node, job, deadline_s, timeout_s)
        return _fill(response, rig, shot, result)
    except AnyViewError as error:
        response.success = False
        response.error = str(error)
        response.error_type = type(error).__name__
        return response


def _timeout_s(asked_s: float) -> float:
    if asked_s != 0:
        check_timeout(asked_s, otherwise="0 for the node's default")
    return asked_s


async def _prepare(node: Node, rig: Rig, tf: TfFollower, request: Any, deadline_s: float) -> Shot:
    problem = rig.client.problem()
    engine = rig.client.description()
    if problem or engine is None:
        raise EngineUnavailableError(problem or "the engine has not described itself yet; try again")
    method = engine.method
    if not math.isfinite(request.max_age_s) or request.max_age_s < 0:
        raise InvalidRequestError(f"max_age_s is {request.max_age_s}; give seconds, or 0 for no limit")
    try:
        clip = take_clip(
            rig.window,
            method,
            max_age_s=request.max_age_s,
            now_ns=rig.now_ns() or 0,
            max_bytes=engine.max_request_bytes,
        )
    except ClipNotReadyError as error:
        reason = rig.problems.first() or ("" if rig.is_needed() else _RESTS)
        raise ClipNotReadyError(f"{error} ({reason})" if reason else str(error)) from error
    camera = _camera(request, clip.camera)
    pose = pose_to_matrix(request.pose)
    check_position("pose.position", pose[:3, 3])
    frame = request.parent_frame.lstrip("/") or rig.settings.fixed_frame
    parent = await _locate(node, rig, tf, frame, int(clip.stamps_ns[-1]), deadline_s)
    settings = rig.settings.engine
    return make_shot(
        clip,
        method,
        camera,
        parent @ pose,
        steps=request.steps or settings.steps,
        seed=request.seed,
        options=settings.options,
    )


def _camera(request: Any, source: PinholeCamera) -> PinholeCamera:
    asked = request.intrinsics
    if not any((asked.fx, asked.fy, asked.cx, asked.cy, asked.width, asked.height)):
        return source
    return check_intrinsics("intrinsics", camera_from_intrinsics(asked, name="intrinsics"))


async def _locate(
    node: Node, rig: Rig, tf: TfFollower, frame: str, stamp_ns: int, deadline_s: float
) -> NDArray[np.float64]:
    """Where ``frame`` was; TF that is late is awaited until the deadline, but no longer than frames wait for it."""
    deadline_s = min(deadline_s, time.monotonic() + rig.settings.tf_timeout_s)
    while True:
        placement = tf.locate(rig.settings.fixed_frame, frame, stamp_ns)
        if placement.to_fixed is not None:
            return placement.to_fixed
        if placement.trouble is not Trouble.NOT_YET or time.monotonic() > deadline_s:
            raise ClipNotReadyError(placement.problem)
        await _within(node, Future(), _TF_RETRY_S)


async def _result(node: Node, job: SynthesisJob, deadline_s: float, timeout_s: float) -> SynthesisResult:
    # The engine keeps the limit itself; the second more is for one that has gone away without a word.
    await _within(node, job.future, deadline_s + 1.0 - time.monotonic())
    if not job.future.done():
        job.cancel()
        raise SynthesisTimeout(
            f"no answer from the engine within {timeout_s:g} s; ask again, or raise timeout_s"
        )
    return job.future.result()


async def _within(node: Node, future: Future[Any], timeout_s: float) -> None:
    """Suspend the callback until the future has ended or the time is over."""
    over: Future[None] = Future()

    def finish(*_: Any) -> None:
        over.cancel()  # ends it, whoever comes first; it has no result to give

    timer = node.create_timer(max(timeout_s, 0.001), finish, clock=Clock(clock_type=ClockType.STEADY_TIME))
    try:
        future.add_done_callback(finish)
        await ended(over, node)
    finally:
        node.destroy_timer(timer)


def _fill(response: Any, rig: Rig, shot: Shot, result: SynthesisResult) -> Any:
    shown = cut(result.views[0], shot.fit, shot.stamp_ns)
    header = Header(stamp=ns_to_time(shot.stamp_ns), frame_id=FRAME)
    now_ns = rig.now_ns()
    response.success = True
    response.image = rgb_to_image(shown.frame, header)
    response.camera_info = info_from_camera(shown.camera, header)
    response.confidence = confidence_to_image(shown.confidence, header)
    if shown.depth is not None:
        response.depth = depth_to_image(shown.depth, header)
    response.camera_to_world = matrix_to_pose(shot.camera_to_world)
    age_ns = 0 if now_ns is None else now_ns - shot.stamp_ns
    response.provenance = fill_provenance(result.provenance, header, age_ns=age_ns, server=rig.server)
    return response
