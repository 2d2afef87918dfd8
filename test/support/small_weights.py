"""Weights of a tiny small network whose every part has a say, for tests that need no good pictures."""

from __future__ import annotations

from pathlib import Path

import torch

from anyview_ros.methods.anyview_small.config import SmallConfig
from anyview_ros.methods.anyview_small.network import SmallNetwork
from anyview_ros.methods.anyview_small.weights import Calibration, save_weights

TINY = SmallConfig(
    side=32, smallest_side=32, width=64, layers=2, heads=2, stem=16, planes=6, mlp_ratio=2, memory_frames=3
)


def tiny_network(config: SmallConfig = TINY, seed: int = 0) -> SmallNetwork:
    torch.manual_seed(seed)
    network = SmallNetwork(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            fan_in = max(parameter[0].numel() if parameter.ndim > 1 else 16, 1)
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.5 / fan_in**0.5)
    return network.eval().requires_grad_(False)


def tiny_weights(folder: Path, config: SmallConfig = TINY) -> Path:
    path = folder / "anyview_small.safetensors"
    save_weights(path, tiny_network(config), Calibration(0.1, 2.0, 0.2), {"steps": "0"})
    return path
