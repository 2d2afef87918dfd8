from __future__ import annotations

import logging
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from anyview_release import SIZE

from anyview_ros.clips import PosedClip
from anyview_ros.errors import (
    ClipNotReadyError,
    EngineClosedError,
    InvalidInputError,
    InvalidPoseError,
    InvalidRequestError,
    SynthesisCancelled,
    SynthesisError,
    WeightsError,
)
from anyview_ros.geometry import CameraTrajectory, PinholeCamera, look_at
from anyview_ros.methods.anyview import AnyView, AnyViewOptions
from anyview_ros.methods.anyview import generation as generation_module
from anyview_ros.methods.anyview import method as method_module
from anyview_ros.methods.anyview.memory import MemoryModel, Workload
from anyview_ros.methods.anyview.streams import target_view
from anyview_ros.synthesis import Engine, SynthesisRequest, load_synthesizer
from anyview_ros.synthesis.failures import synthesized
from anyview_ros.synthesis.protocol import Synthesizer
from anyview_ros.synthesis.smaller_batches import SmallerBatches
from anyview_ros.synthesis.warm_up import warm_up_request

COUNT = 13
CAMERA = PinholeCamera(30.0, 30.0, 23.5, 15.5, 48, 32)
OPTIONS = AnyViewOptions(domain="robotics", source_size=SIZE, target_size=SIZE)
STAMPS = 100 * np.arange(1, COUNT + 1, dtype=np.int64)


def clip(count: int = COUNT, camera: PinholeCamera = CAMERA, moving: bool = True) -> PosedClip:
    generator = np.random.default_rng(0)
    frames = generator.integers(0, 255, (count, camera.height, camera.width, 3), dtype=np.uint8)
    x = 0.3 * np.arange(count) if moving else np.zeros(count)
    poses = look_at(np.stack([x, np.full(count, -1.0), np.full(count, 0.5)], -1), (0, 0, 0))
    return PosedClip(frames, camera, poses, 100 * np.arange(1, count + 1))


def trajectory(angle: float = 0.4, count: int = COUNT, camera: PinholeCamera = CAMERA) -> CameraTrajectory:
    pose = look_at((np.sin(angle), -np.cos(angle), 0.5), (0, 0, 0))
    return CameraTrajectory(camera, np.stack([pose] * count))


def request(*targets: CameraTrajectory, **changes: Any) -> SynthesisRequest:
    fields = {"sources": (clip(),), "steps": 2, "seed": 3, "options": OPTIONS}
    return SynthesisRequest(targets=targets or (trajectory(),), **{**fields, **changes})


def worst(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def test_a_request_end_to_end(method: AnyView) -> None:
    assert isinstance(method, Synthesizer)
    steps: list[tuple[int, int]] = []
    result = method.synthesize(request(), progress=lambda step, total: steps.append((step, total)))
    view = result.views[0]
    assert view.frames.shape == (COUNT, 32, 48, 3)
    assert view.frames.dtype == np.uint8
    assert view.frames.std() > 1
    assert view.camera == CAMERA
    assert np.array_equal(view.stamps_ns, STAMPS)
    assert np.array_equal(view.camera_to_world, trajectory().camera_to_world)
    assert view.depth is None
    assert not view.confidence.any()
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert result.provenance.method == "anyview"
    assert result.provenance.steps == 2
    assert result.provenance.seed == 3
    assert result.provenance.weights_hash == method.weights_hash
    assert len(method.weights_hash) == 64


def test_default_is_35_steps_and_a_clean_pass(method: AnyView, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    forward = method._transformer.forward
    monkeypatch.setattr(method._transformer, "forward", lambda *given: calls.append(1) or forward(*given))
    result = method.synthesize(request(steps=None))
    assert len(calls) == 36
    assert result.provenance.steps == 35


def test_same_request_same_pixels_and_another_seed_others(method: AnyView, small_weights: Path) -> None:
    first = method.synthesize(request()).views[0].frames
    again = AnyView(weights=small_weights, device="cpu").synthesize(request()).views[0].frames
    assert np.array_equal(first, again)
    assert worst(first, method.synthesize(request(seed=4)).views[0].frames) > 10


def test_a_change_of_the_world_changes_nothing(method: AnyView) -> None:
    change = np.eye(4)
    change[:3, :3] = look_at((3, 4, 5), (0, 0, 0))[:3, :3]
    change[:3, 3] = 40, -7, 12
    source, target = clip(), trajectory()
    moved = SynthesisRequest(
        (PosedClip(source.frames, CAMERA, change @ source.camera_to_world, source.stamps_ns),),
        (CameraTrajectory(CAMERA, change @ target.camera_to_world),),
        steps=2,
        seed=3,
        options=OPTIONS,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing saturates: the gauge took the 40 m out
        there = method.synthesize(moved).views[0].frames
    assert worst(there, method.synthesize(request()).views[0].frames) <= 1


def test_views_depend_on_the_cameras(method: AnyView) -> None:
    here = method.synthesize(request()).views[0].frames
    assert worst(here, method.synthesize(request(trajectory(1.2))).views[0].frames) > 2
    source = clip(moving=False)
    assert worst(here, method.synthesize(request(sources=(source,))).views[0].frames) > 2


def test_targets_batched_are_as_alone(method: AnyView, monkeypatch: pytest.MonkeyPatch) -> None:
    small = PinholeCamera(20.0, 20.0, 15.5, 15.5, 32, 32)
    wide = trajectory(0.2, camera=small)
    options = {"domain": "robotics", "source_size": SIZE}
    monkeypatch.setattr("anyview_ros.methods.anyview.sizes.RELEASE_LONG_SIDES", (32, 48))
    batches = []

    def counted(*given: Any, **named: Any) -> torch.Tensor:
        batches.append(len(named["seeds"]))
        return generation_module.generate(*given, **named)

    monkeypatch.setattr(method_module, "generate", counted)
    encoded = []
    pictures = method._conditioner.pictures
    monkeypatch.setattr(method._conditioner, "pictures", lambda *given: encoded.append(1) or pictures(*given))
    targets = trajectory(0.4), wide, trajectory(-0.5)
    together = method.synthesize(request(*targets, options=options))
    assert sorted(batches) == [1, 2]  # by size
    assert len(encoded) == 1  # one latent of the source for all
    for target, view in zip(targets, together.views, strict=True):
        alone = method.synthesize(request(target, options=options)).views[0]
        assert worst(view.frames, alone.frames) <= 1


def test_little_memory_makes_smaller_batches(method: AnyView, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = trajectory(0.4), trajectory(-0.5), trajectory(0.1)
    together = method.synthesize(request(*targets))
    monkeypatch.setattr(method, "_memory", MemoryModel(width=10**6, autoencoder_width=8, item_bytes=4))
    one = method._memory.bytes_needed(Workload(COUNT, SIZE, SIZE))
    monkeypatch.setattr(method_module, "free_bytes", lambda _: one)
    seen: list[tuple[int, int]] = []
    apart = method.synthesize(request(*targets), progress=lambda step, total: seen.append((step, total)))
    assert seen[-1] == (9, 9)
    assert [step for step, _ in seen] == list(range(1, 10))
    for a, b in zip(together.views, apart.views, strict=True):
        assert worst(a.frames, b.frames) <= 1


def test_too_little_memory_is_told_before_anything_is_done(
    method: AnyView, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(method_module, "free_bytes", lambda _: 1_000_000)
    with pytest.raises(InvalidRequestError, match=r"needs about .* GiB on cpu .* are free; "):
        method.synthesize(request())
    assert method._conditioner.ray_encodings == 0


def test_running_out_of_memory_all_the_same(method: AnyView, monkeypatch: pytest.MonkeyPatch) -> None:
    def out(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError("12 GiB")

    with monkeypatch.context() as patched:
        patched.setattr(method_module, "generate", out)
        with pytest.raises(torch.OutOfMemoryError, match="12 GiB"):  # so that whoever asked can ask for less
            method.synthesize(request())
        with pytest.raises(SynthesisError, match="ask for fewer or smaller views"):
            synthesized(method, request())

    def cramped(self: AnyView, plans: Any, *arguments: Any) -> Any:
        if sum(len(plan.targets) for plan in plans) > 1:
            out()
        return draw_all(self, plans, *arguments)

    draw_all = AnyView._draw_all
    targets = trajectory(0.4), trajectory(-0.5)
    whole = method.synthesize(request(*targets))
    monkeypatch.setattr(AnyView, "_draw_all", cramped)
    batches = SmallerBatches(method)
    for here, there in zip(batches.synthesize(request(*targets)).views, whole.views, strict=True):
        assert worst(here.frames, there.frames) <= 1
    assert batches.splits == 1


def test_cancelled_between_steps(method: AnyView) -> None:
    cancel = threading.Event()
    done = []

    def progress(step: int, total: int) -> None:
        done.append(step)
        if step == 2:
            cancel.set()

    with pytest.raises(SynthesisCancelled):
        method.synthesize(request(steps=6), progress=progress, cancel=cancel)
    assert done == [1, 2]


def test_rays_are_encoded_once_while_cameras_stand_still(method: AnyView) -> None:
    still = clip(moving=False)
    method.synthesize(request(sources=(still,)))
    assert method._conditioner.ray_encodings == 2
    method.synthesize(request(sources=(still,), seed=9))
    assert method._conditioner.ray_encodings == 2
    method.synthesize(request(trajectory(0.41), sources=(still,)))
    assert (
        method._conditioner.ray_encodings == 3
    )  # a target that stands still is the identity in its own gauge


def test_text_is_computed_once(method: AnyView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(method._transformer, "text_keys_values", lambda _: pytest.fail("computed again"))
    method.synthesize(request())


def test_only_the_noisy_channels_are_scaled(method: AnyView, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    forward = method._transformer.forward

    def watched(target: torch.Tensor, source: torch.Tensor, tau: torch.Tensor, text: Any) -> torch.Tensor:
        seen.append((target.clone(), source.clone(), tau.clone()))
        return forward(target, source, tau, text)

    monkeypatch.setattr(method._transformer, "forward", watched)
    method.synthesize(request())
    (first, clean, tau), (second, still_clean, _), _ = seen
    assert first.shape == (1, 52, 4, 4, 6)
    noise = np.random.RandomState(300).standard_normal((1, 52, 4, 4, 6)).astype(np.float32)
    assert float(tau) == pytest.approx(80 / 81)
    assert np.allclose(first[:, :16], noise[:, :16] * 80 / 81, atol=1e-5)
    assert torch.equal(first[:, 16:], second[:, 16:])  # masks and rays stay
    assert torch.equal(clean, still_clean)
    assert [float(first[0, c].unique()) for c in (16, 17, 50, 51)] == [0, 1, 1, 0]
    assert [float(clean[0, c].unique()) for c in (16, 17, 50, 51)] == [1, 0, 1, 0]
    assert not torch.equal(first[:, 18:34], first[:, 34:50])


def test_target_view_puts_directions_before_moments() -> None:
    noisy, rays = torch.full((1, 2, 1, 1, 1), 7.0), torch.arange(4.0).view(1, 4, 1, 1, 1)
    assert target_view(noisy, rays).flatten().tolist() == [7, 7, 0, 1, 0, 1, 2, 3, 1, 0]


def test_a_target_of_some_instants_only(method: AnyView) -> None:
    pose = trajectory().camera_to_world[:2]
    some = CameraTrajectory(CAMERA, pose, np.array([310, 1300], np.int64))
    view = method.synthesize(request(some)).views[0]
    full = method.synthesize(request(trajectory())).views[0]
    assert view.frames.shape[0] == 2
    assert view.stamps_ns.tolist() == [310, 1300]
    assert np.array_equal(view.frames, full.frames[[2, 12]])


def test_native_size_and_its_camera(method: AnyView) -> None:
    camera = PinholeCamera(100.0, 90.0, 70.0, 40.0, 144, 96)
    options = AnyViewOptions(scale=0.1, source_size=SIZE, target_size=SIZE, resize_to_target=False)
    view = method.synthesize(request(trajectory(camera=camera), options=options)).views[0]
    assert view.frames.shape == (COUNT, 32, 48, 3)
    assert view.camera.size == (48, 32)
    assert np.allclose(
        view.camera.matrix[[0, 1, 0, 1], [0, 1, 2, 2]], [100 / 3, 30, 70.5 / 3 - 0.5, 40.5 / 3 - 0.5]
    )
    resized = AnyViewOptions(scale=0.1, source_size=SIZE, target_size=SIZE)
    view = method.synthesize(request(trajectory(camera=camera), options=resized)).views[0]
    assert view.frames.shape == (COUNT, 96, 144, 3)
    assert view.camera == camera


def test_agreement_of_samples_is_the_confidence(method: AnyView) -> None:
    options = {"domain": "robotics", "source_size": SIZE, "target_size": SIZE, "samples": 2}
    view = method.synthesize(request(options=options)).views[0]
    first = method.synthesize(request(seed=3)).views[0].frames.astype(float)
    second = method.synthesize(request(seed=4)).views[0].frames.astype(float)
    assert worst(view.frames, first) <= 1
    spread = np.sqrt(((first - second) ** 2 / 2).mean(-1))
    assert np.allclose(view.confidence, np.clip(1 - spread / 50, 0, 1), atol=0.05)
    assert 0 < view.confidence.mean() < 1


def test_euler_is_another_path(method: AnyView) -> None:
    euler = AnyViewOptions(domain="robotics", source_size=SIZE, target_size=SIZE, sampler="euler")
    a = method.synthesize(request(steps=4)).views[0].frames
    b = method.synthesize(request(steps=4, options=euler)).views[0].frames
    assert worst(a, b) > 0


def test_stream_waits_for_a_window_and_then_shows_every_instant(method: AnyView) -> None:
    source, target = clip(15), trajectory(count=1)
    with method.open_stream(CAMERA, (CAMERA,), steps=1, seed=2, options=OPTIONS) as stream:
        shown = 0
        for index in range(15):
            given = {"target_camera_to_world": (target.camera_to_world[0],), "stamp_ns": 100 * (index + 1)}
            if index < COUNT - 1:
                with pytest.raises(ClipNotReadyError):
                    stream.push(source.frames[index], source.camera_to_world[index], **given)
                continue
            (view,) = stream.push(source.frames[index], source.camera_to_world[index], **given)
            assert view is not None
            assert view.stamps_ns.tolist() == [100 * (index + 1)]
            assert view.frames.shape == (1, 32, 48, 3)
            shown += 1
    assert shown == 3
    last = PosedClip(source.frames[2:], CAMERA, source.camera_to_world[2:], source.stamps_ns[2:])
    once = CameraTrajectory(CAMERA, target.camera_to_world, np.array([1500]))
    clipped = SynthesisRequest((last,), (once,), steps=1, seed=2, options=OPTIONS)
    assert np.array_equal(method.synthesize(clipped).views[0].frames, view.frames)


def test_an_engine_serves_it(method: AnyView, caplog: pytest.LogCaptureFixture) -> None:
    engine = Engine(method)
    with caplog.at_level(logging.WARNING):
        engine.start(timeout_s=60)
    try:
        result = engine.submit(request()).future.result(timeout=120)
        assert result.provenance.weights_hash == method.weights_hash
    finally:
        engine.close()


def test_warm_up_once_per_size(method: AnyView) -> None:
    assert method.warm_up(CAMERA, CAMERA, options=OPTIONS) > 0
    assert method.warm_up(CAMERA, CAMERA, options=OPTIONS) == 0
    larger = AnyViewOptions(domain="robotics", source_size=SIZE, target_size=(64, 32))
    assert method.warm_up(CAMERA, CAMERA, options=larger) > 0


def test_closed(method: AnyView) -> None:
    method.close()
    method.close()
    with pytest.raises(EngineClosedError):
        method.synthesize(request())
    with pytest.raises(EngineClosedError):
        method.open_stream(CAMERA, (CAMERA,))


def test_without_weights_one_error_says_all() -> None:
    with pytest.raises(WeightsError, match=r"TRI-ML/AnyView-DVS.*anyview weights convert.*works now"):
        load_synthesizer("anyview")


def test_devices_are_checked_before_weights_are_read(small_weights: Path) -> None:
    for device in ("gpu0", "cuda:99"):
        with pytest.raises(InvalidInputError, match=f"device '{device}' cannot be used"):
            load_synthesizer("anyview", device=device, weights=str(small_weights))
    assert AnyView(weights=small_weights, device="cpu:0").device == "cpu:0"


def test_loaded_by_name(small_weights: Path) -> None:
    loaded = load_synthesizer("anyview", device="cpu", weights=str(small_weights))
    assert loaded.describe().name == "anyview"
    loaded.close()


@pytest.mark.parametrize("options", [None, {}, AnyViewOptions()])
def test_unknown_scale(method: AnyView, options: object) -> None:
    with pytest.raises(InvalidRequestError, match=r"scale of the scene is unknown.*robotics"):
        method.synthesize(request(options=options))
    with pytest.raises(InvalidRequestError, match="scale of the scene is unknown"):
        method.open_stream(CAMERA, (CAMERA,), options=options)


@pytest.mark.parametrize(("count", "wanted"), [(12, "13 to 41"), (14, "13 or 17"), (42, "13 to 41")])
def test_clips_of_other_lengths(method: AnyView, count: int, wanted: str) -> None:
    with pytest.raises(InvalidRequestError, match=wanted):
        method.synthesize(request(trajectory(count=count), sources=(clip(count),)))


def test_two_poses_at_one_instant(method: AnyView) -> None:
    twice = CameraTrajectory(CAMERA, trajectory().camera_to_world[:2], np.array([300, 300]))
    with pytest.raises(InvalidRequestError, match="one pose per instant"):
        method.synthesize(request(twice))


def test_poses_that_are_none() -> None:
    broken = trajectory().camera_to_world.copy()
    broken[3, 0, 3] = np.nan
    with pytest.raises(InvalidPoseError, match=r"camera_to_world\[3\]"):
        CameraTrajectory(CAMERA, broken)


def test_several_sources_and_seeds_too_large(method: AnyView) -> None:
    with pytest.raises(InvalidRequestError, match="exactly 1"):
        method.synthesize(request(sources=(clip(), clip())))
    with pytest.raises(InvalidInputError, match="seed is 42949672"):
        method.synthesize(request(seed=42949672))
    with pytest.raises(InvalidInputError, match="seed is 42949672"):
        method.open_stream(CAMERA, [CAMERA], seed=42949671, options={"domain": "metric", "samples": 2})


def test_attention_backends(method: AnyView) -> None:
    base = {"domain": "robotics", "source_size": SIZE, "target_size": SIZE}
    native = method.synthesize(request(options=base)).views[0].frames
    exact = method.synthesize(request(options={**base, "attention_backend": "_native_math"})).views[0].frames
    assert worst(native, exact) <= 1
    for unknown in ("fast", "flash_hub"):
        with pytest.raises(InvalidRequestError, match="choose one of"):
            method.synthesize(request(options={**base, "attention_backend": unknown}))
    with pytest.raises(InvalidRequestError, match="does not work here"):
        method.synthesize(request(options={**base, "attention_backend": "sage"}))


def test_the_method_that_compiles_gives_the_same(
    small_weights: Path, method: AnyView, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = []

    def compile_(module: torch.nn.Module, *_: Any, **__: Any) -> None:
        compiled.append(type(module).__name__)

    monkeypatch.setattr(torch.nn.Module, "compile", compile_)
    AnyView(weights=small_weights, device="cpu", compile_blocks=True)
    assert compiled == ["AnyViewBlock", "AnyViewBlock"]


def test_the_engine_can_warm_it_up(method: AnyView) -> None:
    request = warm_up_request(method.describe())
    assert len(method.synthesize(request).views[0]) == 1
