"""Requests through the messages of the service and the action, and what a request may not be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("anyview_ros.msg", reason="needs the built interfaces: run through tools/with_ros")

from asking import small_camera, small_request

from anyview_ros.errors import InvalidClipError, InvalidInputError, InvalidRequestError
from anyview_ros.geometry import CameraTrajectory, static
from anyview_ros.nodes.conversions.interfaces import (
    answer_bytes,
    fill_request,
    request_bytes,
    request_from_msg,
)
from anyview_ros.synthesis import SynthesisRequest

KINDS = ("service", "action")


def empty(kind: str) -> Any:
    from anyview_ros.action import SynthesizeClip
    from anyview_ros.srv import SynthesizeViews

    return SynthesizeViews.Request() if kind == "service" else SynthesizeClip.Goal()


def sent(request: SynthesisRequest, kind: str = "service") -> Any:
    message = empty(kind)
    fill_request(message, request)
    for source in message.sources:
        for frame in source.frames:
            frame.image.header.frame_id = "map"  # as other programs may say
    return message


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("depth_m", [None, 2.5])
def test_round_trip(kind: str, depth_m: float | None) -> None:
    request = small_request(3, seed=2**63, depth_m=depth_m, steps=7, options={"scale": 1.5})
    got = request_from_msg(sent(request, kind))
    before, after = request.sources[0], got.sources[0]
    assert after.camera == before.camera
    np.testing.assert_array_equal(after.frames, before.frames)
    np.testing.assert_array_equal(after.camera_to_world, before.camera_to_world)
    np.testing.assert_array_equal(after.stamps_ns, before.stamps_ns)
    if before.depth is None:
        assert after.depth is None
    else:
        np.testing.assert_array_equal(after.depth, before.depth)
    assert (got.steps, got.seed, got.options) == (7, 2**63, {"scale": 1.5})
    assert got.targets[0].stamps_ns is None
    assert got.targets[0].camera == request.targets[0].camera


def test_steps_and_options_may_be_left_open() -> None:
    got = request_from_msg(sent(small_request()))
    assert (got.steps, got.options) == (None, None)


def test_stamps_of_targets_survive() -> None:
    source = small_request().sources
    target = CameraTrajectory(small_camera(), np.tile(np.eye(4), (2, 1, 1)), np.array([5, 5]))
    got = request_from_msg(sent(SynthesisRequest(source, (target,))))
    assert got.targets[0].stamps_ns is not None
    assert got.targets[0].stamps_ns.tolist() == [5, 5]


def test_weights() -> None:
    camera = small_camera()
    request = SynthesisRequest(
        small_request(3, depth_m=1.0).sources, (static(camera, np.eye(4), 2), static(camera, np.eye(4), 1))
    )
    pixels = camera.width * camera.height
    assert request_bytes(sent(request)) == 3 * pixels * (3 + 4)
    assert answer_bytes(sent(request)) == 3 * pixels * (3 + 1 + 4)


def break_it(message: Any, how: str) -> None:
    frame = message.sources[0].frames[1]
    if how == "no sources":
        message.sources = []
    elif how == "no frames":
        message.sources[0].frames = []
    elif how == "no targets":
        message.targets = []
    elif how == "no poses":
        message.targets[0].camera_to_world = []
    elif how == "half the depth":
        frame.depth.height = 0
    elif how == "other size":
        message.sources[0].intrinsics.width += 1
    elif how == "equal stamps":
        frame.image.header.stamp = message.sources[0].frames[0].image.header.stamp
    elif how == "two worlds":
        frame.image.header.frame_id = "odom"
    elif how == "no camera":
        message.targets[0].intrinsics.fx = 0.0
    elif how == "short data":
        frame.image.data = frame.image.data[:-1]


@pytest.mark.parametrize(
    ("how", "kind", "words"),
    [
        ("no sources", InvalidRequestError, "sources is empty"),
        ("no frames", InvalidClipError, r"sources\[0\] has no frames"),
        ("no targets", InvalidRequestError, "targets is empty"),
        ("no poses", InvalidRequestError, r"targets\[0\] \('0'\) has no poses"),
        ("half the depth", InvalidClipError, r"2 of 3 frames of sources\[0\] have depth"),
        ("other size", InvalidClipError, r"image of sources\[0\].frames\[0\] is 48x32 .* 49x32"),
        ("equal stamps", InvalidClipError, r"sources\[0\]: stamps_ns must increase"),
        ("two worlds", InvalidInputError, "'map', 'odom'; give all poses in one fixed frame"),
        ("no camera", InvalidInputError, r"intrinsics of targets\[0\] \('0'\): fx is 0.0"),
        ("short data", InvalidInputError, "bytes of data"),
    ],
)
def test_what_a_request_may_not_be(how: str, kind: type[Exception], words: str) -> None:
    message = sent(small_request(3, depth_m=1.0))
    break_it(message, how)
    with pytest.raises(kind, match=words):
        request_from_msg(message)
