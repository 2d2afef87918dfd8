"""Weights of both stages of look_beyond, tiny and random, for tests that need no good pictures."""

from __future__ import annotations

from pathlib import Path

import torch

from anyview_ros.methods.look_beyond.panorama.config import PanoramaConfig
from anyview_ros.methods.look_beyond.panorama.network import PanoramaDenoiser
from anyview_ros.methods.look_beyond.panorama.weights import PANORAMA, PANORAMA_FILE
from anyview_ros.methods.look_beyond.video.config import VideoConfig
from anyview_ros.methods.look_beyond.video.network import VideoDenoiser
from anyview_ros.methods.look_beyond.video.weights import VIDEO, VIDEO_FILE
from anyview_ros.methods.network_files import write_network

TINY_PANORAMA = PanoramaConfig(
    height=16,
    width=32,
    heads=2,
    blocks=1,
    condition_width=16,
    source_width=32,
    source_height=16,
)
TINY_VIDEO = VideoConfig(frames=4, picture_width=24, picture_height=16, width=32, heads=2, blocks=2)


def shaken(network: torch.nn.Module, seed: int = 0, size: float = 0.3) -> torch.nn.Module:
    """The network with noise on every weight, so that every part has a say."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            fan_in = max(parameter[0].numel() if parameter.ndim > 1 else 16, 1)
            parameter.add_(torch.randn(parameter.shape, generator=generator) * size / fan_in**0.5)
    return network.eval().requires_grad_(False)


def tiny_video(seed: int = 0) -> VideoDenoiser:
    torch.manual_seed(seed)
    network = VideoDenoiser(TINY_VIDEO)
    shaken(network, seed)
    return network


def tiny_stages(folder: Path) -> Path:
    """A folder with both files."""
    torch.manual_seed(0)
    panorama = PanoramaDenoiser(TINY_PANORAMA)
    shaken(panorama)
    write_network(folder / PANORAMA_FILE, panorama, PANORAMA, {"steps": "0"})
    write_network(folder / VIDEO_FILE, tiny_video(), VIDEO, {"steps": "0"})
    return folder
