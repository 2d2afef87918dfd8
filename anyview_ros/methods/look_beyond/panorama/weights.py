"""Weights of the panorama denoiser in one safetensors file, which carries its settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.methods.look_beyond.panorama.config import PanoramaConfig
from anyview_ros.methods.look_beyond.stage_weights import StageWeights, read_weights, write_weights

if TYPE_CHECKING:
    from anyview_ros.methods.look_beyond.panorama.network import PanoramaDenoiser

FORMAT = "look_beyond_panorama/1"
PANORAMA_FILE = "panorama.safetensors"


def save_panorama_weights(path: Path, network: PanoramaDenoiser, about: dict[str, str] | None = None) -> None:
    """Write a denoiser to ``path`` in bfloat16, replacing what is there; ``about`` joins its header."""
    write_weights(path, network, network.config.as_dict(), FORMAT, about or {})


def load_panorama_weights(path: Path, device: str) -> StageWeights[PanoramaDenoiser]:
    """Read a denoiser from ``path``.

    Raises:
        WeightsError: no such file, not ours, damaged, or tensors missing, left over or of another shape.
        MissingDependencyError: PyTorch or safetensors is not installed.
    """
    return read_weights(path, _empty, FORMAT, device, stage="panorama")


def _empty(settings: dict[str, Any]) -> PanoramaDenoiser:
    from anyview_ros.methods.look_beyond.panorama.network import PanoramaDenoiser

    return PanoramaDenoiser(PanoramaConfig.from_dict(settings))
