"""One replica in this process, over HTTP or HTTPS: for one machine, and for tests of what Ray Serve carries as well."""

from __future__ import annotations

import io
import logging
import math
import socket
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from anyview_ros.errors import InvalidInputError
from anyview_ros.serving.service import Answer, Service, body_length

_SLOWEST_S = 30.0
"""In which the head of a request must have come, from its connection or from the answer before on."""

_SLOWEST_BYTES_PER_S = 2**18
"""Of bodies, both ways, on top of that."""

_log = logging.getLogger(__name__)


class PlainHost(ThreadingHTTPServer):
    """Serves until ``shutdown``.

    Connections are bounded, and one that is slow, or says nothing, is closed: a head must come within half a minute, a
    body at 256 KiB/s beyond that.

    Args:
        service: what answers.
        host, port: where; port 0 takes a free one, told by ``server_address``.
        certificate, key: PEM files for HTTPS; "" for HTTP.

    Raises:
        InvalidInputError: certificate or key alone, or files that are none; a place where nobody can listen.
    """

    daemon_threads = True
    most_connections = 64

    def __init__(
        self, service: Service, host: str, port: int, *, certificate: str = "", key: str = ""
    ) -> None:
        """Listen; :meth:`serve_forever` answers."""
        if bool(certificate) != bool(key):
            raise InvalidInputError("HTTPS needs both a certificate and its key; give both, or none")
        self.service = service
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._free = threading.BoundedSemaphore(self.most_connections)
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise InvalidInputError(
                f"cannot listen at {host}, port {port}: {error}; give another address or port"
            ) from error
        if certificate:
            try:
                tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                tls.load_cert_chain(certificate, key)
            except (OSError, ssl.SSLError) as error:
                self.server_close()
                raise InvalidInputError(
                    f"certificate {certificate} with key {key} cannot be used: {error}"
                ) from error
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own; one connection too many is closed at once."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread could be started
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, then let another connection in."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what ended a connection; one that was lost is nothing to report."""
        lost = isinstance(sys.exception(), OSError)
        _log.log(logging.DEBUG if lost else logging.ERROR, "connection of %s", client_address, exc_info=True)


class _TimedReader(io.RawIOBase):
    """What a connection sends, which must have come by a moment however little comes at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._until_s = math.inf

    def expect_within(self, seconds: float) -> None:
        self._until_s = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the request did not come in time")
        self._connection.settimeout(left_s)
        return self._connection.recv_into(buffer)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: PlainHost

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self._reader = _TimedReader(self.connection)
        self.rfile = io.BufferedReader(self._reader)

    def handle_one_request(self) -> None:
        self._reader.expect_within(_SLOWEST_S)
        super().handle_one_request()

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        headers = {
            name.lower(): ",".join(self.headers.get_all(name, []))
            for name in dict.fromkeys(self.headers.keys())
        }
        refusal = self.server.service.refusal(self.command, headers)
        if refusal is not None:
            self.close_connection = True  # the body is not read
            self._send(refusal)
            return
        length = body_length(self.command, headers) or 0
        self._reader.expect_within(_longest_s(length))
        body = self.rfile.read(length)
        self._send(self.server.service.answer(self.command, self.path.partition("?")[0], body))

    def _send(self, answer: Answer) -> None:
        self.connection.settimeout(_longest_s(len(answer.body)))
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class has
        """Say nothing; the engine's statistics tell more."""


def _longest_s(length: int) -> float:
    return _SLOWEST_S + length / _SLOWEST_BYTES_PER_S
