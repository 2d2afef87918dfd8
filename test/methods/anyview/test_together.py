"""Requests of several callers in one batch of AnyView."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch
from anyview_release import SIZE

from anyview_ros.clips import PosedClip
from anyview_ros.errors import (
    EngineClosedError,
    InvalidRequestError,
    SynthesisCancelled,
)
from anyview_ros.geometry import CameraTrajectory, PinholeCamera, look_at
from anyview_ros.methods.anyview import AnyView, AnyViewOptions
from anyview_ros.methods.anyview import generation as generation_module
from anyview_ros.methods.anyview import method as method_module
from anyview_ros.methods.anyview.memory import MemoryModel, Workload
from anyview_ros.synthesis import BatchingSynthesizer, Engine, SynthesisRequest, SynthesisResult

COUNT = 13
CAMERA = PinholeCamera(30.0, 30.0, 23.5, 15.5, 48, 32)
OTHER = PinholeCamera(50.0, 45.0, 31.5, 23.5, 64, 48)  # of another size, worked on at the same
OPTIONS = {"domain": "robotics", "source_size": SIZE, "target_size": SIZE}


def clip(seed: int, camera: PinholeCamera = CAMERA, count: int = COUNT) -> PosedClip:
    generator = np.random.default_rng(seed)
    frames = generator.integers(0, 255, (count, camera.height, camera.width, 3), dtype=np.uint8)
    x = 0.1 * (seed + 1) * np.arange(count)
    poses = look_at(np.stack([x, np.full(count, -1.0), np.full(count, 0.5)], -1), (0, 0, 0))
    return PosedClip(frames, camera, poses, 100 * np.arange(1, count + 1))


def trajectory(angle: float, camera: PinholeCamera = CAMERA, count: int = COUNT) -> CameraTrajectory:
    pose = look_at((np.sin(angle), -np.cos(angle), 0.5), (0, 0, 0))
    return CameraTrajectory(camera, np.stack([pose] * count))


def asked(seed: int, *targets: CameraTrajectory, **changes: Any) -> SynthesisRequest:
    fields: dict[str, Any] = {"sources": (clip(seed),), "steps": 2, "seed": seed, "options": OPTIONS}
    return SynthesisRequest(targets=targets or (trajectory(0.3 + 0.2 * seed),), **{**fields, **changes})


def worst(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def watch_batches(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The seeds of each pass through the network."""
    passes: list[list[int]] = []

    def watched(*given: Any, **named: Any) -> torch.Tensor:
        passes.append(list(named["seeds"]))
        return generation_module.generate(*given, **named)

    monkeypatch.setattr(method_module, "generate", watched)
    return passes


def check_as_alone(method: AnyView, requests: list[SynthesisRequest], outcomes: list[Any]) -> None:
    for request, outcome in zip(requests, outcomes, strict=True):
        assert isinstance(outcome, SynthesisResult)
        alone = method.synthesize(request)
        assert outcome.provenance == alone.provenance
        for here, there in zip(outcome.views, alone.views, strict=True):
            assert here.frames.shape == there.frames.shape
            assert worst(here.frames, there.frames) <= 1
            assert here.camera == there.camera
            assert np.array_equal(here.stamps_ns, there.stamps_ns)
            assert np.allclose(here.confidence, there.confidence, atol=0.05)


def test_requests_together_are_as_alone(method: AnyView, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(method, BatchingSynthesizer)
    passes = watch_batches(monkeypatch)
    requests = [
        asked(3),
        asked(
            4,
            trajectory(0.9, OTHER),
            sources=(clip(4, OTHER),),
            options=AnyViewOptions(**{**OPTIONS, "domain": "kubric"}),
        ),
        asked(3, sources=(clip(5),)),  # the same seed, another source
    ]
    assert len({method.batch_key(request) for request in requests}) == 1
    steps: list[tuple[int, int]] = []
    outcomes = method.synthesize_together(requests, progress=lambda *told: steps.append(told))
    assert passes == [[3, 4, 3]]
    assert steps == [(1, 3), (2, 3), (3, 3)]
    check_as_alone(method, requests, outcomes)
    first, _, third = outcomes
    assert worst(first.views[0].frames, third.views[0].frames) > 10  # type: ignore[union-attr]


def test_several_targets_sizes_and_samples(method: AnyView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anyview_ros.methods.anyview.sizes.RELEASE_LONG_SIDES", (32, 48))
    small = PinholeCamera(20.0, 20.0, 15.5, 15.5, 32, 32)
    passes = watch_batches(monkeypatch)
    options = {"domain": "robotics", "source_size": SIZE, "samples": 2}
    requests = [
        asked(1, trajectory(0.4), trajectory(0.2, small), options=options, steps=1),
        asked(7, trajectory(0.1, small), trajectory(-0.5), options=options, steps=1),
    ]
    outcomes = method.synthesize_together(requests)
    assert [sorted(seeds) for seeds in passes] == [[1, 2, 7, 8], [1, 2, 7, 8]]
    check_as_alone(method, requests[1:], outcomes[1:])


def test_little_memory_makes_smaller_passes(method: AnyView, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(method, "_memory", MemoryModel(width=10**6, autoencoder_width=8, item_bytes=4))
    room = method._memory.bytes_needed(Workload(COUNT, SIZE, SIZE))
    monkeypatch.setattr(method_module, "free_bytes", lambda _: room)
    passes = watch_batches(monkeypatch)
    requests = [asked(seed, steps=1) for seed in range(2)]
    outcomes = method.synthesize_together(requests)
    assert passes == [[0], [1]]
    check_as_alone(method, requests[1:], outcomes[1:])


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 3},
        {"sources": (clip(0, count=17),), "targets": (trajectory(0.3, count=17),)},
        {"options": {**OPTIONS, "sampler": "euler"}},
        {"options": {**OPTIONS, "samples": 2}},
        {"options": {**OPTIONS, "attention_backend": "_native_math"}},
        {"options": {**OPTIONS, "source_size": (64, 32)}},
        {"options": {**OPTIONS, "target_size": (64, 32)}},
        {"targets": (trajectory(0.3), trajectory(0.4))},
    ],
)
def test_what_does_not_agree_is_not_served_together(method: AnyView, changes: dict[str, Any]) -> None:
    targets = changes.pop("targets", (trajectory(0.3),))
    other = asked(0, *targets, **changes)
    assert None is not method.batch_key(asked(0)) != method.batch_key(other) is not None
    with pytest.raises(InvalidRequestError, match="2 requests are of 2 kinds"):
        method.synthesize_together([asked(0), other])


def test_default_steps_are_steps(method: AnyView) -> None:
    assert method.batch_key(asked(0, steps=None)) == method.batch_key(asked(1, steps=35))


@pytest.mark.parametrize(
    "changes",
    [{"options": {"fast": True}}, {"sources": (clip(0, count=14),)}, {"sources": (clip(0), clip(1))}],
)
def test_what_cannot_be_served_has_no_key(method: AnyView, changes: dict[str, Any]) -> None:
    assert method.batch_key(asked(0, **changes)) is None
    with pytest.raises(InvalidRequestError, match="cannot be served"):
        method.synthesize_together([asked(0, **changes)])


def test_a_request_that_is_refused_leaves_the_others(
    method: AnyView, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = CameraTrajectory(CAMERA, trajectory(0.3).camera_to_world[:2], np.array([300, 300]))
    requests = [asked(0, twice), asked(1), asked(2, options={**OPTIONS, "domain": None})]
    passes = watch_batches(monkeypatch)
    stopped = threading.Event()
    stopped.set()
    outcomes = method.synthesize_together(requests, cancels=[stopped, threading.Event(), stopped])
    assert passes == [[1]]
    assert isinstance(outcomes[0], InvalidRequestError)
    assert "one pose per instant" in str(outcomes[0])
    assert isinstance(outcomes[2], InvalidRequestError)
    assert isinstance(outcomes[1], SynthesisResult)
    assert outcomes[1].provenance.seed == 1
    assert [str(outcome) for outcome in method.synthesize_together([requests[0]])] == [str(outcomes[0])]


def test_stops_when_all_are_stopped_and_not_before(method: AnyView) -> None:
    requests = [asked(seed) for seed in range(2)]
    cancels = [threading.Event(), threading.Event()]
    steps: list[int] = []

    def stop(step: int, _: int) -> None:
        steps.append(step)
        cancels[0].set()
        if len(steps) > 3:
            cancels[1].set()

    outcomes = method.synthesize_together(requests, progress=stop, cancels=cancels)
    assert steps == [1, 2, 3]
    assert isinstance(outcomes[1], SynthesisResult)
    cancels[0].clear()
    with pytest.raises(SynthesisCancelled):
        method.synthesize_together(requests, progress=stop, cancels=cancels)
    assert steps == [1, 2, 3, 1]


def test_memory_that_runs_out_all_the_same_is_told_as_such(
    method: AnyView, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine then asks for one at a time."""
    passes = []
    begun, waiting = threading.Event(), threading.Event()

    def cramped(*given: Any, **named: Any) -> torch.Tensor:
        passes.append(list(named["seeds"]))
        if named["seeds"] == [9]:
            begun.set()
            assert waiting.wait(60)
        if len(named["seeds"]) > 1:
            raise torch.OutOfMemoryError("12 GiB")
        return generation_module.generate(*given, **named)

    monkeypatch.setattr(method_module, "generate", cramped)
    requests = [asked(seed, steps=1) for seed in range(2)]
    with pytest.raises(torch.OutOfMemoryError):
        method.synthesize_together(requests)
    passes.clear()
    with Engine(method, warm_up=False) as engine:
        first = engine.submit(asked(9, steps=1))
        assert begun.wait(60)
        jobs = [engine.submit(request, client=str(request.seed)) for request in requests]
        waiting.set()
        outcomes = [job.future.result(60) for job in (first, *jobs)][1:]
        assert engine.statistics().splits == 1
    assert passes == [[9], [0, 1], [0], [1]]
    assert all(isinstance(outcome, SynthesisResult) for outcome in outcomes)


def test_closed(method: AnyView) -> None:
    method.close()
    with pytest.raises(EngineClosedError):
        method.synthesize_together([asked(0)])
