"""Streams of live cameras: ``open_stream``, ``close_stream``, and the topics ``stream_frames`` and ``stream_views``."""

from __future__ import annotations

import time
import uuid
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions

from anyview_ros.errors import AnyViewError, EngineBusyError, EngineClosedError, EngineUnavailableError
from anyview_ros.msg import StreamFrame, StreamViews
from anyview_ros.nodes.ending import while_up
from anyview_ros.nodes.qos import SERVICE_QOS, stream_qos
from anyview_ros.nodes.synthesis_server.answers import fill_error
from anyview_ros.nodes.synthesis_server.gate import Gate
from anyview_ros.nodes.synthesis_server.session import Session, spec_from_request
from anyview_ros.srv import CloseStream, OpenStream

_TICK_S = 0.25
_COMPLAINT_PERIOD_S = 0.5


class Streams:
    """All open streams of the server; at most ``max_streams``."""

    def __init__(self, node: Node, gate: Gate) -> None:
        self._node = node
        self._gate = gate
        self._sessions: dict[str, Session] = {}
        self._complained: dict[str, float] = {}
        overrides = QoSOverridingOptions.with_default_policies()
        node.create_service(OpenStream, "open_stream", self._open, qos_profile=SERVICE_QOS)
        node.create_service(CloseStream, "close_stream", self._close, qos_profile=SERVICE_QOS)
        self._views = node.create_publisher(
            StreamViews, "stream_views", stream_qos(), qos_overriding_options=overrides
        )
        node.create_subscription(
            StreamFrame, "stream_frames", self._frame, stream_qos(), qos_overriding_options=overrides
        )
        node.create_timer(_TICK_S, self._close_idle, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def clients(self) -> list[str]:
        """Names of the clients of the open streams."""
        return sorted(session.spec.client or "unnamed" for session in list(self._sessions.values()))

    def close_all(self, reason: str) -> None:
        """End all streams and tell their clients why."""
        for stream_id in list(self._sessions):
            self._end(stream_id, reason)

    def _open(self, request: Any, response: Any) -> Any:
        limit = self._gate.settings.max_streams
        try:
            client = self._gate.client()
            self._gate.check_stream_size(request)
            spec = spec_from_request(request)
            if len(self._sessions) >= limit:
                raise EngineBusyError(
                    f"{len(self._sessions)} streams are open and the server takes {limit}; close one, or raise the "
                    "server's max_streams"
                )
            stream_id = uuid.uuid4().hex
            self._sessions[stream_id] = Session(
                stream_id,
                spec,
                client,
                self._publish,
                server=self._node.get_fully_qualified_name(),
                with_depth=lambda: self._gate.settings.publish_depth,
            )
        except AnyViewError as error:
            fill_error(response, error)
            return response
        response.success = True
        response.stream_id = stream_id
        response.idle_timeout_s = self._gate.settings.stream_idle_timeout_s
        self._node.get_logger().info(
            f"'{spec.client}' opened stream {stream_id} with {len(spec.targets)} target(s)"
        )
        return response

    def _close(self, request: Any, response: Any) -> Any:
        session = self._sessions.pop(request.stream_id, None)
        if session is None:
            response.error = f"stream '{request.stream_id}' is not open here; it may have been closed as idle"
            return response
        session.close()
        response.success = True
        return response

    def _frame(self, msg: Any) -> None:
        session = self._sessions.get(msg.stream_id)
        if session is None:
            self._complain(msg.stream_id)
            return
        try:
            session.push(msg)
        except (EngineClosedError, EngineUnavailableError) as error:  # closed, or never opened by the method
            self._end(msg.stream_id, str(error))
        except AnyViewError as error:
            self._publish(StreamViews(stream_id=msg.stream_id, sequence=msg.sequence, error=str(error)))

    def _complain(self, stream_id: str) -> None:
        """Tell who sends frames to a stream that is not open, now and then."""
        now_s = time.monotonic()
        if now_s - self._complained.get(stream_id, -_COMPLAINT_PERIOD_S) < _COMPLAINT_PERIOD_S:
            return
        self._complained = {
            known: at for known, at in self._complained.items() if now_s - at < _COMPLAINT_PERIOD_S
        }
        self._complained[stream_id] = now_s
        reason = self._gate.problem or "the server was restarted, or closed it as idle"
        self._publish_end(stream_id, f"stream '{stream_id}' is not open ({reason}); open another")

    def _close_idle(self) -> None:
        limit_s = self._gate.settings.stream_idle_timeout_s
        for stream_id, session in list(self._sessions.items()):
            if session.silent_s() > limit_s:
                self._end(
                    stream_id, f"the stream had no frame for {limit_s:g} s and was closed; open another"
                )

    def _end(self, stream_id: str, reason: str) -> None:
        session = self._sessions.pop(stream_id, None)
        if session is not None:
            session.close()
            if self._node.context.ok():  # once that is gone, nobody can be told
                self._node.get_logger().info(
                    f"closed stream {stream_id} of '{session.spec.client}': {reason}"
                )
            self._publish_end(stream_id, reason)

    def _publish_end(self, stream_id: str, reason: str) -> None:
        self._publish(StreamViews(stream_id=stream_id, sequence=StreamViews.WHOLE_STREAM, error=reason))

    def _publish(self, msg: Any) -> None:
        with while_up(self._node.context):
            self._views.publish(msg)
