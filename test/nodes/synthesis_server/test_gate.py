"""The limits that every request to the server passes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("anyview_ros.msg", reason="needs the built interfaces: run through tools/with_ros")

from anyview_ros.errors import InvalidRequestError
from anyview_ros.msg import PinholeIntrinsics, TargetCamera
from anyview_ros.nodes.synthesis_server import parameters
from anyview_ros.nodes.synthesis_server.gate import Gate
from anyview_ros.srv import OpenStream


def gate(**settings: Any) -> Gate:
    limits: Any = SimpleNamespace(
        **{"default_timeout_s": 30.0, "max_stream_bytes": 1000, "publish_depth": True} | settings
    )
    return Gate(limits, "not active")


def test_time_limits_that_are_asked_for() -> None:
    assert gate().timeout_s(0.0) == 30.0
    assert gate().timeout_s(7.5) == 7.5
    assert gate().timeout_s(86_400.0) == 86_400.0


@pytest.mark.parametrize("asked_s", [-1.0, float("nan"), float("inf"), 86_401.0, 1e11])
def test_time_limits_that_no_clock_should_keep(asked_s: float) -> None:
    with pytest.raises(
        InvalidRequestError, match=r"timeout_s is .*at most 86400 \(a day\), or 0 for the server"
    ):
        gate().timeout_s(asked_s)


def stream(source: tuple[int, int], *targets: tuple[int, int], depth: bool = False) -> OpenStream.Request:
    return OpenStream.Request(
        source=PinholeIntrinsics(width=source[0], height=source[1]),
        source_has_depth=depth,
        targets=[
            TargetCamera(name=str(number), intrinsics=PinholeIntrinsics(width=width, height=height))
            for number, (width, height) in enumerate(targets)
        ],
    )


def test_streams_are_weighed_when_they_are_opened() -> None:
    gate().check_stream_size(stream((10, 10), (10, 10), depth=True))
    with pytest.raises(
        InvalidRequestError, match=r"^the frame of this stream weighs 1050 bytes but .* takes 1000"
    ):
        gate().check_stream_size(stream((15, 10), (10, 10), depth=True))
    gate().check_stream_size(stream((15, 10), (10, 10)))
    with pytest.raises(InvalidRequestError, match="answer to a frame of this stream weighs 1600 bytes"):
        gate().check_stream_size(stream((10, 10), (10, 10), (10, 10)))
    with pytest.raises(InvalidRequestError, match="raise the server's max_stream_bytes"):
        gate().check_stream_size(stream((10, 10), (4_000_000_000, 4_000_000_000)))


def test_depth_that_is_not_published_weighs_nothing() -> None:
    gate(publish_depth=False).check_stream_size(stream((10, 10), (10, 10), (10, 10)))


def test_full_hd_streams_are_taken_by_default() -> None:
    (limit,) = (each.default for each in parameters._TABLE if each.name == "max_stream_bytes")
    gate(max_stream_bytes=limit).check_stream_size(stream((1920, 1080), *[(1920, 1080)] * 4, depth=True))
