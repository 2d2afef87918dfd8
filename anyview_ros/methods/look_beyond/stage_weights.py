"""Weights of one stage in a safetensors file in bfloat16, whose header carries the network's settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from anyview_ros.errors import InvalidInputError, MissingDependencyError, WeightsError

if TYPE_CHECKING:
    from torch import nn

Network = TypeVar("Network", bound="nn.Module")


@dataclass(frozen=True, eq=False)
class StageWeights(Generic[Network]):
    """A denoiser with its weights.

    Attributes:
        network: float32, in evaluation mode.
        sha256: of the file, hex.
        about: what its header says, such as the steps trained.
    """

    network: Network
    sha256: str
    about: dict[str, str]


def write_weights(
    path: Path, network: nn.Module, settings: Mapping[str, Any], file_format: str, about: Mapping[str, str]
) -> None:
    """Write a network to ``path`` in bfloat16, replacing what is there.

    Args:
        path: of the file.
        network: what to write.
        settings: that make an empty network of its size.
        file_format: name and version of the format.
        about: more for the header, such as the steps trained.
    """
    import torch
    from safetensors.torch import save_file

    tensors = {
        name: value.detach().to("cpu", torch.bfloat16).contiguous()
        for name, value in network.state_dict().items()
    }
    unfinished = path.with_suffix(".part")
    header = {"format": file_format, "config": json.dumps(dict(settings)), **about}
    save_file(tensors, str(unfinished), header)
    unfinished.chmod(0o644)  # safetensors lets the owner alone read what it writes
    unfinished.replace(path)


def read_weights(
    path: Path, make: Callable[[dict[str, Any]], Network], file_format: str, device: str, *, stage: str
) -> StageWeights[Network]:
    """Read a network from ``path``.

    Args:
        path: of the file.
        make: makes an empty network of the settings in the header; raises InvalidInputError for settings there are not.
        file_format: name and version that the header must say.
        device: torch device.
        stage: what `anyview train look_beyond --stage` calls it.

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
    if not path.is_file():
        raise WeightsError(
            f"there are no weights at {path}; `anyview train look_beyond --stage {stage} --out FOLDER` makes them: "
            "give weights=FOLDER"
        )
    try:
        with safe_open(str(path), framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is damaged or no safetensors file ({error}); copy it again") from error
    if header.get("format") != file_format:
        raise WeightsError(
            f"{path} has format {header.get('format')!r} in its header, not {file_format!r}: these are weights of "
            "another model or version"
        )
    try:
        network = make(json.loads(header["config"]))
    except (KeyError, AttributeError, json.JSONDecodeError, InvalidInputError) as error:
        raise WeightsError(f"the header of {path} cannot be used: {error}") from error
    try:
        network.load_state_dict({name: value.to(torch.float32) for name, value in tensors.items()})
    except RuntimeError as error:
        raise WeightsError(f"{path} does not fit the settings in its own header: {error}") from error
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return StageWeights(network.eval().requires_grad_(False).to(device), digest, header)
