"""A service over real sockets, by the plain host; Ray Serve carries the same service (test_ray_host)."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from child_methods import Faulty
from clips import CAMERA, box_clip, pose_at, sideways
from fake_synthesizers import FakeSynthesizer, request

from anyview_ros.errors import (
    EngineBusyError,
    EngineClosedError,
    EngineUnavailableError,
    InvalidInputError,
    InvalidRequestError,
    SynthesisCancelled,
    SynthesisTimeout,
)
from anyview_ros.methods.reprojection import Reprojection
from anyview_ros.serving.plain_host import PlainHost
from anyview_ros.serving.service import Service, ServiceLimits
from anyview_ros.serving.synthesizer import ServedSynthesizer
from anyview_ros.synthesis import SynthesisRequest, Synthesizer
from anyview_ros.synthesis.engine import Engine

TOKEN = "secret"  # noqa: S105 - of a service that lives for a test


@contextmanager
def served(
    method: Synthesizer | Callable[[], Synthesizer],
    *,
    token: str = "",
    limits: ServiceLimits | None = None,
    queue: int = 8,
    **tls: str,
) -> Iterator[str]:
    with ExitStack() as stack:
        engine = stack.enter_context(Engine(method, warm_up=False, max_queue=queue))
        host = stack.enter_context(
            PlainHost(Service(engine, token=token, limits=limits), "127.0.0.1", 0, **tls)
        )
        thread = threading.Thread(target=host.serve_forever)
        thread.start()
        stack.callback(thread.join)
        stack.callback(host.shutdown)
        yield f"{'https' if tls else 'http'}://localhost:{host.server_address[1]}"


def asked(seed: int = 0) -> SynthesisRequest:
    return SynthesisRequest((box_clip(2),), (sideways(2),), seed=seed)


def test_requests_are_decoded_one_at_a_time_so_that_connections_do_not_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    under_way, most = [0], [0]

    def decode(*_: object, **__: object) -> None:
        under_way[0] += 1
        most[0] = max(most[0], under_way[0])
        time.sleep(0.02)
        under_way[0] -= 1
        raise InvalidRequestError("nothing in it")

    monkeypatch.setattr("anyview_ros.serving.service.decode_request", decode)
    with Engine(FakeSynthesizer(), warm_up=False) as engine:
        service = Service(engine)
        answers: list[int] = []
        threads = [
            threading.Thread(target=lambda: answers.append(service.answer("POST", "/synthesize", b"").status))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert answers == [400] * 8
    assert most == [1]


def test_views_are_those_of_the_method_itself() -> None:
    with served(Reprojection()) as url:
        there = ServedSynthesizer(url)
        assert there.describe().name == "reprojection"
        assert not there.describe().streams
        result, own = there.synthesize(asked()), Reprojection().synthesize(asked())
        np.testing.assert_array_equal(result.views[0].frames, own.views[0].frames)
        assert result.provenance == own.provenance
        with there.open_stream(CAMERA, [CAMERA]) as stream:
            clip = box_clip(1)
            assert clip.depth is not None
            (view,) = stream.push(
                clip.frames[0], pose_at(), target_camera_to_world=[pose_at()], stamp_ns=5, depth=clip.depth[0]
            )
            assert view is not None
            assert view.stamps_ns.tolist() == [5]
        there.close()


def test_errors_of_the_method_come_across() -> None:
    with served(Faulty()) as url:
        there = ServedSynthesizer(url)
        with pytest.raises(InvalidRequestError, match=r"^seed is 204; give another$"):
            there.synthesize(asked(204))
        there.close()


def test_an_engine_before_a_service_serves_as_any_other() -> None:
    with served(Reprojection()) as url, Engine(lambda: ServedSynthesizer(url)) as engine:
        assert len(engine.submit(asked()).future.result(30).views) == 1
        described = engine.description()
        assert described is not None
        assert described.device == "cpu at localhost"


def test_an_engine_before_a_busy_service_starts_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    fake = FakeSynthesizer()
    with served(fake) as url:
        fake.gate.shut()
        with Engine(lambda: ServedSynthesizer(url, timeout_s=0.05)) as engine:
            assert engine.problem() == ""
            fake.gate.open()
            assert len(engine.submit(request(7), timeout_s=20.0).future.result(30).views) == 1
    assert "method 'fake' could not be warmed up" in caplog.text


def test_a_request_takes_its_own_time_limit_across() -> None:
    told: list[float] = []

    class Counting(Reprojection):
        def synthesize(self, request, *, progress=None, cancel=None):  # type: ignore[no-untyped-def]
            told.append(cancel.remaining_s())
            return super().synthesize(request)

    with (
        served(Counting()) as url,
        Engine(lambda: ServedSynthesizer(url, timeout_s=40.0), warm_up=False) as engine,
    ):
        for timeout_s in (20.0, 60.0):
            engine.submit(asked(), timeout_s=timeout_s).future.result(30)
        there = ServedSynthesizer(url, timeout_s=40.0)
        there.synthesize(asked())
        there.synthesize(asked(), cancel=threading.Event())
        there.close()
    limits = [20.0, 60.0, 40.0, 40.0]
    assert all(limit - 10.0 < left <= limit for left, limit in zip(told, limits, strict=True))


def test_a_request_whose_time_is_up_is_not_sent() -> None:
    class Late:
        def is_set(self) -> bool:
            return True

        def remaining_s(self) -> float:
            return -0.1

    fake = FakeSynthesizer()
    with served(fake) as url:
        there = ServedSynthesizer(url)
        with pytest.raises(SynthesisTimeout, match="before the request was sent"):
            there.synthesize(request(1), cancel=Late())
        there.close()
    assert fake.log == []


def test_a_time_limit_that_no_socket_can_keep_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"timeout_s is 1e\+11; .*at most 86400"):
        ServedSynthesizer("http://gpu:8000", timeout_s=1e11)


def test_only_who_has_the_token_may_ask() -> None:
    with served(Reprojection(), token=TOKEN) as url:
        with pytest.raises(InvalidInputError, match="no valid token"):
            ServedSynthesizer(url)
        with pytest.raises(InvalidInputError, match="no valid token"):
            ServedSynthesizer(url, token=TOKEN + "x")
        there = ServedSynthesizer(url, token=TOKEN)
        assert len(there.synthesize(asked()).views) == 1
        there.close()


def test_https_is_checked_by_certificate(tmp_path: Path) -> None:
    certificate, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    with served(Reprojection(), certificate=certificate, key=key) as url:
        there = ServedSynthesizer(url, ca_file=certificate)
        assert len(there.synthesize(asked()).views) == 1
        there.close()
        with pytest.raises(EngineUnavailableError, match="certificate verify failed"):
            ServedSynthesizer(url)
    with (
        pytest.raises(InvalidInputError, match="both a certificate and its key"),
        served(Reprojection(), certificate=certificate),
    ):
        pass


def test_sizes_are_limited_on_both_sides() -> None:
    limits = ServiceLimits(max_request_bytes=30_000, max_answer_bytes=10_000)
    with served(Reprojection(), limits=limits) as url:
        there = ServedSynthesizer(url)
        many = SynthesisRequest((box_clip(8),), (sideways(1),))
        with pytest.raises(InvalidRequestError, match=r"and http.* takes 30000"):
            there.synthesize(many)
        with pytest.raises(InvalidRequestError, match="would weigh 49152 bytes and may 10000"):
            there.synthesize(SynthesisRequest((box_clip(1, depth=False),), (sideways(2),)))
        there.close()
        assert raw(url, "POST", "/synthesize", b"x" * 30_001)[0] == 413
        assert raw(url, "POST", "/synthesize", b"x" * 30_000)[0] == 400


def raw(url: str, method: str, path: str, body: bytes = b"") -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    connection.request(method, path, body)
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    return answer.status, told


def test_health_and_unknown_paths() -> None:
    with served(Reprojection()) as url:
        assert raw(url, "GET", "/health") == (200, {"problem": ""})
        assert raw(url, "GET", "/../etc/passwd")[0] == 404
        assert raw(url, "POST", "/describe")[0] == 404


def test_a_full_queue_a_time_limit_and_a_cancellation_are_told() -> None:
    fake = FakeSynthesizer()
    with served(fake, queue=1, limits=ServiceLimits(max_timeout_s=60.0)) as url:
        fake.gate.shut()
        first, second = ServedSynthesizer(url), ServedSynthesizer(url)
        cancel = threading.Event()
        ended: list[BaseException] = []

        def ask(one: ServedSynthesizer) -> None:
            while True:
                try:
                    one.synthesize(request(1), cancel=cancel)
                except EngineBusyError:  # the third has come before the second, and will go
                    time.sleep(0.05)
                except SynthesisCancelled as error:
                    ended.append(error)
                    return

        threads = [threading.Thread(target=ask, args=(one,)) for one in (first, second)]
        threads[0].start()
        fake.gate.wait_for_visitors(1)
        threads[1].start()
        third = ServedSynthesizer(url, timeout_s=0.5)
        with pytest.raises((EngineBusyError, SynthesisTimeout)):  # as the second request waits, or not yet
            third.synthesize(request(2))
        cancel.set()
        for thread in threads:
            thread.join(20)
        assert len(ended) == 2
        fake.gate.open()
        for one in (first, second, third):
            one.close()


def test_nobody_there_and_no_url() -> None:
    with served(Reprojection()) as url:
        pass
    with pytest.raises(EngineUnavailableError, match="is it running"):
        ServedSynthesizer(url)
    with pytest.raises(InvalidInputError, match="url is 'gpu:8000'; give one such as"):
        ServedSynthesizer("gpu:8000")
    with pytest.raises(InvalidInputError, match="url is 'http://gpu:99999'"):
        ServedSynthesizer("http://gpu:99999")
    with pytest.raises(InvalidInputError, match=r"ca_file nowhere\.pem cannot be used"):
        ServedSynthesizer("https://gpu:8000", ca_file="nowhere.pem")
    with pytest.raises(InvalidInputError, match="token is not what HTTP can carry"):
        ServedSynthesizer("http://gpu:8000", token="a\nb")  # noqa: S106 - no secret
    nothing: Any = None
    with pytest.raises(InvalidInputError, match="or '' for none"):
        ServedSynthesizer("http://gpu:8000", token=nothing)


def test_where_nobody_can_listen_is_told() -> None:
    with served(Reprojection()) as url, Engine(Reprojection(), warm_up=False) as engine:
        with pytest.raises(InvalidInputError, match=r"cannot listen at 127\.0\.0\.1, port"):
            PlainHost(Service(engine), "127.0.0.1", int(url.rpartition(":")[2]))
        with pytest.raises(InvalidInputError, match="token is not what HTTP can carry"):
            Service(engine, token="schlüssel")  # noqa: S106 - no secret


def test_a_cancelled_request_is_neither_waited_for_nor_sent_again() -> None:
    fake = FakeSynthesizer()
    with served(fake) as url:
        fake.gate.shut()
        there, cancel = ServedSynthesizer(url), threading.Event()
        threading.Thread(target=lambda: fake.gate.wait_for_visitors(1) or cancel.set()).start()
        with pytest.raises(SynthesisCancelled):
            there.synthesize(request(1), cancel=cancel)
        there._sender.submit(int).result(10)  # it is free, though the service still works
        fake.gate.open()
        there.synthesize(request(2))
        assert fake.log == [("request", 1), ("request", 2)]
        there.close()
        with pytest.raises(EngineClosedError, match="has been closed"):
            there.synthesize(request(3))


def test_nothing_waits_behind_a_cancelled_request_that_still_connects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = FakeSynthesizer()
    with served(fake) as url:
        there = ServedSynthesizer(url)
        connecting, silent, cancel = threading.Event(), threading.Event(), threading.Event()
        connect, limits = http.client.HTTPConnection.connect, []

        def connect_slowly(connection: http.client.HTTPConnection) -> None:
            limits.append(connection.timeout)
            if connecting.is_set():
                connect(connection)
            else:
                connecting.set()
                assert silent.wait(20)
                raise TimeoutError("timed out")

        monkeypatch.setattr(http.client.HTTPConnection, "connect", connect_slowly)
        threading.Thread(target=lambda: cancel.set() if connecting.wait(20) else None).start()
        with pytest.raises(SynthesisCancelled):
            there.synthesize(request(1), cancel=cancel)
        there.synthesize(request(2))  # while the first still connects
        silent.set()
        there.close()
    assert fake.log == [("request", 2)]
    assert limits == [10.0, 10.0]  # of connecting, whatever the requests' own; and no third


def answers(url: str, sent: bytes) -> bytes:
    """Everything that comes back until the other side closes."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_a_body_is_never_taken_for_another_request() -> None:
    inner = b"GET /describe HTTP/1.1\r\n\r\n"
    length = b"Content-Length: %d\r\n" % len(inner)
    with served(Reprojection()) as url:
        told = answers(url, b"GET /health HTTP/1.1\r\n" + length + b"\r\n" + inner)
        assert told.count(b"HTTP/1.1 ") == 1
        assert told.startswith(b"HTTP/1.1 200")
        for head in (
            b"GET /health HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"POST /synthesize HTTP/1.1\r\nContent-Length: 0\r\n" + length + b"\r\n",
            b"POST /synthesize HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
        ):
            told = answers(url, head + inner)
            assert told.count(b"HTTP/1.1 ") == 1
            assert told.startswith(b"HTTP/1.1 411")


def test_who_sends_bytes_one_by_one_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anyview_ros.serving.plain_host._SLOWEST_S", 0.5)
    with served(Reprojection()) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            assert closed_while_sending(connection)


def closed_while_sending(connection: socket.socket) -> bool:
    """Send a byte every tenth of a second until the other side closes."""
    for _ in range(200):
        try:
            connection.sendall(b"G")
        except OSError:
            return True
        time.sleep(0.1)
    return False


def test_another_protocol_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anyview_ros.serving.service.PROTOCOL", 99)
    with (
        served(Reprojection()) as url,
        pytest.raises(EngineUnavailableError, match="speaks protocol 99 and this is 1"),
    ):
        ServedSynthesizer(url)


def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PlainHost, "most_connections", 2)
    with served(Reprojection()) as url:
        host = url.removeprefix("http://")
        held = [http.client.HTTPConnection(host, timeout=20) for _ in range(2)]
        for connection in held:
            connection.connect()
            connection.request("GET", "/health")
            connection.getresponse().read()  # answered, and kept open
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            raw(url, "GET", "/health")
        for connection in held:
            connection.close()
