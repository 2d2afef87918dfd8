from __future__ import annotations

import numpy as np
import pytest
from fake_synthesizers import CAMERA, STEPS, FakeSynthesizer, stream_frame

from anyview_ros.errors import (
    ClipNotReadyError,
    EngineClosedError,
    InvalidPoseError,
    InvalidRequestError,
    SynthesisCancelled,
)
from anyview_ros.synthesis.windowed_stream import WindowedStream

POSE = np.eye(4)
SECOND = 1_000_000_000


class Watched(FakeSynthesizer):
    """A fake that keeps the requests it got."""

    def __init__(self, **settings):
        super().__init__(streams=False, **settings)
        self.requests = []

    def synthesize(self, request, **arguments):
        self.requests.append(request)
        return super().synthesize(request, **arguments)


def push(stream, stamp_ns, *poses):
    frame = stream_frame(stamp_ns).frame
    return stream.push(frame, POSE, target_camera_to_world=poses or (POSE,), stamp_ns=stamp_ns)


def stamps(method):
    return [request.sources[0].stamps_ns.tolist() for request in method.requests]


def test_window_grows_to_what_the_method_takes():
    method = Watched(clip_frames=(2, 3))
    stream = WindowedStream(method, CAMERA, (CAMERA,))
    with pytest.raises(ClipNotReadyError, match="1 of 2 frames; 1 more needed"):
        push(stream, 1)
    for stamp in (2, 3, 4):
        (view,) = push(stream, stamp)
        assert view.stamps_ns.tolist() == [stamp]
        assert int(view.frames[0, 0, 0, 0]) == stamp
    assert stamps(method) == [[1, 2], [1, 2, 3], [2, 3, 4]]


@pytest.mark.parametrize(("takes", "held"), [((1, 100), 1), ((2, 100), 16), ((20, 100), 20), ((3, 3), 3)])
def test_window_length_follows_the_method(takes, held):
    method = Watched(clip_frames=takes)
    stream = WindowedStream(method, CAMERA, (CAMERA,))
    for stamp in range(1, takes[0]):
        with pytest.raises(ClipNotReadyError):
            push(stream, stamp)
    for stamp in range(takes[0], 41):
        push(stream, stamp)
    assert len(stamps(method)[-1]) == held
    assert len(stamps(method)[0]) == takes[0]


def test_frames_before_a_gap_are_not_used():
    method = Watched(clip_frames=(2, 4))
    stream = WindowedStream(method, CAMERA, (CAMERA,))
    for stamp in (1, 2):
        try:
            push(stream, stamp)
        except ClipNotReadyError:
            assert stamp == 1
    with pytest.raises(ClipNotReadyError, match=r"1 of 2 frames since a gap of 1\.50 s"):
        push(stream, 2 + 3 * SECOND // 2)
    push(stream, 2 + 5 * SECOND // 2)
    assert stamps(method)[-1] == [2 + 3 * SECOND // 2, 2 + 5 * SECOND // 2]


def test_skipped_targets_cost_nothing_and_keep_their_place():
    method = Watched()
    stream = WindowedStream(method, CAMERA, (CAMERA, CAMERA, CAMERA), seed=3, steps=2)
    assert push(stream, 1, None, None, None) == (None, None, None)
    assert method.requests == []
    moved = POSE.copy()
    moved[0, 3] = 2.0
    views = push(stream, 2, None, moved, None)
    assert views[0] is None
    assert views[2] is None
    np.testing.assert_array_equal(views[1].camera_to_world[0], moved)
    assert (method.requests[0].seed, method.requests[0].steps) == (3, 2)
    assert len(method.requests[0].targets) == 1


def test_provenance_is_told_before_and_after():
    stream = WindowedStream(Watched(), CAMERA, (CAMERA,), seed=3, steps=2)
    before = stream.provenance
    push(stream, 1)
    assert (before.steps, stream.provenance.steps) == (
        2,
        STEPS,
    )  # the fake always does its own number of steps
    assert (before.method, before.weights_hash, before.seed) == ("fake", "f" * 64, 3)


def test_refuses_pushes_that_do_not_fit():
    stream = WindowedStream(Watched(), CAMERA, (CAMERA,))
    with pytest.raises(InvalidRequestError, match="2 poses but the stream has 1 targets"):
        push(stream, 1, POSE, POSE)
    with pytest.raises(InvalidRequestError, match="stamp_ns is 0 but must be above 0"):
        push(stream, 0)
    push(stream, 5)
    with pytest.raises(InvalidRequestError, match="stamp_ns is 5 but must be above 5"):
        push(stream, 5)
    with pytest.raises(InvalidPoseError, match=r"target_camera_to_world\[0\]"):
        push(stream, 6, POSE * 2)
    push(stream, 6)


def test_refuses_settings_that_do_not_fit():
    with pytest.raises(InvalidRequestError, match="targets is empty"):
        WindowedStream(Watched(), CAMERA, ())
    method = Watched()
    two = type(method.describe())(name="two", summary="", generative=False, source_count=(2, 2))
    method.describe = lambda: two
    with pytest.raises(InvalidRequestError, match="'two' needs 2 sources but a stream has one"):
        WindowedStream(method, CAMERA, (CAMERA,))


def test_cancel_token_reaches_the_method():
    token = type("Set", (), {"is_set": lambda self: True})()
    stream = WindowedStream(Watched(), CAMERA, (CAMERA,), cancel=token)
    with pytest.raises(SynthesisCancelled):
        push(stream, 1)


def test_closed_stream_refuses_but_leaves_the_method_open():
    method = Watched()
    with WindowedStream(method, CAMERA, (CAMERA,)) as stream:
        push(stream, 1)
    stream.close()
    with pytest.raises(EngineClosedError):
        push(stream, 2)
    assert not method.closed.is_set()


def test_steps_are_cut_to_keep_the_rate_and_the_provenance_says_how_many(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("anyview_ros.synthesis.windowed_stream.time.monotonic", lambda: clock[0])

    class Slow(Watched):
        def synthesize(self, request, **arguments):
            clock[0] += 0.1 * (request.steps or STEPS)
            return super().synthesize(request, **arguments)

    def asked(**settings):
        method = Slow(clip_frames=(1, 1))
        stream = WindowedStream(method, CAMERA, (CAMERA,), **settings)
        for stamp in range(1, 4):
            push(stream, stamp)
        return [request.steps for request in method.requests]

    assert asked(rate_hz=4.0) == [STEPS, 2, 2]
    assert asked(rate_hz=0.1) == [STEPS, STEPS, STEPS]
    assert asked(rate_hz=4.0, steps=3) == [3, 3, 3]
    assert asked() == [None, None, None]
