"""Weights of the panorama denoiser in one safetensors file, which carries its settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anyview_ros.methods.look_beyond.panorama.config import PanoramaConfig
from anyview_ros.methods.network_files import FileFormat

if TYPE_CHECKING:
    from anyview_ros.methods.look_beyond.panorama.network import PanoramaDenoiser

PANORAMA_FILE = "panorama.safetensors"


def _empty(settings: dict[str, Any]) -> PanoramaDenoiser:
    from anyview_ros.methods.look_beyond.panorama.network import PanoramaDenoiser

    return PanoramaDenoiser(PanoramaConfig.from_dict(settings))


PANORAMA = FileFormat(
    "look_beyond_panorama/1",
    "look_beyond",
    "diffusion",
    "`anyview train look_beyond --stage panorama --output FOLDER` makes them: give weights=FOLDER",
    _empty,
)
