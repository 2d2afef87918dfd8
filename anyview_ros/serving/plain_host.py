"""One replica in this process, over HTTP or HTTPS: for one machine, and for tests of what Ray Serve carries as well."""

from __future__ import annotations

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from anyview_ros.errors import InvalidInputError
from anyview_ros.serving.service import Answer, Service

_SLOWEST_READ_S = 30.0


class PlainHost(ThreadingHTTPServer):
    """Serves until ``shutdown``.

    Args:
        service: what answers.
        host, port: where; port 0 takes a free one, told by ``server_address``.
        certificate, key: PEM files for HTTPS; "" for HTTP.

    Raises:
        InvalidInputError: certificate or key alone, or files that are none.
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
        self._free = threading.BoundedSemaphore(self.most_connections)
        super().__init__((host, port), _Handler)
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
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, then let another connection in."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _SLOWEST_READ_S
    server: PlainHost

    def do_GET(self) -> None:
        self._serve("GET", 0)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        self._serve("POST", int(length) if length.isdecimal() else None)

    def _serve(self, method: str, length: int | None) -> None:
        service = self.server.service
        refusal = service.refusal({name.lower(): value for name, value in self.headers.items()}, length)
        if refusal is not None:
            self.close_connection = True  # the body is not read
            self._send(refusal)
            return
        self._send(service.answer(method, self.path.partition("?")[0], self.rfile.read(length or 0)))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class has
        """Say nothing; the engine's statistics tell more."""
