"""The services ``describe`` and ``synthesize_views``."""

from __future__ import annotations

from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node

from anyview_ros.errors import AnyViewError
from anyview_ros.nodes.conversions.interfaces import fill_engine
from anyview_ros.nodes.qos import SERVICE_QOS
from anyview_ros.nodes.synthesis_server.answers import fill_error, fill_result, fill_times, submit
from anyview_ros.nodes.synthesis_server.gate import Gate
from anyview_ros.nodes.waiting import ended
from anyview_ros.srv import Describe, SynthesizeViews


class Services:
    """Answers ``describe`` at once and ``synthesize_views`` when the engine has."""

    def __init__(self, node: Node, gate: Gate) -> None:
        self._node = node
        self._gate = gate
        self._server = node.get_fully_qualified_name()
        group = ReentrantCallbackGroup()
        node.create_service(
            Describe, "describe", self._describe, qos_profile=SERVICE_QOS, callback_group=group
        )
        node.create_service(
            SynthesizeViews,
            "synthesize_views",
            self._synthesize,
            qos_profile=SERVICE_QOS,
            callback_group=group,
        )

    def _describe(self, _: Any, response: Any) -> Any:
        response.server = self._server
        response.instance = self._gate.instance
        response.max_request_bytes = self._gate.settings.max_request_bytes
        try:
            client = self._gate.client()
            response.problem = client.problem()
            engine = client.description()
        except AnyViewError as error:
            response.problem = str(error)
            return response
        if engine is not None:
            fill_engine(response, engine)
        return response

    async def _synthesize(self, request: Any, response: Any) -> Any:
        try:
            job = submit(self._gate, request)
            await ended(job.future, self._node)
            fill_times(response, job)
            with_depth = self._gate.settings.publish_depth
            fill_result(response, request, job.future.result(), server=self._server, with_depth=with_depth)
        except AnyViewError as error:
            fill_error(response, error)
        return response
