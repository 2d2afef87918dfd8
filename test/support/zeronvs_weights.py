"""Weights of a tiny diffusion network whose every part has a say, for tests that need no good pictures."""

from __future__ import annotations

from pathlib import Path

import torch

from anyview_ros.methods.zeronvs.config import ZeroConfig
from anyview_ros.methods.zeronvs.network import ZeroNetwork
from anyview_ros.methods.zeronvs.reliability import Reliability
from anyview_ros.methods.zeronvs.weights_file import save_weights

TINY = ZeroConfig(
    side=16, patch=4, width=48, layers=2, source_layers=1, heads=2, condition_width=16, mlp_ratio=2, refine=8
)


def tiny_network(config: ZeroConfig = TINY, seed: int = 0) -> ZeroNetwork:
    torch.manual_seed(seed)
    network = ZeroNetwork(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            fan_in = max(parameter[0].numel() if parameter.ndim > 1 else 16, 1)
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.5 / fan_in**0.5)
    return network.eval().requires_grad_(False)


def tiny_weights(folder: Path, config: ZeroConfig = TINY) -> Path:
    path = folder / "zeronvs.safetensors"
    save_weights(path, tiny_network(config), Reliability(0.4, 0.3), {"steps": "0"})
    return path
