"""Whether the server takes work, and the limits that every request passes."""

from __future__ import annotations

import uuid
from typing import Any

from anyview_ros.errors import EngineUnavailableError, InvalidRequestError
from anyview_ros.nodes.conversions.interfaces import (
    answer_bytes,
    request_bytes,
    stream_answer_bytes,
    stream_frame_bytes,
)
from anyview_ros.nodes.synthesis_server.parameters import Settings
from anyview_ros.synthesis.client import EngineClient
from anyview_ros.synthesis.request import check_timeout


class Gate:
    """Open while the node is active.

    Attributes:
        problem: "" while open, else why not, with the remedy.
        instance: changes at every opening, so that clients notice that their streams are gone.
        settings: the parameters as they are.
    """

    def __init__(self, settings: Settings, problem: str) -> None:
        self.settings = settings
        self.problem = problem
        self.instance = ""
        self._client: EngineClient | None = None

    def open(self, client: EngineClient) -> None:
        """Let work through to an engine."""
        self._client = client
        self.instance = uuid.uuid4().hex
        self.problem = ""

    def shut(self, problem: str) -> EngineClient | None:
        """Refuse work from now on, with this reason; return what let it through until now."""
        self.problem = problem
        client, self._client = self._client, None
        return client

    def client(self) -> EngineClient:
        """The way to the engine.

        Raises:
            EngineUnavailableError: the gate is shut.
        """
        client = self._client
        if client is None:
            raise EngineUnavailableError(self.problem)
        return client

    def check_size(self, msg: Any) -> None:
        """Refuse a request whose pictures, or the pictures of its answer, weigh too much.

        Raises:
            InvalidRequestError: it does; the message tells what it weighs and the limit.
        """
        remedy = "send fewer or smaller frames, ask for fewer poses or smaller views"
        self._check_weight("request", request_bytes(msg), remedy)
        self._check_weight("answer to this request", answer_bytes(msg), remedy)

    def check_stream_size(self, msg: Any) -> None:
        """Refuse a stream whose frames, or the views of all its targets at one instant, weigh too much.

        Raises:
            InvalidRequestError: they do; the message tells what they weigh and the limit.
        """
        remedy, limit = "open it for smaller frames, or for fewer or smaller views", "max_stream_bytes"
        with_depth = self.settings.publish_depth
        self._check_weight("frame of this stream", stream_frame_bytes(msg), remedy, limit)
        self._check_weight(
            "answer to a frame of this stream", stream_answer_bytes(msg, with_depth=with_depth), remedy, limit
        )

    def _check_weight(
        self, what: str, weight: int, remedy: str, parameter: str = "max_request_bytes"
    ) -> None:
        limit = getattr(self.settings, parameter)
        if weight > limit:
            raise InvalidRequestError(
                f"the {what} weighs {weight} bytes but the server takes {limit}; {remedy}, or raise the server's "
                f"{parameter}"
            )

    def timeout_s(self, asked_s: float) -> float:
        """The time limit of a request that asks for ``asked_s``, 0 for the server's default.

        Raises:
            InvalidRequestError: negative, not a number, or longer than a day.
        """
        if asked_s == 0:
            return self.settings.default_timeout_s
        check_timeout(asked_s, otherwise="0 for the server's default")
        return float(asked_s)
