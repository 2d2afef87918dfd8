"""Weights of the video denoiser in one safetensors file, which carries its settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.methods.look_beyond.video.config import VideoConfig
from anyview_ros.methods.network_files import FileFormat, NetworkFile, read_network, write_network

if TYPE_CHECKING:
    from anyview_ros.methods.look_beyond.video.network import VideoDenoiser

FORMAT = FileFormat(
    "look_beyond_video/1",
    "look_beyond",
    "diffusion",
    "`anyview train look_beyond --stage video --out FOLDER` makes them: give weights=FOLDER",
)
VIDEO_FILE = "video.safetensors"


def save_video_weights(path: Path, network: VideoDenoiser, about: dict[str, str] | None = None) -> None:
    """Write a denoiser to ``path`` in bfloat16, replacing what is there; ``about`` joins its header."""
    write_network(path, network, network.config.as_dict(), FORMAT, about or {})


def load_video_weights(path: Path, device: str) -> NetworkFile[VideoDenoiser]:
    """Read a denoiser from ``path``.

    Raises:
        WeightsError: no such file, not ours, damaged, or tensors missing, left over or of another shape.
        MissingDependencyError: PyTorch or safetensors is not installed.
    """
    return read_network(path, _empty, FORMAT, device)


def _empty(settings: dict[str, Any]) -> VideoDenoiser:
    from anyview_ros.methods.look_beyond.video.network import VideoDenoiser

    return VideoDenoiser(VideoConfig.from_dict(settings))
