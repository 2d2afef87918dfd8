"""Whether the server is there, what it says of itself, and when it was lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node

from anyview_ros.nodes.conversions.interfaces import engine_from_response
from anyview_ros.nodes.qos import SERVICE_QOS
from anyview_ros.nodes.remote_engine.calls import Calls
from anyview_ros.srv import Describe
from anyview_ros.synthesis.client import EngineDescription

_PERIOD_S = 0.5


class ServerLink:
    """Asks the server to describe itself, again and again.

    Args:
        node: whose executor does the work.
        name: of the service ``describe``.
        calls: where calls are kept.
        timeout_s: a server that does not answer for so long is lost.
        unmatched: tells which other service of the server is not found yet, or ""; what is sent there would be lost.
        on_lost: told why, whenever work given to the server so far has come to nothing.
        group: callback group.
    """

    def __init__(
        self,
        node: Node,
        name: str,
        calls: Calls,
        *,
        timeout_s: float,
        unmatched: Callable[[], str],
        on_lost: Callable[[str], None],
        group: Any,
    ) -> None:
        self._node = node
        self._calls = calls
        self._timeout_s = timeout_s
        self._unmatched = unmatched
        self._on_lost = on_lost
        self._client = node.create_client(Describe, name, qos_profile=SERVICE_QOS, callback_group=group)
        self._asking = False
        self._next_s = 0.0
        self._instance = ""
        self._engine: EngineDescription | None = None
        self._absent = (
            f"no synthesis server answers at {self._client.srv_name}; start one, and check namespace, ROS_DOMAIN_ID "
            "and network"
        )
        self.problem = self._absent

    def description(self) -> EngineDescription | None:
        """What the server last said."""
        return self._engine

    def look(self) -> None:
        """Ask again if it is time."""
        if self._asking or time.monotonic() < self._next_s:
            return
        is_found = self._client.service_is_ready()
        if is_found and self.problem and (missing := self._unmatched()):
            self.problem = (
                f"the synthesis server at {self._client.srv_name} is there, but its {missing} is not yet"
            )
            return
        self._next_s = time.monotonic() + _PERIOD_S
        if not is_found:
            self._lose(self._absent)
            return
        self._asking = True
        self._calls.send(self._client, Describe.Request(), self._timeout_s, self._answered, self._silent)

    def destroy(self) -> None:
        """Stop asking."""
        self._node.destroy_client(self._client)

    def _answered(self, response: Any) -> None:
        self._asking = False
        if self._instance and response.instance != self._instance:
            self._lose(response.problem or f"{response.server} was restarted")
        if response.problem:
            self._lose(f"{response.server}: {response.problem}")
            return
        self._engine = engine_from_response(response)
        self._instance = response.instance
        self.problem = ""

    def _silent(self) -> None:
        self._asking = False
        self._lose(
            f"the synthesis server at {self._client.srv_name} has not answered for {self._timeout_s:g} s; "
            "it may have died, or the network may be down"
        )

    def _lose(self, reason: str) -> None:
        had_server = not self.problem
        self.problem = reason
        self._instance = ""
        if had_server:
            self._on_lost(reason)
