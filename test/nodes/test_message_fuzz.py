"""Requests with one or more fields broken at random: an answer, or an error that says what is wrong."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from clips import box_clip, sideways
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anyview_ros.errors import AnyViewError
from anyview_ros.methods.reprojection import Reprojection
from anyview_ros.synthesis import SynthesisRequest
from anyview_ros.synthesis.request import check_request

pytest.importorskip("rclpy")

NUMBERS = st.sampled_from(
    [0.0, -0.0, 1e-320, -1.0, 1e308, -1e308, float("nan"), float("inf"), float("-inf"), 0.5, 1e9, 2.0]
)
WHOLE = st.sampled_from([0, 1, 2, 3, 255, 2**16, 2**31 - 1])
TEXTS = st.sampled_from(
    ["", "x", "rgb8", "bgr8", "mono16", "32FC1", "16UC1", "yuv422", "[", "{}", '{"depth_m": -1}', '{"a": 1}',
     '{"depth_m": 1e400}', '{"depth_m": NaN}', "null", "[1]", "\x00", "ü" * 300]
)  # fmt: skip
LARGEST = 15 * 2**20


def fields(message: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything in a message that can be broken: its leaves, and its lists."""
    if hasattr(message, "get_fields_and_field_types"):
        return [
            found
            for name in message.get_fields_and_field_types()
            for found in fields(getattr(message, name), (*path, name))
        ]
    if isinstance(message, list):
        inner = [found for index, one in enumerate(message) for found in fields(one, (*path, index))]
        return [path, *inner]
    return [path]


def reach(message: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        message = message[step] if isinstance(step, int) else getattr(message, step)
    return message


def break_at(message: Any, path: tuple[Any, ...], data: st.DataObject) -> None:
    """Put something else of the right type there; what the middleware's own checks refuse is left as it is."""
    owner, name = reach(message, path[:-1]), path[-1]
    value = reach(message, path)
    if isinstance(value, list):
        changed = data.draw(st.sampled_from([[], value[:1], value + value, value[::-1]]))
    elif isinstance(value, bool):
        changed = not value
    elif isinstance(value, int):
        changed = data.draw(WHOLE)
    elif isinstance(value, float):
        changed = data.draw(NUMBERS)
    elif isinstance(value, str):
        changed = data.draw(TEXTS)
    else:  # the bytes of a picture, an array
        length = data.draw(st.sampled_from([0, 1, len(value) // 2, max(len(value) - 1, 0), len(value) + 1]))
        changed = [*value, 0][:length]
    try:
        setattr(owner, name, changed)
    except (AssertionError, OverflowError):
        return


def request_message() -> Any:
    from anyview_ros.nodes.conversions.interfaces import fill_request
    from anyview_ros.srv import SynthesizeViews

    message = SynthesizeViews.Request()
    fill_request(message, SynthesisRequest((box_clip(2),), (sideways(2),)))
    return message


MESSAGE: list[Any] = []


@pytest.mark.filterwarnings(
    "ignore::RuntimeWarning"
)  # numbers near the end of floats overflow on their way to an error
@settings(max_examples=250, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_broken_requests_are_answered_or_refused(data: st.DataObject) -> None:
    from anyview_ros.nodes.conversions.interfaces import answer_bytes, request_bytes, request_from_msg

    if not MESSAGE:
        MESSAGE.append(request_message())
    message = copy.deepcopy(MESSAGE[0])
    paths = fields(message)
    assert len(paths) > 60
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(paths))
        try:
            break_at(message, path, data)
        except IndexError:  # an earlier breakage took it away
            continue
    method = Reprojection()
    try:
        request = request_from_msg(message)
        check_request(request, method.describe())
        if max(answer_bytes(message), request_bytes(message)) > LARGEST:
            return  # which the server refuses
        result = method.synthesize(request)
    except AnyViewError as error:
        told = str(error)
    else:
        told = "answered"
        assert all(np.isfinite(view.confidence).all() for view in result.views)
    assert told
