"""Two replicas on Ray Serve, one of them killed under load. Needs Ray, which takes a gigabyte: skipped without it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from clips import box_clip, sideways

from anyview_ros.errors import AnyViewError, EngineUnavailableError, InvalidInputError
from anyview_ros.methods.reprojection import Reprojection
from anyview_ros.serving.ray_host import RaySettings
from anyview_ros.serving.synthesizer import ServedSynthesizer
from anyview_ros.synthesis import SynthesisRequest

PATIENCE_S = 180.0


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="replicas are 2 to 1"):
        RaySettings(least=2, most=1)
    with pytest.raises(InvalidInputError, match="both a certificate and its key"):
        RaySettings(key="key.pem")
    for name in ("queue", "batch"):
        with pytest.raises(InvalidInputError, match=f"{name} is 0; give 1 or more"):
            RaySettings(**{name: 0})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def service(tmp_path: Path) -> Iterator[str]:
    pytest.importorskip("ray.serve", reason="Ray Serve is not installed: pip install 'anyview_ros[serve]'")
    token, port = tmp_path / "token", free_port()
    token.write_text("secret")
    command = [sys.executable, "-m", "anyview_ros.cli.main", "serve", "--method", "reprojection", "--replicas", "2",
               "--port", str(port), "--token-file", str(token)]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert "serving at" in process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(60) == 0
        finally:
            process.kill()


def replicas() -> set[int]:
    """Processes of Ray that hold a replica."""
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                title = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if title.startswith(b"ray::ServeReplica:anyview"):
                found.add(int(entry.name))
    return found


@pytest.mark.timeout(400)
def test_two_replicas_serve_and_a_killed_one_is_replaced(service: str) -> None:
    request = SynthesisRequest((box_clip(2),), (sideways(2),))
    expected = Reprojection().synthesize(request).views[0].frames
    with pytest.raises(InvalidInputError, match="no valid token"):
        ServedSynthesizer(service)
    clients = [ServedSynthesizer(service, token="secret", timeout_s=60) for _ in range(4)]  # noqa: S106 - of this test
    before = replicas()
    assert len(before) == 2

    def ask(client: ServedSynthesizer) -> tuple[int, int]:
        served = lost = 0
        until = time.monotonic() + 12
        while time.monotonic() < until:
            try:
                np.testing.assert_array_equal(client.synthesize(request).views[0].frames, expected)
                served += 1
            except EngineUnavailableError:
                lost += 1
        return served, lost

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask, client) for client in clients]
        time.sleep(3)
        os.kill(min(before), signal.SIGKILL)
        counts = [one.result() for one in asking]
    assert all(served > 5 for served, _ in counts), counts
    assert sum(lost for _, lost in counts) <= 4, counts  # at most what each client had under way
    deadline = time.monotonic() + PATIENCE_S
    while len(replicas()) != 2:
        assert time.monotonic() < deadline, "the dead replica was not replaced"
        time.sleep(0.5)
    assert replicas() != before
    for client in clients:
        assert len(client.synthesize(request).views) == 1
        client.close()


def test_without_ray_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from anyview_ros.serving.ray_host import start

    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(AnyViewError, match=r"pip install 'anyview_ros\[serve\]'"):
        start(RaySettings())
