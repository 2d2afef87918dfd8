from __future__ import annotations

from pathlib import Path

import pytest
import torch

from anyview_ros.methods.anyview.codec import VideoCodec
from anyview_ros.methods.anyview.generation import evaluations, generate
from anyview_ros.methods.anyview.weights import load_bundle


def flow(weights: Path, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    bundle = load_bundle(weights, torch.device("cpu"), dtype)
    codec = VideoCodec(bundle.autoencoder)
    generator = torch.Generator().manual_seed(0)
    picture = codec.encode(torch.rand(1, 3, 5, 32, 48, generator=generator) * 2 - 1)
    rays = torch.randn(2, 32, 2, 4, 6, generator=generator)
    with torch.no_grad():
        text = bundle.transformer.text_keys_values(bundle.text)
    latents = generate(
        bundle.transformer, text, picture, rays, rays.flip(0), seeds=[1, 1], steps=2, sampler="ab2"
    )
    return latents, codec.decode(latents)


def test_bfloat16_as_on_an_accelerator_is_near_float32(small_weights: Path) -> None:
    exact, video = flow(small_weights, torch.float32)
    rough, rough_video = flow(small_weights, torch.bfloat16)
    assert exact.dtype == rough.dtype == torch.float64
    assert exact.shape == (2, 16, 2, 4, 6)
    assert video.shape == rough_video.shape == (2, 3, 5, 32, 48)
    correlation = torch.corrcoef(torch.stack([exact.flatten(), rough.flatten()]))[0, 1]
    assert correlation > 0.99
    assert not torch.equal(exact, rough)


def test_parameters_are_cast_and_position_buffers_stay_exact(small_weights: Path) -> None:
    state = load_bundle(small_weights, torch.device("cpu"), torch.bfloat16).transformer.state_dict()
    assert state["blocks.0.mlp.layer1.weight"].dtype == torch.bfloat16
    assert state["pos_embedder.seq"].dtype == torch.float32


@pytest.mark.parametrize("steps", [1, 35])
def test_one_evaluation_more_than_steps(steps: int) -> None:
    assert evaluations(steps) == steps + 1
