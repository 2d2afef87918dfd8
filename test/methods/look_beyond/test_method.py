from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import pose_at
from look_beyond_weights import tiny_stages

from anyview_ros.clips import PosedClip
from anyview_ros.errors import EngineClosedError, InvalidInputError, InvalidRequestError, SynthesisCancelled
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.methods.look_beyond import LookBeyond, LookBeyondOptions
from anyview_ros.synthesis import SynthesisRequest, SynthesizedView, load_synthesizer
from anyview_ros.synthesis.warm_up import warm_up_request

CAMERA = PinholeCamera(40.0, 40.0, 31.5, 23.5, 64, 48)
QUICK = {"panorama_steps": 2}


@pytest.fixture(scope="module")
def method(tmp_path_factory: pytest.TempPathFactory) -> LookBeyond:
    return LookBeyond(device="cpu", weights=str(tiny_stages(tmp_path_factory.mktemp("weights"))))


def clip(count: int = 1, *, depth: bool = True, seed: int = 3) -> PosedClip:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    frame = cv2.resize(coarse, CAMERA.size, interpolation=cv2.INTER_CUBIC)
    far = np.full((count, 48, 64), 3.0, np.float32)
    far[:, 16:30, 20:40] = 1.5
    poses, stamps_ns = np.stack([np.eye(4)] * count), 100 * np.arange(1, count + 1)
    return PosedClip(np.stack([frame] * count), CAMERA, poses, stamps_ns, far if depth else None)


def target(*xs: float, stamp_ns: int = 100, camera: PinholeCamera = CAMERA) -> CameraTrajectory:
    poses = np.stack([pose_at(x=x) for x in xs])
    return CameraTrajectory(camera, poses, np.full(len(xs), stamp_ns, np.int64))


def view_of(
    method: LookBeyond,
    source: PosedClip,
    to: CameraTrajectory,
    *,
    steps: int = 2,
    seed: int = 0,
    **options: Any,
) -> SynthesizedView:
    request = SynthesisRequest((source,), (to,), steps, seed, QUICK | options)
    return method.synthesize(request).views[0]


def grey_levels(a: SynthesizedView, b: SynthesizedView) -> int:
    return int(np.abs(a.frames.astype(int) - b.frames.astype(int)).max())


@pytest.mark.parametrize("depth", [True, False])
def test_a_view_has_the_targets_size_and_tells_what_is_supported(method: LookBeyond, depth: bool) -> None:
    wide = PinholeCamera(50.0, 50.0, 39.5, 29.5, 80, 60)
    view = view_of(method, clip(depth=depth), target(0.1, 0.2, camera=wide))
    assert view.frames.shape == (2, 60, 80, 3)
    assert view.confidence.shape == (2, 60, 80)
    assert view.confidence.dtype == np.float32
    assert view.confidence.min() == 0
    assert 0.1 < view.confidence.max() <= (1 if depth else 0.5)
    if depth:
        assert view.depth.shape == (2, 60, 80)
        assert ((view.depth > 0) == (view.confidence > 0)).all()
    else:
        assert view.depth is None


def test_what_the_source_shows_is_laid_over_and_the_rest_is_drawn(method: LookBeyond) -> None:
    source = clip()
    view = view_of(method, source, target(3.0 * 8 / 40))  # the wall moves 8 pixels to the left
    np.testing.assert_allclose(
        view.frames[0][2:12, 4:50].astype(int), source.frames[0][2:12, 12:58].astype(int), atol=3
    )
    assert view.confidence[0][:, 60:].max() == 0
    other = view_of(method, source, target(3.0 * 8 / 40), seed=1)
    changed = np.abs(view.frames.astype(int) - other.frames.astype(int)).max(-1)[0]
    assert changed[:, 60:].max() > 5
    assert changed[2:12, 4:50].max() == 0


def test_where_the_picture_fades_into_what_is_drawn_confidence_fades_too(method: LookBeyond) -> None:
    large = CAMERA.resized(192, 144)  # half a pixel of the drawn video is four of these wide
    source = clip()
    source.depth[:] = 3.0
    (confidence,) = view_of(method, source, target(3.0 * 8 / 40, camera=large)).confidence
    border = int(np.flatnonzero(confidence[70])[-1])
    fading = confidence[70, border - 3 : border + 1] / confidence[70, border - 10]
    np.testing.assert_allclose(fading, [1.0, 0.75, 0.5, 0.25], atol=0.05)
    assert confidence[70, :border].min() > 0


def test_at_the_source_itself_the_picture_is_the_sources(method: LookBeyond) -> None:
    source = clip()
    view = view_of(method, source, target(0.0))
    assert np.abs(view.frames[0].astype(int) - source.frames[0].astype(int)).mean() < 4
    assert view.confidence[0, 10:40, 10:50].min() == 1


def test_the_video_alone_may_be_asked_for(method: LookBeyond) -> None:
    sharp = view_of(method, clip(), target(0.2))
    drawn = view_of(method, clip(), target(0.2), sharp=False)
    assert grey_levels(sharp, drawn) > 5
    np.testing.assert_array_equal(sharp.confidence, drawn.confidence)


def test_the_world_may_be_moved_and_turned(method: LookBeyond) -> None:
    moved = np.eye(4)
    moved[:3, :3] = cv2.Rodrigues(np.array([1.0, -2.0, 0.5]))[0]
    moved[:3, 3] = 250.0, -1000.0, 40.0
    source, to = clip(), target(0.1, 0.3, 0.7)
    elsewhere = replace(source, camera_to_world=moved @ source.camera_to_world)
    there = CameraTrajectory(to.camera, moved @ to.camera_to_world, to.stamps_ns)
    once, again = view_of(method, source, to), view_of(method, elsewhere, there)
    far = np.abs(once.frames.astype(int) - again.frames.astype(int))
    assert np.percentile(far, 99.5) <= 1  # pixels on the edge of a surface may fall to either side


def test_the_same_request_gives_the_same_pixels(method: LookBeyond, tmp_path: Path) -> None:
    once = view_of(method, clip(), target(0.3))
    view_of(method, clip(seed=4), target(0.3))  # another panorama in between
    assert grey_levels(view_of(method, clip(), target(0.3)), once) == 0
    fresh = LookBeyond(device="cpu", weights=str(tiny_stages(tmp_path)))
    assert grey_levels(view_of(fresh, clip(), target(0.3)), once) == 0


@pytest.mark.parametrize(
    "options",
    [
        {"panorama": False},
        {"fusion": "temporal"},
        {"guidance": (1.0, 3.0)},
        {"rotation_temperature_deg": 1.0, "translation_temperature_m": 5.0},
        {"keyframe_distance_m": 0.1},
        {"panorama_steps": 3},
    ],
    ids=lambda options: next(iter(options)),
)
def test_options_change_what_is_drawn(method: LookBeyond, options: dict[str, Any]) -> None:
    to = target(0.02, 0.05, 0.3)
    plain = view_of(method, clip(), to, sharp=False)
    assert grey_levels(view_of(method, clip(), to, sharp=False, **options), plain) > 0


def test_measured_depth_may_be_left_out(method: LookBeyond) -> None:
    without = view_of(method, clip(depth=False), target(0.2))
    assert grey_levels(view_of(method, clip(), target(0.2), use_depth=False), without) == 0


def test_depth_that_is_partly_unknown_is_told_apart(method: LookBeyond) -> None:
    source = clip()
    source.depth[:, :, 32:] = 0
    view = view_of(method, source, target(0.1))
    assert view.confidence[0][:, :28].max() == 1
    assert view.confidence[0][:, 34:].max() <= 0.5
    assert (view.depth[0][:, 34:] == 0).all()


@pytest.mark.parametrize("lacking", ["no depth", "depth known nowhere", "depth not used"])
def test_without_panorama_and_depth_there_is_nothing_to_go_by(method: LookBeyond, lacking: str) -> None:
    source = clip(depth=lacking != "no depth")
    if lacking == "depth known nowhere":
        source.depth[:] = 0
    with pytest.raises(InvalidRequestError, match=r"use_depth=True, or leave panorama=True"):
        view_of(method, source, target(0.1), panorama=False, use_depth=lacking != "depth not used")


def test_motion_before_a_still_camera_is_refused_or_taken_one_picture_at_a_time(method: LookBeyond) -> None:
    source = clip(3)
    source.frames[2, 5:20, 5:20] = 255
    to = CameraTrajectory(CAMERA, np.stack([pose_at(x=0.1)] * 3))
    with pytest.raises(InvalidRequestError, match="something moves"):
        view_of(method, source, to)
    newest = view_of(method, source, to, moving="newest")
    each = view_of(method, source, to, moving="each")
    assert np.abs(newest.frames - newest.frames[2]).max() == 0
    np.testing.assert_array_equal(each.frames[2], newest.frames[2])
    np.testing.assert_array_equal(each.frames[0], each.frames[1])
    assert np.abs(each.frames[0].astype(int) - each.frames[2]).max() > 50
    np.testing.assert_array_equal(each.stamps_ns, source.stamps_ns)


def test_of_a_standing_scene_the_nearest_picture_is_used(method: LookBeyond) -> None:
    source = clip(3)
    source = replace(source, camera_to_world=np.stack([pose_at(x=x) for x in (0.0, 1.0, 2.0)]))
    source.frames[0] = 40
    source.frames[1] = 120
    source.frames[2] = 200
    view = view_of(method, source, target(1.05))
    assert np.median(view.frames) == 120


def test_a_stream_gives_the_pixels_of_one_picture(method: LookBeyond) -> None:
    source, options = clip(3), LookBeyondOptions(panorama_steps=2)
    with method.open_stream(CAMERA, [CAMERA, CAMERA], steps=2, options=options) as stream:
        for t in range(2):
            views = stream.push(
                source.frames[t],
                source.camera_to_world[t],
                target_camera_to_world=[pose_at(x=0.2), None],
                stamp_ns=int(source.stamps_ns[t]),
                depth=source.depth[t],
            )
    assert views[1] is None
    assert grey_levels(views[0], view_of(method, clip(), target(0.2))) == 0


def test_a_view_is_the_same_whatever_others_are_asked_for(method: LookBeyond) -> None:
    targets = target(0.2), target(-0.2, -0.3)
    views = method.synthesize(SynthesisRequest((clip(),), targets, 2, 0, QUICK)).views
    for view, alone in zip(views, targets, strict=True):
        assert grey_levels(view, view_of(method, clip(), alone)) == 0


def test_progress_ends_at_the_total_and_the_same_picture_is_not_drawn_around_twice(
    method: LookBeyond,
) -> None:
    told: list[tuple[int, int]] = []
    request = SynthesisRequest((clip(seed=9),), (target(0.2, 0.8),), 3, 0, QUICK)
    method.synthesize(request, progress=lambda step, total: told.append((step, total)))
    total = 2 + 3 * 2 + 2  # of the panorama, of two passes, pictures
    assert [step for step, _ in told] == list(range(1, total + 1))
    again: list[int] = []
    method.synthesize(request, progress=lambda step, _: again.append(step))
    assert again == [*range(1, total - 1), total]


@pytest.mark.parametrize("after", [0, 1, 4])
def test_work_stops_between_two_steps(method: LookBeyond, after: int) -> None:
    stop, done = threading.Event(), []

    def progress(step: int, total: int) -> None:
        done.append(step)
        if step >= after:
            stop.set()

    if after == 0:
        stop.set()
    request = SynthesisRequest((clip(seed=20 + after),), (target(0.2, 0.8),), 3, 0, QUICK)
    with pytest.raises(SynthesisCancelled):
        method.synthesize(request, progress=progress, cancel=stop)
    assert len(done) == after


def test_too_long_a_path_is_refused_with_the_remedy(method: LookBeyond) -> None:
    with pytest.raises(InvalidRequestError, match="max_passes is 2"):
        view_of(method, clip(), target(2.0), max_passes=2)


def test_a_walk_out_of_the_panorama_is_refused_before_anything_is_drawn(method: LookBeyond) -> None:
    told: list[int] = []
    options = QUICK | {"keyframe_distance_m": 100.0}
    request = SynthesisRequest((clip(seed=11),), (target(0.1, 200.0),), 2, 0, options)
    with pytest.raises(
        InvalidInputError, match=r"camera_to_world\[1\] of targets\[0\] lies 200.* walk at most"
    ):
        method.synthesize(request, progress=lambda step, _: told.append(step))
    assert told == [1, 2]  # the panorama


@pytest.mark.parametrize("steps", [1001, 10**9])
def test_more_steps_than_there_are_levels_of_noise_are_refused(method: LookBeyond, steps: int) -> None:
    with pytest.raises(InvalidRequestError, match=f"steps is {steps}; .* 1 to 1000"):
        view_of(method, clip(), target(0.1), steps=steps)
    with pytest.raises(InvalidRequestError, match=f"steps is {steps}"):
        method.open_stream(CAMERA, [CAMERA], steps=steps)


def test_a_stream_refuses_no_steps_and_wrong_seeds_when_it_is_opened(method: LookBeyond) -> None:
    with pytest.raises(InvalidRequestError, match="steps is 0"):
        method.open_stream(CAMERA, [CAMERA], steps=0)
    with pytest.raises(InvalidRequestError, match="seed is -1"):
        method.open_stream(CAMERA, [CAMERA], seed=-1)


def test_half_a_turn_may_be_asked_for_in_one(method: LookBeyond) -> None:
    behind = CameraTrajectory(CAMERA, np.diag([-1.0, 1, -1, 1])[None], np.array([100]))
    assert view_of(method, clip(), behind).confidence.max() == 0


def test_what_it_says_of_itself_is_what_it_takes(method: LookBeyond) -> None:
    description = method.describe()
    assert description.static_scene
    assert description.generative
    assert not description.streams
    warm = warm_up_request(description)
    assert method.synthesize(replace(warm, options=QUICK)).views[0].frames.shape == (1, 48, 64, 3)


def test_steps_and_weights_are_in_the_provenance(method: LookBeyond) -> None:
    made = method.synthesize(SynthesisRequest((clip(),), (target(0.2),), 2, 7, QUICK)).provenance
    assert (made.method, made.steps, made.seed, made.weights_hash) == (
        "look_beyond",
        2,
        7,
        method.weights_hash,
    )
    assert len(method.weights_hash) == 64


def test_a_closed_method_refuses_all_work(tmp_path: Path) -> None:
    method = load_synthesizer("look_beyond", device="cpu", weights=str(tiny_stages(tmp_path)))
    method.close()
    method.close()
    with pytest.raises(EngineClosedError):
        method.synthesize(SynthesisRequest((clip(),), (target(0.2),)))
    with pytest.raises(EngineClosedError):
        method.open_stream(CAMERA, [CAMERA])
