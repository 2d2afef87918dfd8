"""A Synthesizer whose work is done by a service elsewhere."""

from __future__ import annotations

import http.client
import json
import math
import socket
import ssl
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from anyview_ros import errors
from anyview_ros.errors import (
    AnyViewError,
    EngineClosedError,
    EngineUnavailableError,
    InvalidInputError,
    InvalidRequestError,
    SynthesisCancelled,
    SynthesisError,
    SynthesisTimeout,
)
from anyview_ros.geometry import PinholeCamera
from anyview_ros.serving.service import MESSAGE_TYPE
from anyview_ros.serving.tokens import check_token
from anyview_ros.serving.wire import PROTOCOL, answer_bytes, decode_result, describe_from_json, encode_request
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.protocol import CancelToken, Progress, SynthesisStream, TimedToken
from anyview_ros.synthesis.request import SynthesisRequest, check_timeout
from anyview_ros.synthesis.result import SynthesisResult
from anyview_ros.synthesis.windowed_stream import WindowedStream

_LOOK_S = 0.05
_CONNECT_S = 10.0
_LARGEST_ANSWER_HEAD = 1 << 20


class ServedSynthesizer:
    """Asks a service started by ``anyview serve``, so that a synthesis server can stand before many replicas.

    The handshake tells which method is served and what may be asked; a service of another protocol is refused.
    Requests go to whichever replica is free, so streams are windows of requests. A replica that dies loses the requests
    it had; each is tried once more if it never got an answer.

    Args:
        url: such as "http://gpu:8000" or "https://gpu:8000/anyview".
        token: presented with every request; "" for none.
        ca_file: certificates that vouch for the service; "" takes the system's.
        timeout_s: time limit, waiting included, of a request whose token tells none (see :class:`TimedToken`); at most
            a day.
        quality: of JPEG, 1 to 100, for the sources' pictures; None sends them without loss.

    Raises:
        InvalidInputError: a URL that is none, a token that HTTP cannot carry, a ca_file that cannot be used, or a time
            limit that is not positive or longer than a day.
        EngineUnavailableError: nobody answers there, or not in this protocol.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        ca_file: str = "",
        timeout_s: float = 120.0,
        quality: int | None = None,
    ) -> None:
        """Shake hands."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or not _has_port(url):
            raise InvalidInputError(f"url is {url!r}; give one such as http://gpu:8000")
        check_timeout(timeout_s, otherwise="leave it out for the default")
        self._url, self._parts = url, parts
        self._headers = {"Authorization": f"Bearer {token}"} if check_token(token) else {}
        self._tls = _tls(ca_file) if parts.scheme == "https" else None
        self._timeout_s, self._quality = timeout_s, quality
        self._sender = _sender()
        self._under_way = _Exchange()
        self._closed = False
        told = self._describe()
        self._description = describe_from_json({**told["method"], "streams": False})
        self._max_request_bytes = int(told["max_request_bytes"])
        self.device = f"{told['device']} at {parts.hostname}"
        self.weights_hash = str(told["weights_hash"])

    def describe(self) -> MethodDescription:
        """What the served method can do; it does not stream, since any replica may answer."""
        return self._description

    def synthesize(
        self,
        request: SynthesisRequest,
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> SynthesisResult:
        """Send the request and wait for the answer; steps are not told on the way.

        Raises:
            SynthesisCancelled: ``cancel`` was set; the connection is cut, and the replica's answer thrown away.
            EngineClosedError: closed.
            EngineUnavailableError: the service is away, twice.
            SynthesisTimeout: no answer in the time that ``cancel`` tells is left, or in that of the constructor.
            AnyViewError: what the service answered.
        """
        if self._closed:
            raise EngineClosedError(f"the connection to {self._url} has been closed; make another")
        timeout_s = self._time_left_s(cancel)
        body = encode_request(request, timeout_s=timeout_s, quality=self._quality)
        if len(body) > self._max_request_bytes:
            raise InvalidRequestError(
                f"the request weighs {len(body)} bytes and {self._url} takes {self._max_request_bytes}; send fewer or "
                "smaller pictures"
            )
        self._under_way = exchange = _Exchange()
        sent = self._sender.submit(self._ask_again, "POST", "/synthesize", body, timeout_s, exchange)
        while not wait([sent], _LOOK_S).done:
            if cancel is not None and cancel.is_set():
                exchange.cut()
                # Where it still connects it cannot be cut, and the next request does not wait for that.
                self._sender.shutdown(wait=False)
                self._sender = _sender()
                raise SynthesisCancelled("the request to the service was cancelled")
        result = decode_result(sent.result(), largest=answer_bytes(request.targets))
        if progress is not None:
            progress(1, 1)
        return result

    def _time_left_s(self, cancel: CancelToken | None) -> float:
        """Time limit of a request from now.

        Raises:
            SynthesisTimeout: it is up.
        """
        left_s = cancel.remaining_s() if isinstance(cancel, TimedToken) else math.inf
        if left_s <= 0:
            raise SynthesisTimeout(f"the time was up before the request was sent to {self._url}; give more")
        return left_s if math.isfinite(left_s) else self._timeout_s

    def open_stream(
        self,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        *,
        steps: int | None = None,
        seed: int = 0,
        options: Any = None,
    ) -> SynthesisStream:
        """A window of requests."""
        return WindowedStream(self, source, targets, steps=steps, seed=seed, options=options)

    def close(self) -> None:
        """Cut what is under way. Closing twice is harmless."""
        self._closed = True
        self._under_way.cut()
        self._sender.shutdown(wait=False)

    def _describe(self) -> dict[str, Any]:
        content = self._ask_again("GET", "/describe", b"", _CONNECT_S, _Exchange())
        try:
            told = json.loads(content)
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise EngineUnavailableError(
                f"{self._url} is no service of this kind; give that of `anyview serve`"
            )
        if told.get("protocol") != PROTOCOL:
            raise EngineUnavailableError(
                f"{self._url} speaks protocol {told.get('protocol')} and this is {PROTOCOL}; run one version of "
                "anyview_ros on both sides"
            )
        return told

    def _ask_again(self, method: str, path: str, body: bytes, timeout_s: float, exchange: _Exchange) -> bytes:
        with suppress(_Lost):
            return self._ask(method, path, body, timeout_s, exchange)
        try:
            return self._ask(method, path, body, timeout_s, exchange)
        except _Lost as error:
            raise EngineUnavailableError(str(error)) from error

    def _ask(self, method: str, path: str, body: bytes, timeout_s: float, exchange: _Exchange) -> bytes:
        exchange.check()
        connection = self._connection(min(timeout_s, _CONNECT_S))
        try:
            try:
                connection.connect()
            except TimeoutError as error:
                raise _Lost(f"{self._url} cannot be reached; is it running?") from error
            exchange.goes_over(connection.sock)
            connection.sock.settimeout(timeout_s)
            connection.request(
                method,
                self._parts.path.rstrip("/") + path,
                body,
                {**self._headers, "Content-Type": MESSAGE_TYPE},
            )
            answer = connection.getresponse()
            content = answer.read()
        except TimeoutError as error:
            raise SynthesisTimeout(f"{self._url} did not answer within {timeout_s:g} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise _Lost(
                f"no answer from {self._url}: {error or type(error).__name__}; is it running?"
            ) from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise _error_of(self._url, answer.status, content)
        return content

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._tls is not None:
            return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=self._tls)
        return http.client.HTTPConnection(host, port, timeout=timeout_s)


class _Exchange:
    """A request and its answer, which another thread may cut short."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._cut = False

    def goes_over(self, connected: socket.socket) -> None:
        """Begin, or begin again, over a connection.

        Raises:
            SynthesisCancelled: it has been cut.
        """
        with self._lock:
            self._socket = connected
        self.check()

    def check(self) -> None:
        """Go on only if it has not been cut.

        Raises:
            SynthesisCancelled: it has.
        """
        with self._lock:
            if self._cut:
                raise SynthesisCancelled("the request to the service was cancelled")

    def cut(self) -> None:
        """Wake up who waits for the answer; closing alone would not."""
        with self._lock:
            self._cut = True
            if self._socket is not None:
                with suppress(OSError):  # it has ended already
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _sender() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="served synthesizer")


class _Lost(SynthesisError):
    """The connection ended without an answer."""


def _has_port(url: str) -> bool:
    """Whether the port of a URL is none or one that exists."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _tls(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise InvalidInputError(f"ca_file {ca_file} cannot be used: {error}; give a PEM file") from error


def _error_of(url: str, status: int, content: bytes) -> AnyViewError:
    """The error that a service answered with, or one that tells what came instead."""
    try:
        told = json.loads(content[:_LARGEST_ANSWER_HEAD])
        kind, text = getattr(errors, told["error_type"], None), str(told["error"])
    except (ValueError, KeyError, TypeError):
        kind, text = None, content[:200].decode(errors="replace")
    if isinstance(kind, type) and issubclass(kind, AnyViewError):
        return kind(text)
    if status in (500, 502, 503):
        return _Lost(f"{url} answered {status}: {text}")
    return SynthesisError(f"{url} answered {status}: {text}")
