"""Weights of the video denoiser in one safetensors file, which carries its settings."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anyview_ros.errors import InvalidInputError, MissingDependencyError, WeightsError
from anyview_ros.methods.look_beyond.video.config import VideoConfig

if TYPE_CHECKING:
    from anyview_ros.methods.look_beyond.video.network import VideoDenoiser

FORMAT = "look_beyond_video/1"
VIDEO_FILE = "video.safetensors"


@dataclass(frozen=True, eq=False)
class VideoWeights:
    """A denoiser with its weights.

    Attributes:
        network: float32, in evaluation mode.
        sha256: of the file, hex.
        about: what its header says, such as the steps trained.
    """

    network: VideoDenoiser
    sha256: str
    about: dict[str, str]


def save_video_weights(path: Path, network: VideoDenoiser, about: dict[str, str] | None = None) -> None:
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
    save_file(
        tensors,
        str(unfinished),
        {"format": FORMAT, "config": json.dumps(network.config.as_dict()), **(about or {})},
    )
    unfinished.chmod(0o644)  # safetensors lets the owner alone read what it writes
    unfinished.replace(path)


def load_video_weights(path: Path, device: str) -> VideoWeights:
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
    from anyview_ros.methods.look_beyond.video.network import VideoDenoiser

    if not path.is_file():
        raise WeightsError(
            f"there are no weights at {path}; `anyview train look_beyond --out FOLDER` makes them in minutes: give "
            "weights=FOLDER"
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
        network = VideoDenoiser(VideoConfig.from_dict(json.loads(header["config"])))
    except (KeyError, AttributeError, json.JSONDecodeError, InvalidInputError) as error:
        raise WeightsError(f"the header of {path} cannot be used: {error}") from error
    try:
        network.load_state_dict({name: value.to(torch.float32) for name, value in tensors.items()})
    except RuntimeError as error:
        raise WeightsError(f"{path} does not fit the settings in its own header: {error}") from error
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return VideoWeights(network.eval().requires_grad_(False).to(device), digest, header)
