"""Weights of the video denoiser in one safetensors file, which carries its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyview_ros.methods.look_beyond.video.config import VideoConfig
from anyview_ros.methods.network_files import FileFormat

if TYPE_CHECKING:
    from anyview_ros.methods.look_beyond.video.network import VideoDenoiser

VIDEO_FILE = "video.safetensors"


def _empty(settings: dict[str, Any]) -> VideoDenoiser:
    from anyview_ros.methods.look_beyond.video.network import VideoDenoiser

    return VideoDenoiser(VideoConfig.from_dict(settings))


VIDEO = FileFormat(
    "look_beyond_video/1",
    "look_beyond",
    "diffusion",
    "`anyview train look_beyond --stage video --output FOLDER` makes them: give weights=FOLDER",
    _empty,
)
