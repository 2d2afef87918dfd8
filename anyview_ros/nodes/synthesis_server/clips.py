"""The action ``synthesize_clip``: as the service, with progress, place in the queue, and cancellation."""

from __future__ import annotations

from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from anyview_ros.action import SynthesizeClip
from anyview_ros.errors import AnyViewError, SynthesisCancelled
from anyview_ros.nodes.ending import while_up
from anyview_ros.nodes.qos import SERVICE_QOS
from anyview_ros.nodes.synthesis_server.answers import fill_error, fill_result, fill_times, submit
from anyview_ros.nodes.synthesis_server.gate import Gate
from anyview_ros.nodes.waiting import ended
from anyview_ros.synthesis.client import SynthesisJob

_WATCH_PERIOD_S = 0.1
_RESULT_TIMEOUT_S = 5  # ROS keeps results for 15 minutes by default, pictures and all


class ClipAction:
    """Serves the action.

    Goals are rejected while the server is not active, with the reason in the log and in ``describe``. Others are
    accepted, and aborted with the reason in their result if they cannot be served: a full queue, too heavy, unfit.
    """

    def __init__(self, node: Node, gate: Gate) -> None:
        self._node = node
        self._gate = gate
        self._server = node.get_fully_qualified_name()
        self._watched: dict[bytes, _Watched] = {}
        group = ReentrantCallbackGroup()
        self._action = ActionServer(
            node,
            SynthesizeClip,
            "synthesize_clip",
            self._execute,
            goal_callback=self._consider,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
            callback_group=group,
            goal_service_qos_profile=SERVICE_QOS,
            result_service_qos_profile=SERVICE_QOS,
            cancel_service_qos_profile=SERVICE_QOS,
            result_timeout=_RESULT_TIMEOUT_S,
        )
        self._watch = node.create_timer(
            _WATCH_PERIOD_S, self._look, callback_group=group, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )
        self._watch.cancel()

    def destroy(self) -> None:
        """Withdraw the action."""
        self._action.destroy()

    def _consider(self, goal: Any) -> GoalResponse:
        try:
            self._gate.client()
        except AnyViewError as error:
            self._node.get_logger().warning(f"rejected a goal of '{goal.client}': {error}")
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    async def _execute(self, goal_handle: Any) -> Any:
        answer = SynthesizeClip.Result()
        key = bytes(goal_handle.goal_id.uuid)
        try:
            job = submit(self._gate, goal_handle.request, progress=_Feedback(self._node, goal_handle))
            self._watched[key] = _Watched(goal_handle, job)
            self._watch.reset()
            await ended(job.future, self._node)
            fill_times(answer, job)
            with_depth = self._gate.settings.publish_depth
            fill_result(
                answer, goal_handle.request, job.future.result(), server=self._server, with_depth=with_depth
            )
            goal_handle.succeed()
        except AnyViewError as error:
            fill_error(answer, error)
            cancelled = isinstance(error, SynthesisCancelled) and goal_handle.is_cancel_requested
            (goal_handle.canceled if cancelled else goal_handle.abort)()
        finally:
            self._watched.pop(key, None)
            goal_handle.request.sources = []  # ROS keeps goals for a while; their pictures need not stay
        return answer

    def _look(self) -> None:
        """Pass on wishes to cancel, which ROS only marks on the goal, and places in the queue."""
        for watched in self._watched.values():
            watched.look()
        if not self._watched:
            self._watch.cancel()


class _Feedback:
    """Publishes each step as feedback; called on the engine's thread."""

    def __init__(self, node: Node, goal_handle: Any) -> None:
        self._context = node.context
        self._goal_handle = goal_handle

    def __call__(self, step: int, total: int, /) -> None:
        with while_up(self._context):
            self._goal_handle.publish_feedback(SynthesizeClip.Feedback(step=step, total=total, position=0))


class _Watched:
    """A goal in the making."""

    def __init__(self, goal_handle: Any, job: SynthesisJob) -> None:
        self._goal_handle = goal_handle
        self._job = job
        self._position = 0

    def look(self) -> None:
        """Cancel the job if the goal's client wishes it; tell the goal's place in the queue while it waits."""
        if self._goal_handle.is_cancel_requested:
            self._job.cancel()
        position = self._job.position
        if position > 0 and position != self._position:
            self._position = position
            self._goal_handle.publish_feedback(SynthesizeClip.Feedback(step=0, total=0, position=position))
