"""Weights of the video denoiser in one safetensors file, which carries its settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.methods.look_beyond.stage_weights import StageWeights, read_weights, write_weights
from anyview_ros.methods.look_beyond.video.config import VideoConfig

if TYPE_CHECKING:
    from anyview_ros.methods.look_beyond.video.network import VideoDenoiser

FORMAT = "look_beyond_video/1"
VIDEO_FILE = "video.safetensors"


def save_video_weights(path: Path, network: VideoDenoiser, about: dict[str, str] | None = None) -> None:
    """Write a denoiser to ``path`` in bfloat16, replacing what is there; ``about`` joins its header."""
    write_weights(path, network, network.config.as_dict(), FORMAT, about or {})


def load_video_weights(path: Path, device: str) -> StageWeights[VideoDenoiser]:
    """Read a denoiser from ``path``.

    Raises:
        WeightsError: no such file, not ours, damaged, or tensors missing, left over or of another shape.
        MissingDependencyError: PyTorch or safetensors is not installed.
    """
    return read_weights(path, _empty, FORMAT, device, stage="video")


def _empty(settings: dict[str, Any]) -> VideoDenoiser:
    from anyview_ros.methods.look_beyond.video.network import VideoDenoiser

    return VideoDenoiser(VideoConfig.from_dict(settings))
