"""What every framewise method does alike, shown on both of them."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from clips import CAMERA, box_clip, pose_at, sideways

from anyview_ros.errors import (
    EngineClosedError,
    InvalidClipError,
    InvalidInputError,
    InvalidPoseError,
    InvalidRequestError,
    SynthesisCancelled,
)
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.synthesis import Provenance, SynthesisRequest, Synthesizer, load_synthesizer

NAMES = ("copy_source", "reprojection")


@pytest.fixture(params=NAMES)
def method(request: pytest.FixtureRequest) -> Synthesizer:
    return load_synthesizer(request.param, device="cpu")


def same(a: np.ndarray, b: np.ndarray) -> None:
    assert a.dtype == b.dtype
    np.testing.assert_array_equal(a, b)


def test_it_is_a_synthesizer_and_says_who_it_is(method: Synthesizer) -> None:
    assert isinstance(method, Synthesizer)
    description = method.describe()
    assert description.name in NAMES
    assert description.streams
    assert not description.generative
    assert description.source_count == (1, 8)


@pytest.mark.parametrize("name", NAMES)
def test_it_takes_no_weights_and_no_scene(name: str) -> None:
    with pytest.raises(InvalidInputError, match="takes no weights"):
        load_synthesizer(name, weights="file")
    with pytest.raises(InvalidInputError, match="takes no scene"):
        load_synthesizer(name, scene="file")


def test_views_come_in_the_order_of_the_targets_and_in_their_size(method: Synthesizer) -> None:
    small = PinholeCamera(30.0, 30.0, 15.5, 11.5, 32, 24)
    targets = (sideways(), CameraTrajectory(small, np.stack([pose_at()] * 2), np.array([100, 300])))
    result = method.synthesize(SynthesisRequest((box_clip(),), targets, seed=7))
    first, second = result.views
    assert first.frames.shape == (3, 48, 64, 3)
    assert second.frames.shape == (2, 24, 32, 3)
    assert second.frames.dtype == np.uint8
    assert second.confidence.shape == (2, 24, 32)
    assert second.confidence.dtype == np.float32
    assert second.camera == small
    same(first.stamps_ns, np.array([100, 200, 300]))
    same(second.stamps_ns, np.array([100, 300]))
    same(first.camera_to_world, targets[0].camera_to_world)
    assert result.provenance == Provenance(method.describe().name, seed=7)


def test_each_instant_shows_the_nearest_source_frame(method: Synthesizer) -> None:
    target = sideways(6, x=0.0, stamps_ns=[0, 149, 150, 151, 260, 900])
    frames = method.synthesize(SynthesisRequest((box_clip(),), (target,))).views[0].frames
    brightness = frames.reshape(6, -1).mean(axis=1)
    assert (brightness // 60).astype(int).tolist() == [0, 0, 0, 1, 2, 2]


def test_time_may_stand_still_while_the_camera_moves(method: Synthesizer) -> None:
    target = sideways(4, stamps_ns=[200, 200, 200, 200])
    frames = method.synthesize(SynthesisRequest((box_clip(),), (target,))).views[0].frames
    same(frames, np.repeat(frames[:1], 4, axis=0))


def test_poses_without_stamps_must_be_one_per_frame(method: Synthesizer) -> None:
    with pytest.raises(InvalidRequestError, match=r"targets\[1\] has 2 poses .* source has 3 frames"):
        method.synthesize(SynthesisRequest((box_clip(),), (sideways(3), sideways(2))))


def test_progress_counts_the_pictures_of_all_targets(method: Synthesizer) -> None:
    steps: list[tuple[int, int]] = []
    request = SynthesisRequest((box_clip(),), (sideways(), sideways(2, stamps_ns=[100, 100])))
    method.synthesize(request, progress=lambda step, total: steps.append((step, total)))
    assert steps == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_it_stops_between_pictures_when_cancelled(method: Synthesizer) -> None:
    cancel = threading.Event()
    steps: list[int] = []

    def progress(step: int, total: int) -> None:
        steps.append(step)
        if step == 2:
            cancel.set()

    with pytest.raises(SynthesisCancelled, match=method.describe().name):
        method.synthesize(SynthesisRequest((box_clip(),), (sideways(),)), progress=progress, cancel=cancel)
    assert steps == [1, 2]
    with pytest.raises(SynthesisCancelled):
        method.synthesize(SynthesisRequest((box_clip(),), (sideways(),)), cancel=cancel)


def test_the_same_request_gives_the_same_pixels(method: Synthesizer) -> None:
    request = SynthesisRequest((box_clip(), box_clip(x=0.2)), (sideways(),))
    one, other = method.synthesize(request).views[0], method.synthesize(request).views[0]
    same(one.frames, other.frames)
    same(one.confidence, other.confidence)


def test_steps_and_unknown_options_are_refused(method: Synthesizer) -> None:
    with pytest.raises(InvalidRequestError, match="does not sample in steps"):
        method.synthesize(SynthesisRequest((box_clip(),), (sideways(),), steps=5))
    with pytest.raises(InvalidRequestError, match="option"):
        method.synthesize(SynthesisRequest((box_clip(),), (sideways(),), options={"colour": 1}))
    with pytest.raises(InvalidRequestError, match="number of sources is 9"):
        method.synthesize(SynthesisRequest((box_clip(),) * 9, (sideways(),)))


def test_a_stream_gives_what_a_request_gives(method: Synthesizer) -> None:
    clip = box_clip()
    targets = (sideways(x=0.4), sideways(x=-0.3))
    whole = method.synthesize(SynthesisRequest((clip,), targets, seed=3))
    assert clip.depth is not None
    with method.open_stream(clip.camera, (CAMERA, CAMERA), seed=3) as stream:
        assert stream.provenance == whole.provenance
        for t in range(3):
            views = stream.push(
                clip.frames[t],
                clip.camera_to_world[t],
                target_camera_to_world=[target.camera_to_world[t] for target in targets],
                stamp_ns=int(clip.stamps_ns[t]),
                depth=clip.depth[t],
            )
            for view, expected in zip(views, whole.views, strict=True):
                assert view is not None
                same(view.frames, expected.frames[t : t + 1])
                same(view.confidence, expected.confidence[t : t + 1])
                same(view.stamps_ns, expected.stamps_ns[t : t + 1])
                assert (view.depth is None) == (expected.depth is None)
                if view.depth is not None and expected.depth is not None:
                    same(view.depth, expected.depth[t : t + 1])


def test_a_target_without_pose_is_skipped(method: Synthesizer) -> None:
    clip = box_clip()
    assert clip.depth is not None
    with method.open_stream(clip.camera, (CAMERA, CAMERA)) as stream:
        given = {"stamp_ns": 1, "depth": clip.depth[0]}
        views = stream.push(clip.frames[0], pose_at(), target_camera_to_world=[None, pose_at()], **given)
        assert views[0] is None
        assert views[1] is not None
        given["stamp_ns"] = 2
        assert stream.push(clip.frames[0], pose_at(), target_camera_to_world=[None, None], **given) == (
            None,
            None,
        )


def test_what_a_stream_refuses(method: Synthesizer) -> None:
    clip = box_clip()
    assert clip.depth is not None
    frame, depth = clip.frames[0], clip.depth[0]
    with method.open_stream(clip.camera, (CAMERA,)) as stream:
        push = stream.push
        push(frame, pose_at(), target_camera_to_world=[pose_at()], stamp_ns=10, depth=depth)
        with pytest.raises(InvalidRequestError, match="stamp_ns is 10"):
            push(frame, pose_at(), target_camera_to_world=[pose_at()], stamp_ns=10, depth=depth)
        with pytest.raises(InvalidRequestError, match="has 2 poses"):
            push(frame, pose_at(), target_camera_to_world=[pose_at()] * 2, stamp_ns=11, depth=depth)
        with pytest.raises(InvalidClipError, match="camera is 64x48"):
            push(frame[:40], pose_at(), target_camera_to_world=[pose_at()], stamp_ns=11, depth=depth)
        with pytest.raises(InvalidPoseError, match=r"target_camera_to_world\[0\]"):
            push(frame, pose_at(), target_camera_to_world=[pose_at() * 2], stamp_ns=11, depth=depth)
        push(frame, pose_at(), target_camera_to_world=[pose_at()], stamp_ns=11, depth=depth)  # still open
    stream.close()
    with pytest.raises(EngineClosedError):
        push(frame, pose_at(), target_camera_to_world=[pose_at()], stamp_ns=12, depth=depth)


def test_what_no_stream_can_be_opened_for(method: Synthesizer) -> None:
    with pytest.raises(InvalidRequestError, match="targets is empty"):
        method.open_stream(CAMERA, ())
    with pytest.raises(InvalidRequestError, match="steps is 4"):
        method.open_stream(CAMERA, (CAMERA,), steps=4)
    with pytest.raises(InvalidRequestError, match="seed is -1"):
        method.open_stream(CAMERA, (CAMERA,), seed=-1)


def test_once_closed_it_refuses_work(method: Synthesizer) -> None:
    method.close()
    method.close()
    with pytest.raises(EngineClosedError, match="has been closed"):
        method.synthesize(SynthesisRequest((box_clip(),), (sideways(),)))
    with pytest.raises(EngineClosedError, match="has been closed"):
        method.open_stream(CAMERA, (CAMERA,))
