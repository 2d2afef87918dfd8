"""Every method computes on a device other than the CPU and shows the same there; see ``pretended_device``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyview_release
import numpy as np
import pytest
import torch
from clips import box_clip, sideways
from ddr_scenes import QUICK, small_clip
from look_beyond_weights import tiny_stages
from pretended_device import DEVICE, MixedDevicesError, pretended_device
from small_weights import TINY, tiny_weights
from zeronvs_weights import tiny_weights as tiny_zeronvs

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import CameraTrajectory, PinholeCamera, look_at
from anyview_ros.methods.any4d import Any4DFitter
from anyview_ros.methods.anyview_small.config import SmallConfig
from anyview_ros.methods.ddr import DdrFitter
from anyview_ros.methods.zeronvs.distillation import DistillOptions, ZeroFitter
from anyview_ros.synthesis import SynthesisRequest, Synthesizer, load_synthesizer
from anyview_ros.synthesis.fitting import FitBudget, SceneFitter
from anyview_ros.synthesis.scene_file import write_scene

SMALL_CAMERA = PinholeCamera(30.0, 30.0, 23.5, 15.5, 48, 32)


def test_the_pretended_device_refuses_what_a_gpu_refuses() -> None:
    with pretended_device() as device:
        there = torch.ones(3, device=device, requires_grad=True)
        (2 * there).sum().backward()
        assert there.grad is not None
        assert there.grad.device.type == DEVICE
        assert there[torch.tensor([0, 2])].tolist() == [1, 1]
        assert (there + 1).detach().cpu().numpy().tolist() == [2, 2, 2]
        with pytest.raises(MixedDevicesError, match="tensors of two devices"):
            there + torch.ones(3)
        with pytest.raises(MixedDevicesError, match="two devices"):
            torch.ones(3)[torch.ones(3, device=device) > 0]
        with pytest.raises(MixedDevicesError, match="generator"):
            torch.rand(3, device=device, generator=torch.Generator())
        with pytest.raises(RuntimeError, match="numpy"):
            there.detach().numpy()


def same_in_both_places(
    load: Callable[[str], Synthesizer], request: SynthesisRequest, *, within: int = 1
) -> None:
    """Within so many grey levels."""
    here = load("cpu").synthesize(request).views[0]
    with pretended_device() as device:
        there = load(device).synthesize(request).views[0]
    assert here.frames.std() > 1
    assert np.abs(here.frames.astype(int) - there.frames).max() <= within
    np.testing.assert_allclose(there.confidence.astype(float), here.confidence, atol=1)


def anyview_clip() -> PosedClip:
    frames = np.random.default_rng(0).integers(0, 255, (13, 32, 48, 3), np.uint8)
    poses = np.stack([look_at((0.1 * t, -1.0, 0.5), (0, 0, 0)) for t in range(13)])
    return PosedClip(frames, SMALL_CAMERA, poses, 100 * np.arange(1, 14))


@pytest.mark.parametrize("depth", [True, False])
@pytest.mark.parametrize(("steps", "one_depth"), [(1, False), (2, False), (2, True)])
def test_anyview_small(tmp_path: Path, steps: int, one_depth: bool, depth: bool) -> None:
    config = SmallConfig.from_dict({**TINY.as_dict(), "flow": 8})
    weights = str(tiny_weights(tmp_path, config))
    options = {"one_depth": one_depth}
    request = SynthesisRequest((box_clip(depth=depth),), (sideways(),), steps=steps, options=options)
    same_in_both_places(
        lambda device: load_synthesizer("anyview_small", device=device, weights=weights), request
    )


def test_a_live_stream_of_anyview_small(tmp_path: Path) -> None:
    weights = str(tiny_weights(tmp_path))
    source, to = box_clip(), sideways()
    shown = []
    for place in ("cpu", DEVICE):
        with pretended_device():
            method = load_synthesizer("anyview_small", device=place, weights=weights)
            with method.open_stream(source.camera, [to.camera]) as stream:
                for t in range(len(source)):
                    (view,) = stream.push(
                        source.frames[t],
                        source.camera_to_world[t],
                        target_camera_to_world=[to.camera_to_world[t]],
                        stamp_ns=int(source.stamps_ns[t]),
                        depth=source.depth[t],
                    )
                    shown.append(view.frames[0].astype(int))
    here, there = np.split(np.stack(shown), 2)
    assert np.abs(here - there).max() <= 1


def test_anyview(tmp_path: Path) -> None:
    weights = str(anyview_release.write_small_bundle(tmp_path))
    size = anyview_release.SIZE
    options = {"domain": "robotics", "source_size": size, "target_size": size, "samples": 2}
    pose = look_at((0.4, -0.9, 0.5), (0, 0, 0))
    target = CameraTrajectory(SMALL_CAMERA, np.stack([pose] * 13))
    request = SynthesisRequest((anyview_clip(),), (target,), steps=2, options=options)
    same_in_both_places(
        lambda device: load_synthesizer("anyview", device=device, weights=weights), request, within=40
    )  # in bfloat16


@pytest.mark.parametrize("depth", [True, False])
def test_zeronvs(tmp_path: Path, depth: bool) -> None:
    weights = str(tiny_zeronvs(tmp_path))
    options = {} if depth else {"scale_m": 2.0}
    request = SynthesisRequest((box_clip(depth=depth),), (sideways(),), steps=2, options=options)
    same_in_both_places(lambda device: load_synthesizer("zeronvs", device=device, weights=weights), request)


def test_look_beyond(tmp_path: Path) -> None:
    weights = str(tiny_stages(tmp_path))
    request = SynthesisRequest(
        (box_clip(1),), (sideways(1, stamps_ns=[100]),), steps=2, options={"panorama_steps": 2}
    )
    same_in_both_places(
        lambda device: load_synthesizer("look_beyond", device=device, weights=weights), request
    )


@pytest.mark.parametrize(
    ("method", "fitter", "options"),
    [
        ("ddr", DdrFitter, QUICK),
        ("any4d", Any4DFitter, {"gaussians": 500}),
        (
            "zeronvs",
            ZeroFitter,
            DistillOptions(anchors=1, anchor_steps=2, voxels=2000, samples=8, rays=32, render_side=16),
        ),
    ],
)
def test_a_scene_is_fitted_and_shown(
    tmp_path: Path, method: str, fitter: Callable[..., SceneFitter], options: Any
) -> None:
    clip = small_clip()
    if method == "zeronvs":
        options = replace(options, weights=str(tiny_zeronvs(tmp_path)))
        clip = PosedClip(
            clip.frames[:1], clip.camera, clip.camera_to_world[:1], clip.stamps_ns[:1], clip.depth[:1]
        )
    with pretended_device() as device:
        outcome = fitter(device=device).fit([clip], budget=FitBudget(4), options=options)
    scene = tmp_path / "scene.safetensors"
    write_scene(scene, outcome.scene)
    assert outcome.steps == 4
    same_in_both_places(
        lambda device: load_synthesizer(method, device=device, scene=str(scene)),
        SynthesisRequest((clip,), (CameraTrajectory(clip.camera, clip.camera_to_world, clip.stamps_ns),)),
    )
