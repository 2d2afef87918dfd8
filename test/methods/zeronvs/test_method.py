from __future__ import annotations

import logging
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from clips import pose_at
from zeronvs_weights import TINY, tiny_weights

from anyview_ros.clips import PosedClip
from anyview_ros.errors import (
    EngineClosedError,
    InvalidInputError,
    InvalidRequestError,
    SceneFileError,
    SynthesisCancelled,
    SynthesisError,
)
from anyview_ros.geometry import CameraTrajectory, PinholeCamera, look_at
from anyview_ros.methods.zeronvs import ZeroNVS, drawing
from anyview_ros.offline.synthesize.windows import goes_on
from anyview_ros.synthesis import SynthesisRequest, SynthesisResult, SynthesizedView, load_synthesizer
from anyview_ros.synthesis.smaller_batches import SmallerBatches

CAMERA = PinholeCamera(30.0, 30.0, 15.5, 11.5, 32, 24)
STEPS = 3


@pytest.fixture(scope="module")
def method(tmp_path_factory: pytest.TempPathFactory) -> ZeroNVS:
    return ZeroNVS(device="cpu", weights=str(tiny_weights(tmp_path_factory.mktemp("weights"))))


def clip(count: int = 3, *, depth: bool = True) -> PosedClip:
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (count, 6, 6, 3), np.uint8)
    frames = np.stack([cv2.resize(c, CAMERA.size, interpolation=cv2.INTER_CUBIC) for c in coarse])
    poses = np.stack([pose_at(x=0.05 * t, z=0.02 * t) for t in range(count)])
    far = np.full((count, CAMERA.height, CAMERA.width), 2.0, np.float32)
    return PosedClip(frames, CAMERA, poses, 100 * np.arange(1, count + 1), far if depth else None)


def target(count: int = 3, camera: PinholeCamera = CAMERA, x: float = 0.6) -> CameraTrajectory:
    poses = np.stack([pose_at(x=x + 0.03 * t, y=-0.1) for t in range(count)])
    poses[:, :3, :3] = cv2.Rodrigues(np.array([0.05, -0.2, 0.02]))[0]
    return CameraTrajectory(camera, poses)


def view_of(method: ZeroNVS, source: PosedClip, to: CameraTrajectory, **more: object) -> SynthesizedView:
    more.setdefault("steps", STEPS)
    return method.synthesize(SynthesisRequest((source,), (to,), **more)).views[0]  # type: ignore[arg-type]


def grey_levels(a: SynthesizedView, b: SynthesizedView) -> int:
    return int(np.abs(a.frames.astype(int) - b.frames.astype(int)).max())


def test_a_view_has_the_targets_size_and_a_confidence_but_no_depth(method: ZeroNVS) -> None:
    tall = PinholeCamera(50.0, 52.0, 22.5, 39.5, 48, 80)
    view = view_of(method, clip(), target(camera=tall))
    assert view.frames.shape == (3, 80, 48, 3)
    assert view.confidence.shape == (3, 80, 48)
    assert view.confidence.dtype == np.float32
    assert 0 <= view.confidence.min() <= view.confidence.max() <= 0.4  # no more than agreeing drawings earn
    assert view.depth is None


def test_the_same_request_gives_the_same_pixels_and_another_seed_others(method: ZeroNVS) -> None:
    first, again = view_of(method, clip(), target()), view_of(method, clip(), target())
    np.testing.assert_array_equal(first.frames, again.frames)
    np.testing.assert_array_equal(first.confidence, again.confidence)
    assert grey_levels(first, view_of(method, clip(), target(), seed=1)) > 10


def test_the_world_may_be_moved_and_turned(method: ZeroNVS) -> None:
    moved = np.eye(4)
    moved[:3, :3] = cv2.Rodrigues(np.array([1.0, -2.0, 0.5]))[0]
    moved[:3, 3] = 250.0, -1000.0, 40.0
    source, to = clip(), target()
    elsewhere = replace(source, camera_to_world=moved @ source.camera_to_world)
    there = CameraTrajectory(to.camera, moved @ to.camera_to_world)
    assert grey_levels(view_of(method, source, to), view_of(method, elsewhere, there)) <= 1


def test_a_larger_world_with_larger_depth_looks_the_same_and_with_the_same_depth_does_not(
    method: ZeroNVS,
) -> None:
    source, to = clip(), target()

    def grown(poses: np.ndarray) -> np.ndarray:
        larger = poses.copy()
        larger[:, :3, 3] *= 5
        return larger

    larger = replace(source, camera_to_world=grown(source.camera_to_world))
    there = CameraTrajectory(to.camera, grown(to.camera_to_world))
    assert source.depth is not None
    seen = view_of(method, source, to)
    assert grey_levels(seen, view_of(method, replace(larger, depth=5 * source.depth), there)) <= 1
    assert grey_levels(seen, view_of(method, larger, there)) > 3


def test_targets_and_frames_together_are_what_each_is_alone(method: ZeroNVS) -> None:
    wide = PinholeCamera(20.0, 20.0, 15.5, 11.5, 32, 24)
    source, targets = clip(), (target(), target(camera=wide, x=-0.4))
    both = method.synthesize(SynthesisRequest((source,), targets, steps=STEPS)).views
    for to, view in zip(targets, both, strict=True):
        assert grey_levels(view, view_of(method, source, to)) <= 1
    last = CameraTrajectory(CAMERA, targets[0].camera_to_world[2:], source.stamps_ns[2:])
    alone = view_of(method, source, last)
    assert np.abs(alone.frames[0].astype(int) - both[0].frames[2]).max() <= 1


def test_a_stream_gives_what_a_clip_gives(method: ZeroNVS) -> None:
    source, to = clip(), target()
    views = view_of(method, source, to)
    with method.open_stream(CAMERA, [CAMERA, CAMERA], steps=STEPS) as stream:
        for index in range(3):
            skipped, pushed = stream.push(
                source.frames[index],
                source.camera_to_world[index],
                target_camera_to_world=[None, to.camera_to_world[index]],
                stamp_ns=int(source.stamps_ns[index]),
                depth=None if source.depth is None else source.depth[index],
            )
            assert skipped is None
            assert pushed is not None
            assert np.abs(pushed.frames[0].astype(int) - views.frames[index]).max() <= 1
        assert stream.provenance.steps == STEPS
        assert stream.push(
            source.frames[0], np.eye(4), target_camera_to_world=[None, None], stamp_ns=10**6
        ) == (None, None)


def test_one_scale_serves_all_frames(method: ZeroNVS) -> None:
    source, to = clip(), target()
    assert source.depth is not None
    later = source.depth.copy()
    later[1:] *= 3  # what later frames see does not change the scale in the middle of a video
    assert grey_levels(view_of(method, source, to), view_of(method, replace(source, depth=later), to)) == 0


def test_options_have_a_say(method: ZeroNVS) -> None:
    seen = view_of(method, clip(), target())
    for options in ({"guidance": 4.0}, {"guidance": 0.0}, {"eta": 0.0}, {"scale_m": 0.3}):
        assert grey_levels(seen, view_of(method, clip(), target(), options=options)) > 3, options
    same = {"guidance": 1, "eta": 1.0, "scale_m": 2.0, "mode": "viewer"}
    assert grey_levels(seen, view_of(method, clip(), target(), options=same)) <= 1


def test_without_depth_the_scale_is_where_cameras_look_or_what_is_told_or_an_error(
    method: ZeroNVS, caplog: pytest.LogCaptureFixture
) -> None:
    centre = (0.0, 0.0, 0.0)
    source = replace(clip(1, depth=False), camera_to_world=look_at((2.0, 0.0, 0.0), centre)[None])
    around = CameraTrajectory(CAMERA, look_at((0.0, 2.0, 0.5), centre)[None])
    with caplog.at_level(logging.WARNING):
        looked = view_of(method, source, around)
    assert "2 m is guessed: source and targets look at a point 2 m from the source" in caplog.text
    told = view_of(method, source, around, options={"scale_m": 2.0})
    assert grey_levels(looked, told) <= 1
    from_the_source = np.concatenate([source.camera_to_world, around.camera_to_world])
    swung = CameraTrajectory(CAMERA, from_the_source, np.array([0, 1], np.int64))
    last = view_of(method, source, swung).frames[-1:]
    assert np.abs(last.astype(int) - looked.frames.astype(int)).max() <= 1
    beside = source.camera_to_world.copy()
    beside[:, :3, 3] += 0.5
    parallel = CameraTrajectory(CAMERA, beside)
    with pytest.raises(InvalidRequestError, match="give depth images, or option scale_m"):
        view_of(method, source, parallel)
    with caplog.at_level(logging.WARNING):
        view_of(method, source, parallel, options={"assumed_scale_m": 1.0})
    assert "1 m is assumed" in caplog.text


def turned(source: PosedClip, *, aside_m: float = 0.0) -> CameraTrajectory:
    """Cameras that ride with the source and look elsewhere."""
    poses = source.camera_to_world.copy()
    for index, pose in enumerate(poses):
        pose[:3, :3] = pose[:3, :3] @ cv2.Rodrigues(np.array([0.1, 0.3 + 0.1 * index, 0.0]))[0]
        pose[0, 3] += aside_m
    return CameraTrajectory(CAMERA, poses)


def test_cameras_that_only_turn_need_no_scale(method: ZeroNVS, caplog: pytest.LogCaptureFixture) -> None:
    source = clip(depth=False)
    with caplog.at_level(logging.WARNING):
        seen = view_of(method, source, turned(source), options={"assumed_scale_m": 0.01})
    assert not caplog.text
    for options in (None, {"scale_m": 0.1}, {"scale_m": 10.0}):
        assert grey_levels(seen, view_of(method, source, turned(source), options=options)) == 0
    with pytest.raises(InvalidRequestError, match="give depth images, or option scale_m"):
        view_of(method, source, turned(source, aside_m=0.001))


def test_a_stream_that_only_turned_takes_its_scale_when_a_camera_moves(method: ZeroNVS) -> None:
    source, only = clip(depth=True), turned(clip())
    assert source.depth is not None
    with method.open_stream(CAMERA, [CAMERA], steps=STEPS) as stream:

        def push(index: int, pose: np.ndarray, depth: np.ndarray | None) -> np.ndarray:
            (view,) = stream.push(
                source.frames[index],
                source.camera_to_world[index],
                target_camera_to_world=[pose],
                stamp_ns=int(source.stamps_ns[index]),
                depth=depth,
            )
            assert view is not None
            return view.frames

        seen = push(0, only.camera_to_world[0], None)
        moved = push(1, target().camera_to_world[1], source.depth[1])
    assert np.abs(seen[0].astype(int) - view_of(method, source, only).frames[0]).max() <= 1
    assert np.abs(moved[0].astype(int) - view_of(method, source, target()).frames[1]).max() <= 1


@pytest.mark.parametrize("mode", ["6dof1", "aggregate", "3dof"])
def test_weights_of_other_modes_are_served(mode: str, tmp_path: Path) -> None:
    other = load_synthesizer(
        "zeronvs",
        device="cpu",
        weights=str(tiny_weights(tmp_path, replace(TINY, mode=mode, rays=mode != "3dof"))),
    )
    centre = (0.0, 0.0, 0.0)
    source = replace(clip(1), camera_to_world=look_at((2.0, 0.0, 0.5), centre)[None])
    around = CameraTrajectory(CAMERA, look_at((0.0, 2.0, 0.5), centre)[None])
    request = SynthesisRequest((source,), (around,), steps=1, options={"mode": mode})
    assert other.synthesize(request).views[0].frames.shape == (1, 24, 32, 3)


def test_3dof_needs_a_point_that_is_looked_at(tmp_path: Path) -> None:
    path = tiny_weights(tmp_path, replace(TINY, mode="3dof", rays=False))
    with pytest.raises(InvalidRequestError, match="point that they look at"):
        view_of(
            ZeroNVS(device="cpu", weights=str(path)),
            clip(1),
            CameraTrajectory(CAMERA, clip(1).camera_to_world),
        )


def test_progress_counts_steps_and_cancel_stops_between_two(method: ZeroNVS) -> None:
    told: list[tuple[int, int]] = []
    request = SynthesisRequest((clip(),), (target(),), steps=4)
    method.synthesize(request, progress=lambda step, total: told.append((step, total)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    stop = threading.Event()

    def after_two(step: int, total: int) -> None:
        told.append((step, total))
        if step == 2:
            stop.set()

    told.clear()
    with pytest.raises(SynthesisCancelled, match="between two steps"):
        method.synthesize(request, progress=after_two, cancel=stop)
    assert told == [(1, 4), (2, 4)]


def test_the_description_is_true_of_the_weights(method: ZeroNVS) -> None:
    description = method.describe()
    assert description.name == "zeronvs"
    assert description.generative
    assert any("16x16" in limit for limit in description.limits)
    default = method.synthesize(SynthesisRequest((clip(1),), (target(1),)))
    assert default.provenance.steps == description.default_steps
    assert default.provenance.weights_hash == method.weights_hash


def test_requests_that_cannot_be_served_are_refused(method: ZeroNVS) -> None:
    with pytest.raises(InvalidRequestError, match="trained with 'viewer'"):
        view_of(method, clip(), target(), options={"mode": "6dof1"})
    with pytest.raises(InvalidRequestError, match="takes 1 to 1000"):
        view_of(method, clip(), target(), steps=2000)
    with pytest.raises(InvalidRequestError, match="takes exactly 1"):
        method.synthesize(SynthesisRequest((clip(), clip()), (target(),)))
    with pytest.raises(InvalidRequestError, match="targets is empty"):
        method.open_stream(CAMERA, [])
    with pytest.raises(InvalidRequestError, match="seed is -1"):
        method.open_stream(CAMERA, [CAMERA], seed=-1)


@pytest.mark.parametrize(
    "options",
    [
        {"scale_m": 0},
        {"scale_m": "near"},
        {"assumed_scale_m": -1.0},
        {"guidance": -0.1},
        {"guidance": True},
        {"eta": 1.1},
        {"mode": "4dof"},
        {"scale": 1.0},
    ],
)
def test_impossible_options_are_refused(method: ZeroNVS, options: dict[str, object]) -> None:
    with pytest.raises(InvalidRequestError, match=next(iter(options))):
        view_of(method, clip(), target(), options=options)


def test_what_is_not_finite_is_an_error(method: ZeroNVS, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = drawing.sample
    monkeypatch.setattr(drawing, "sample", lambda *given, **more: drawn(*given, **more) * torch.nan)
    with pytest.raises(SynthesisError, match="not finite, with guidance 1, eta 1 and 3 steps"):
        view_of(method, clip(1), target(1))


def test_a_long_film_is_streamed_and_not_fitted_clip_by_clip(method: ZeroNVS) -> None:
    assert goes_on(method.describe())


@pytest.mark.parametrize(
    ("more", "origin", "scale_m"),
    [
        ({"scale_m": 0.7}, "told", 0.7),
        ({}, "depth", 2.0),
        ({"without depth": True}, "look-at", None),
        ({"without depth": True, "assumed_scale_m": 3.0}, "assumed", 3.0),
        ({"without depth": True}, "not needed", 1.0),
    ],
)
def test_views_say_what_scale_they_rest_on_and_whence(
    method: ZeroNVS, more: dict[str, float], origin: str, scale_m: float | None
) -> None:
    options = dict(more)
    source = clip(1, depth=not options.pop("without depth", False))
    to = {"assumed": turned(source, aside_m=0.5), "not needed": turned(source)}.get(origin, target(1))
    request = SynthesisRequest((source,), (to,), steps=1, options=options)
    told = method.synthesize(request).provenance
    assert told.scale_origin == origin
    assert told.scale_m is not None
    if scale_m is not None:
        assert told.scale_m == pytest.approx(scale_m)
    with method.open_stream(CAMERA, [CAMERA], steps=1, options=options) as stream:
        assert stream.provenance.scale_m is None
        stream.push(
            source.frames[0],
            source.camera_to_world[0],
            target_camera_to_world=[to.camera_to_world[0]],
            stamp_ns=1,
            depth=None if source.depth is None else source.depth[0],
        )
        assert stream.provenance == told


def test_a_request_cut_for_want_of_memory_keeps_its_scale(method: ZeroNVS) -> None:
    class Cramped:
        def __getattr__(self, name: str) -> Any:
            return getattr(method, name)

        def synthesize(self, request: SynthesisRequest, **told: Any) -> SynthesisResult:
            if len(request.targets) > 1:
                raise MemoryError
            return method.synthesize(request, **told)

    source = clip(1, depth=False)
    targets = (turned(source), turned(source, aside_m=0.5))  # the first alone needs no scale
    request = SynthesisRequest((source,), targets, steps=1, options={"assumed_scale_m": 2.0})
    whole, parts = method.synthesize(request), SmallerBatches(Cramped()).synthesize(request)
    assert parts.provenance == whole.provenance
    for here, there in zip(parts.views, whole.views, strict=True):
        assert abs(here.frames.astype(int) - there.frames).max() <= 1
    film = method.options_for_film(
        source, [(source.camera_to_world, targets[0].camera_to_world)], {"scale_m": 3.0}
    )
    assert (
        method.options_for_film(source, [(source.camera_to_world, targets[1].camera_to_world)], film) is film
    )


def test_a_film_that_tells_no_scale_is_refused_before_anything_is_drawn(method: ZeroNVS) -> None:
    source = clip(depth=False)
    with pytest.raises(InvalidRequestError, match="give depth images, or option scale_m"):
        method.options_for_film(
            source, [(source.camera_to_world, turned(source, aside_m=0.001).camera_to_world)]
        )


def test_a_closed_method_refuses_work(tmp_path: Path) -> None:
    other = ZeroNVS(device="cpu", weights=str(tiny_weights(tmp_path)))
    other.close()
    other.close()
    with pytest.raises(EngineClosedError, match="has been closed"):
        view_of(other, clip(), target())
    with pytest.raises(EngineClosedError, match="has been closed"):
        other.open_stream(CAMERA, [CAMERA])


def test_a_scene_or_weights_may_be_given_but_not_both(tmp_path: Path) -> None:
    with pytest.raises(SceneFileError, match="nowhere"):
        load_synthesizer("zeronvs", scene=str(tmp_path / "nowhere.safetensors"))
    with pytest.raises(InvalidInputError, match="scene"):
        load_synthesizer("zeronvs", scene="a.safetensors", weights="b.safetensors")
