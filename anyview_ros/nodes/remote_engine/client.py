"""The EngineClient of a synthesis_server."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.action import ActionClient
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import InvalidHandle
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions

from anyview_ros.action import SynthesizeClip
from anyview_ros.errors import EngineBusyError, EngineClosedError, EngineUnavailableError, InvalidRequestError
from anyview_ros.msg import StreamFrame as StreamFrameMsg
from anyview_ros.msg import StreamViews, TargetCamera
from anyview_ros.nodes.conversions.interfaces import (
    fill_request,
    intrinsics_from_camera,
    request_bytes,
)
from anyview_ros.nodes.qos import SERVICE_QOS, stream_qos
from anyview_ros.nodes.remote_engine.calls import Calls
from anyview_ros.nodes.remote_engine.job import RemoteJob
from anyview_ros.nodes.remote_engine.link import ServerLink
from anyview_ros.nodes.remote_engine.stream import RemoteStream
from anyview_ros.srv import CloseStream, OpenStream
from anyview_ros.synthesis.client import EngineDescription, StreamOutcome, StreamSpec
from anyview_ros.synthesis.option_json import options_to_json
from anyview_ros.synthesis.protocol import Progress
from anyview_ros.synthesis.request import SynthesisRequest

_TICK_S = 0.1


class RemoteEngineClient:
    """Asks a synthesis_server over ROS.

    Nothing blocks and nothing hangs: requests end by their time limit, streams that are lost tell their owner, who
    opens another once ``problem()`` is empty. All of it happens on the executor of ``node``, in one callback group;
    only time limits have threads of their own, so that they hold where the executor is stuck.

    Args:
        node: the node that asks; add it to an executor.
        server: namespace of the server's services and topics, such as "/anyview"; "" for the node's own.
        server_timeout_s: a server that does not answer for so long counts as lost, seconds.
        default_timeout_s: time limit of requests that name none, seconds.
        max_pending: requests under way at once; more are refused.
    """

    def __init__(
        self,
        node: Node,
        *,
        server: str = "",
        server_timeout_s: float = 3.0,
        default_timeout_s: float = 30.0,
        max_pending: int = 8,
    ) -> None:
        self._node = node
        self._server_timeout_s = server_timeout_s
        self._default_timeout_s = default_timeout_s
        self._max_pending = max_pending
        self._group = MutuallyExclusiveCallbackGroup()
        self._calls = Calls()
        self._lock = threading.Lock()
        self._jobs: dict[RemoteJob, _Goal] = {}
        self._streams: list[RemoteStream] = []
        self._outbox: deque[Callable[[], None]] = deque()
        self._closed = False
        self._create(server.rstrip("/") + "/" if server else "")

    def problem(self) -> str:
        """ "" when the server can take work, else why not."""
        return "the client is closed" if self._closed else self._link.problem

    def description(self) -> EngineDescription | None:
        """What the server last said of itself; None before it said anything."""
        return self._link.description()

    def submit(
        self,
        request: SynthesisRequest,
        *,
        client: str = "",
        timeout_s: float | None = None,
        progress: Progress | None = None,
    ) -> RemoteJob:
        """Send a request. The time limit counts from now, waiting included.

        Raises:
            EngineBusyError: too many requests of this client are under way. A full queue of the server ends the job
                with the same error.
            EngineUnavailableError, EngineClosedError: ``problem()`` is not empty.
            InvalidRequestError: heavier than the server takes, or a time limit that is not positive or longer than a
                day.
        """
        self._check_open()
        timeout_s = self._default_timeout_s if timeout_s is None else timeout_s
        goal = SynthesizeClip.Goal(
            client=client or self._node.get_fully_qualified_name(), timeout_s=float(timeout_s)
        )
        fill_request(goal, request)
        self._check_weight(goal)
        job = RemoteJob(request, timeout_s, progress, cancel=self._cancel, ended=self._forget)
        with self._lock:
            full = len(self._jobs) >= self._max_pending
            if not full:
                self._jobs[job] = _Goal()
        if full:
            error = EngineBusyError(f"{self._max_pending} requests are under way; wait for one to end")
            job.fail(error)
            raise error
        self._post(partial(self._send, job, goal))
        return job

    def open_stream(self, spec: StreamSpec, on_outcome: Callable[[StreamOutcome], None]) -> RemoteStream:
        """Open a live stream. The server's refusal, too many streams included, comes as an outcome.

        Raises:
            EngineUnavailableError, EngineClosedError: ``problem()`` is not empty.
            InvalidRequestError: options that cannot be sent.
        """
        self._check_open()
        stream = RemoteStream(spec, on_outcome, self._frames, self._stream_over)
        request = _open_request(spec, spec.client or self._node.get_fully_qualified_name())
        with self._lock:
            self._streams.append(stream)
        silent = f"the server has not answered open_stream for {self._server_timeout_s:g} s"
        self._post(
            lambda: self._calls.send(
                self._open_client,
                request,
                self._server_timeout_s,
                partial(self._stream_opened, stream),
                lambda: stream.lose(silent),
            )
        )
        return stream

    def close(self) -> None:
        """Cancel what was asked through this client and free it. Closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        self._outbox.clear()
        self._give_up("the client was closed", EngineClosedError)
        self._calls.drop()
        self._node.destroy_timer(self._timer)
        self._node.destroy_guard_condition(self._wake)
        self._actions.destroy()
        self._link.destroy()
        for service_client in (self._open_client, self._close_client):
            self._node.destroy_client(service_client)
        self._node.destroy_publisher(self._frames)
        self._node.destroy_subscription(self._views)

    def _create(self, prefix: str) -> None:
        node, group = self._node, self._group
        overrides = QoSOverridingOptions.with_default_policies()
        self._link = ServerLink(
            node,
            prefix + "describe",
            self._calls,
            timeout_s=self._server_timeout_s,
            unmatched=self._unmatched,
            on_lost=lambda reason: self._give_up(reason, EngineUnavailableError),
            group=group,
        )
        self._actions = ActionClient(
            node,
            SynthesizeClip,
            prefix + "synthesize_clip",
            callback_group=group,
            goal_service_qos_profile=SERVICE_QOS,
            result_service_qos_profile=SERVICE_QOS,
            cancel_service_qos_profile=SERVICE_QOS,
        )
        self._open_client = node.create_client(
            OpenStream, prefix + "open_stream", qos_profile=SERVICE_QOS, callback_group=group
        )
        self._close_client = node.create_client(
            CloseStream, prefix + "close_stream", qos_profile=SERVICE_QOS, callback_group=group
        )
        self._frames = node.create_publisher(
            StreamFrameMsg, prefix + "stream_frames", stream_qos(), qos_overriding_options=overrides
        )
        self._views = node.create_subscription(
            StreamViews,
            prefix + "stream_views",
            self._viewed,
            stream_qos(),
            callback_group=group,
            qos_overriding_options=overrides,
        )
        self._wake = node.create_guard_condition(self._send_posted, callback_group=group)
        self._timer = node.create_timer(
            _TICK_S, self._tick, callback_group=group, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    def _unmatched(self) -> str:
        if not self._actions.server_is_ready():
            return "action synthesize_clip"
        return "" if self._open_client.service_is_ready() else "service open_stream"

    def _check_open(self) -> None:
        if self._closed:
            raise EngineClosedError("the client is closed; make another")
        if self._link.problem:
            raise EngineUnavailableError(self._link.problem)

    def _check_weight(self, goal: Any) -> None:
        engine = self._link.description()
        weight, limit = request_bytes(goal), 0 if engine is None else engine.max_request_bytes
        if limit and weight > limit:
            raise InvalidRequestError(
                f"the request weighs {weight} bytes but the server takes {limit}; send fewer or smaller frames, "
                "or raise the server's max_request_bytes"
            )

    def _post(self, work: Callable[[], None]) -> None:
        """Have ``work`` done in the callback group: the action client is not safe against two threads at once."""
        self._outbox.append(work)
        self._wake.trigger()

    def _send_posted(self) -> None:
        while self._outbox:
            self._outbox.popleft()()

    def _tick(self) -> None:
        try:
            self._send_posted()
            self._link.look()
            self._calls.expire()
        except InvalidHandle:
            if not self._closed:  # else: closed by another thread in the meantime
                raise

    def _send(self, job: RemoteJob, goal: Any) -> None:
        pending = self._jobs.get(job)
        if pending is None:
            return
        pending.await_answer(
            self._actions.send_goal_async(goal, feedback_callback=job.told), partial(self._taken, job)
        )

    def _taken(self, job: RemoteJob, future: Any) -> None:
        pending = self._jobs.get(job)
        handle = future.result()
        if pending is None:
            if handle is not None and handle.accepted:
                handle.cancel_goal_async()  # nobody waits for it any more
            return
        if not handle.accepted:
            job.fail(
                EngineUnavailableError(
                    "the server rejected the request; it is not active, or being shut down"
                )
            )
            return
        pending.handle = handle
        if pending.cancel_requested:
            handle.cancel_goal_async()
        pending.await_answer(handle.get_result_async(), lambda done: job.answered(done.result()))

    def _cancel(self, job: RemoteJob) -> None:
        pending = self._jobs.get(job)
        if pending is not None:
            pending.cancel_requested = True
            self._post(pending.cancel_sent)

    def _forget(self, job: RemoteJob) -> None:
        with self._lock:
            pending = self._jobs.pop(job, None)
        if pending is not None and not self._closed:
            self._post(partial(pending.give_up, cancel=not self._link.problem))

    def _stream_opened(self, stream: RemoteStream, response: Any) -> None:
        stream.opened(response)
        if stream.over and response.success:
            self._send_close(response.stream_id)

    def _stream_over(self, stream: RemoteStream) -> None:
        with self._lock:
            if stream in self._streams:
                self._streams.remove(stream)
        if stream.stream_id and not self._link.problem:
            self._send_close(stream.stream_id)

    def _send_close(self, stream_id: str) -> None:
        request = CloseStream.Request(stream_id=stream_id)
        self._calls.send(self._close_client, request, self._server_timeout_s, lambda _: None, lambda: None)

    def _viewed(self, msg: Any) -> None:
        for stream in self._all_streams():
            if stream.stream_id == msg.stream_id:
                stream.answered(msg)

    def _all_streams(self) -> list[RemoteStream]:
        with self._lock:
            return list(self._streams)

    def _give_up(self, reason: str, kind: type[EngineUnavailableError | EngineClosedError]) -> None:
        with self._lock:
            jobs = list(self._jobs.items())
        for job, pending in jobs:
            if kind is EngineClosedError:
                pending.cancel_requested = True
                pending.cancel_sent()
            job.fail(kind(reason))
        for stream in self._all_streams():
            if kind is EngineClosedError:
                stream.close()
            else:
                stream.lose(reason)


class _Goal:
    """The ROS side of a job: what is awaited of the server."""

    def __init__(self) -> None:
        self.handle: Any = None
        self.cancel_requested = False
        self._awaited: Any = None

    def await_answer(self, future: Any, then: Callable[[Any], None]) -> None:
        """Call ``then`` with the future once it is answered, unless given up before."""
        self._awaited = future
        future.add_done_callback(lambda done: None if done.cancelled() else then(done))

    def cancel_sent(self) -> None:
        """Ask the server for the end, once it has taken the goal."""
        if self.handle is not None:
            self.handle.cancel_goal_async()

    def give_up(self, *, cancel: bool) -> None:
        """Await nothing more, and cancel the goal if the server is still there to work on it."""
        if self._awaited is not None and not self._awaited.done():
            if cancel:
                self.cancel_sent()
            self._awaited.cancel()


def _open_request(spec: StreamSpec, client: str) -> Any:
    return OpenStream.Request(
        client=client,
        source=intrinsics_from_camera(spec.source),
        source_has_depth=spec.source_has_depth,
        targets=[
            TargetCamera(name=name, intrinsics=intrinsics_from_camera(camera))
            for name, camera in spec.targets.items()
        ],
        steps=spec.steps or 0,
        rate_hz=spec.rate_hz or 0.0,
        seed=spec.seed,
        options_json=options_to_json(spec.options),
    )
