"""The benchmark for GPUs can be run without one, and counts the work of the full size rightly."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from anyview_ros.methods.anyview.transformer import AnyViewTransformer
from benchmarks import anyview_speed


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("speed") / "speed.json"
    arguments = ["speed", "--tiny", "--device", "cpu", "--repeats", "1", "--json", str(path)]
    arguments += ["--backends", "native", "_native_cudnn"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", arguments)
        patch.setattr(anyview_speed, "EVALUATIONS", (3, 2))
        patch.setattr(
            AnyViewTransformer, "compile_repeated_blocks", lambda _: None
        )  # takes a compiler, and a while
        anyview_speed.main()
    return dict(json.loads(path.read_text()))


def test_everything_is_timed(told: dict[str, Any]) -> None:
    (clip,) = told["clips"]
    assert told["matrix_tflops"] > 0
    assert clip["clip"] == "5x48x32"
    assert set(clip["evaluation_s"]) == {"native", "native, compiled"}
    assert list(clip["refused"]) == ["_native_cudnn"]
    for name in ("encode_s", "rays_s", "decode_s", "floor_s"):
        assert clip[name] > 0
    kept = "evaluations, rays kept"
    assert set(clip["view_s"]) == {
        f"3 {kept}",
        "3 evaluations, rays anew",
        f"2 {kept}",
        "2 evaluations, rays anew",
        f"2 {kept}, 4 targets at once, each",
        f"3 {kept}, first-block cache",
        f"2 {kept}, first-block cache",
    }
    for count in (2, 3):
        anew, same = (clip["view_s"][f"{count} evaluations, rays {how}"] for how in ("anew", "kept"))
        assert anew - same == pytest.approx(2 * clip["rays_s"])


def test_the_work_of_the_full_size_is_that_of_the_formula() -> None:
    config = {"context_width": 1024}
    with torch.device("meta"):
        full = AnyViewTransformer(**config)
    networks: Any = SimpleNamespace(transformer=full, codec=SimpleNamespace(base_width=96))
    clip = anyview_speed.FULL_CLIPS[1]
    evaluation, encode, decode = anyview_speed.counted_tflop(networks, clip)
    width, layers = 2048, 28
    tokens = 2 * 4 * (304 // 16) * (576 // 16)
    formula = 2 * 14 * width**2 * layers * tokens + 4 * tokens**2 * width * layers
    formula += 4 * tokens * 512 * width * layers
    assert evaluation == pytest.approx(formula / 1e12, rel=0.02)
    assert 5 < encode < 20
    assert encode < decode < 30


def test_the_rays_of_a_view_are_timed_as_two_videos() -> None:
    encoded: list[int] = []
    codec = SimpleNamespace(encode=lambda video: encoded.append(len(video)), decode=lambda latent: latent)
    networks: Any = SimpleNamespace(codec=codec, device=torch.device("cpu"))
    times = anyview_speed.ClipTimes("tiny", 0.0, 0.0, 0.0, 0.0)
    anyview_speed._time_autoencoder(networks, anyview_speed.TINY_CLIPS[0], 1, times)
    assert encoded == [1, 1, 1, 2, 2]  # for the decoder; one video and the rays, each with a time not counted


def test_a_device_is_waited_for_and_the_least_time_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 9.0, 10.0, 12.0, 20.0, 21.0])
    monkeypatch.setattr(anyview_speed.time, "perf_counter", lambda: next(clock))
    calls: list[int] = []
    assert anyview_speed.timed(lambda: calls.append(1), torch.device("cpu"), repeats=2) == 1.0
    assert len(calls) == 3


def test_compiled_blocks_are_as_before_afterwards() -> None:
    networks = anyview_speed.random_networks(torch.device("cpu"), tiny=True)
    with anyview_speed._compiled(networks.transformer):
        assert all(block._compiled_call_impl is not None for block in networks.transformer.blocks)
    assert all(block._compiled_call_impl is None for block in networks.transformer.blocks)


def test_lines_tell_times_over_the_floor_and_why_some_are_missing() -> None:
    times = anyview_speed.ClipTimes(
        "13x576x304", 26.0, 10.0, 17.0, 0.05, {"native": 0.1}, {"flash": "no kernel"}
    )
    text = "\n".join(anyview_speed.lines_of(times))
    assert "2.00 x floor" in text
    assert "not here: no kernel" in text


def test_the_clips_are_those_of_the_release(tmp_path: Path) -> None:
    assert [str(clip) for clip in anyview_speed.FULL_CLIPS] == ["41x576x304", "13x576x304"]
    assert anyview_speed.FULL_CLIPS[0].latent == (11, 38, 72)
