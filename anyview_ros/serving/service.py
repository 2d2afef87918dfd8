"""What a replica answers, whatever carries HTTP to it."""

from __future__ import annotations

import hmac
import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from anyview_ros.errors import (
    AnyViewError,
    EngineBusyError,
    EngineClosedError,
    EngineUnavailableError,
    InvalidInputError,
    SynthesisError,
    SynthesisTimeout,
)
from anyview_ros.serving.tokens import check_token
from anyview_ros.serving.wire import PROTOCOL, decode_request, describe_to_json, encode_result
from anyview_ros.synthesis.engine import Engine

MESSAGE_TYPE = "application/x-anyview"
_MIB = 2**20
_MOST_DIGITS = 15  # of the length of a body

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ServiceLimits:
    """What may be asked.

    Attributes:
        max_request_bytes: of a body.
        max_source_bytes: that the pictures and depth of all sources may weigh, uncompressed.
        max_answer_bytes: that the pictures of an answer may weigh, uncompressed.
        max_timeout_s: time limit of a request that asks for a longer one, or for none.
    """

    max_request_bytes: int = 64 * _MIB
    max_source_bytes: int = 512 * _MIB
    max_answer_bytes: int = 64 * _MIB
    max_timeout_s: float = 120.0


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str = "application/json"


class Service:
    """``GET /describe``, ``GET /health`` and ``POST /synthesize`` of one engine.

    Args:
        engine: started; stays the caller's.
        token: what callers must present as ``Authorization: Bearer …``; "" lets everybody in.
        limits: what may be asked.

    Raises:
        InvalidInputError: a token that HTTP cannot carry.
    """

    def __init__(self, engine: Engine, *, token: str = "", limits: ServiceLimits | None = None) -> None:
        """Answer for ``engine``."""
        self._engine = engine
        self._token = check_token(token)
        self.limits = limits or ServiceLimits()
        # One at a time: what the engine's queue has no place for is not held in memory by many connections.
        self._decoding = threading.Lock()

    def refusal(self, method: str, headers: Mapping[str, str]) -> Answer | None:
        """Why a request is not even read: no right to ask, or a body that is too long or of unknown length.

        Args:
            method: such as "GET".
            headers: by name, in lower case; the values of one that comes twice are joined by commas.
        """
        length = body_length(method, headers)
        presented = headers.get("authorization", "").removeprefix("Bearer ").encode()
        if self._token and not hmac.compare_digest(presented, self._token.encode()):
            return _error(
                401, InvalidInputError("no valid token was presented; set the token of this service")
            )
        if length is None:
            return _error(411, InvalidInputError("the body's length is not told; send Content-Length"))
        if length > self.limits.max_request_bytes:
            return _error(
                413,
                InvalidInputError(
                    f"a body of {length} bytes is more than the {self.limits.max_request_bytes} allowed; send fewer or "
                    "smaller pictures"
                ),
            )
        return None

    def answer(self, method: str, path: str, body: bytes) -> Answer:
        """Answer a request that was let in; it waits for the engine."""
        if (method, path) == ("GET", "/health"):
            return self._health()
        if (method, path) == ("GET", "/describe"):
            return self._describe()
        if (method, path) == ("POST", "/synthesize"):
            return self._synthesize(body)
        return _error(
            404, InvalidInputError(f"there is no {method} {path}; there are /describe, /health, /synthesize")
        )

    def _health(self) -> Answer:
        problem = self._engine.problem()
        return _json(503 if problem else 200, {"problem": problem})

    def _describe(self) -> Answer:
        engine = self._engine.description()
        if engine is None:
            return _error(503, EngineUnavailableError(self._engine.problem()))
        return _json(
            200,
            {
                "protocol": PROTOCOL,
                "method": describe_to_json(engine.method),
                "device": engine.device,
                "weights_hash": engine.weights_hash,
                "server": engine.server,
                "max_request_bytes": self.limits.max_request_bytes,
                "max_answer_bytes": self.limits.max_answer_bytes,
            },
        )

    def _synthesize(self, body: bytes) -> Answer:
        try:
            with self._decoding:
                request, timeout_s = decode_request(
                    body,
                    largest_sources=self.limits.max_source_bytes,
                    largest_answer=self.limits.max_answer_bytes,
                )
                limit_s = min(timeout_s or self.limits.max_timeout_s, self.limits.max_timeout_s)
                job = self._engine.submit(request, timeout_s=limit_s)
            return Answer(200, encode_result(job.future.result()), MESSAGE_TYPE)
        except (EngineBusyError, EngineUnavailableError, EngineClosedError) as error:
            return _error(503, error)
        except SynthesisTimeout as error:
            return _error(504, error)
        except InvalidInputError as error:
            return _error(400, error)
        except AnyViewError as error:
            return _error(500, error)
        except Exception as error:  # noqa: BLE001 - told to the caller and the log; the service lives on
            _log.exception("a request could not be answered")
            return _error(500, SynthesisError(f"the service failed: {type(error).__name__}: {error}"))


def body_length(method: str, headers: Mapping[str, str]) -> int | None:
    """Bytes of the body that a request announces; None where this is not told, or not in one plain number.

    Bodies in chunks have no length, and are never read: what stands before a service may see their end elsewhere.
    """
    told = headers.get("content-length", "0" if method == "GET" else "")
    if "transfer-encoding" in headers or not (
        told.isascii() and told.isdecimal() and len(told) <= _MOST_DIGITS
    ):
        return None
    return int(told)


def _json(status: int, content: object) -> Answer:
    return Answer(status, json.dumps(content).encode())


def _error(status: int, error: AnyViewError) -> Answer:
    return _json(status, {"error": str(error), "error_type": type(error).__name__})
