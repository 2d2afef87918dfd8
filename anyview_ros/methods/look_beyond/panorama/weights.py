"""Weights of the panorama denoiser in one safetensors file, which carries its settings."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anyview_ros.errors import InvalidInputError, MissingDependencyError, WeightsError
from anyview_ros.methods.look_beyond.panorama.config import PanoramaConfig

if TYPE_CHECKING:
    from anyview_ros.methods.look_beyond.panorama.network import PanoramaDenoiser

FORMAT = "look_beyond_panorama/1"
PANORAMA_FILE = "panorama.safetensors"


@dataclass(frozen=True, eq=False)
class PanoramaWeights:
    """A denoiser with its weights.

    Attributes:
        network: float32, in evaluation mode.
        sha256: of the file, hex.
        about: what its header says, such as the steps trained.
    """

    network: PanoramaDenoiser
    sha256: str
    about: dict[str, str]


def save_panorama_weights(path: Path, network: PanoramaDenoiser, about: dict[str, str] | None = None) -> None:
    """Write a denoiser to ``path`` in bfloat16, replacing what is there.

    Args:
        path: of the file.
        network: what to write.
        about: more for the header, such as the steps trained.
    """
    import torch
    from safetensors.torch import save_file

    tensors = {
        name: value.detach().to("cpu", torch.bfloat16).contiguous()
        for name, value in network.state_dict().items()
    }
    unfinished = path.with_suffix(".part")
    header = {"format": FORMAT, "config": json.dumps(network.config.as_dict()), **(about or {})}
    save_file(tensors, str(unfinished), header)
    unfinished.chmod(0o644)  # safetensors lets the owner alone read what it writes
    unfinished.replace(path)


def load_panorama_weights(path: Path, device: str) -> PanoramaWeights:
    """Read a denoiser from ``path``.

    Raises:
        WeightsError: no such file, not ours, damaged, or tensors missing, left over or of another shape.
        MissingDependencyError: PyTorch or safetensors is not installed.
    """
    try:
        import torch
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise MissingDependencyError(
            "method 'look_beyond' needs PyTorch, diffusers and safetensors: pip install 'anyview_ros[diffusion]'"
        ) from error
    from anyview_ros.methods.look_beyond.panorama.network import PanoramaDenoiser

    if not path.is_file():
        raise WeightsError(
            f"there are no weights at {path}; `anyview train look_beyond --stage panorama --out FOLDER` makes them: "
            "give weights=FOLDER"
        )
    try:
        with safe_open(str(path), framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is damaged or no safetensors file ({error}); copy it again") from error
    if header.get("format") != FORMAT:
        raise WeightsError(
            f"{path} has format {header.get('format')!r} in its header, not {FORMAT!r}: these are weights of another "
            "model or version"
        )
    try:
        network = PanoramaDenoiser(PanoramaConfig.from_dict(json.loads(header["config"])))
    except (KeyError, AttributeError, json.JSONDecodeError, InvalidInputError) as error:
        raise WeightsError(f"the header of {path} cannot be used: {error}") from error
    try:
        network.load_state_dict({name: value.to(torch.float32) for name, value in tensors.items()})
    except RuntimeError as error:
        raise WeightsError(f"{path} does not fit the settings in its own header: {error}") from error
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return PanoramaWeights(network.eval().requires_grad_(False).to(device), digest, header)
