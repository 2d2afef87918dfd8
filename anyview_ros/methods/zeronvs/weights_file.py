"""Weights of the small network in files: safetensors in bfloat16, with the network's settings in the header."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from anyview_ros.errors import InvalidInputError, MissingDependencyError, WeightsError
from anyview_ros.methods.zeronvs.config import ZeroConfig
from anyview_ros.methods.zeronvs.reliability import Reliability

FORMAT = "zeronvs_small/1"
SHIPPED = Path(__file__).parent / "weights" / "zeronvs.safetensors"
REMEDY = "`anyview train zeronvs` makes weights in minutes; leave weights out for those that are shipped"


@dataclass(frozen=True, eq=False)
class LoadedWeights:
    """A network with its weights.

    Attributes:
        network: a ``ZeroNetwork``, float32, in evaluation mode.
        reliability: of its pictures.
        sha256: of the file, hex.
        about: what else its header says, such as the steps trained.
    """

    network: Any
    reliability: Reliability
    sha256: str
    about: dict[str, str]


def save_weights(
    path: Path, network: Any, reliability: Reliability, about: dict[str, str] | None = None
) -> None:
    """Write a network to ``path`` in bfloat16.

    Args:
        path: of the file, replaced if it is there.
        network: a ``ZeroNetwork``.
        reliability: of its pictures.
        about: more for the header, such as the steps trained.
    """
    import torch
    from safetensors.torch import save_file

    tensors = {
        name: value.detach().to("cpu", torch.bfloat16).contiguous()
        for name, value in network.state_dict().items()
    }
    header = {
        "format": FORMAT,
        "config": json.dumps(network.config.as_dict()),
        "reliability": json.dumps(asdict(reliability)),
        **(about or {}),
    }
    unfinished = path.with_suffix(".part")
    save_file(tensors, str(unfinished), header)
    unfinished.chmod(0o644)  # safetensors lets the owner alone read what it writes
    unfinished.replace(path)


def load_weights(path: Path, device: str) -> LoadedWeights:
    """Read a network from ``path``.

    Raises:
        WeightsError: no such file, not ours, damaged, or tensors missing, left over or of another shape.
        MissingDependencyError: PyTorch or safetensors is not installed.
    """
    try:
        import torch
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise MissingDependencyError(
            "method 'zeronvs' needs PyTorch, safetensors and diffusers: pip install 'anyview_ros[all]'"
        ) from error
    from anyview_ros.methods.zeronvs.network import ZeroNetwork

    if not path.is_file():
        raise WeightsError(f"there are no weights at {path}; {REMEDY}")
    try:
        with safe_open(str(path), framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is damaged or no safetensors file ({error}); {REMEDY}") from error
    config, reliability = _settings(path, header)
    network = ZeroNetwork(config)
    _check_tensors(path, tensors, network.state_dict())
    network.load_state_dict({name: value.to(torch.float32) for name, value in tensors.items()})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return LoadedWeights(network.eval().requires_grad_(False).to(device), reliability, digest, header)


def _settings(path: Path, header: dict[str, str]) -> tuple[ZeroConfig, Reliability]:
    if header.get("format") != FORMAT:
        raise WeightsError(
            f"{path} has format {header.get('format')!r} in its header, not {FORMAT!r}: these are weights of another "
            f"model or version; {REMEDY}"
        )
    try:
        config = ZeroConfig.from_dict(json.loads(header["config"]))
        reliability = Reliability(**json.loads(header["reliability"]))
    except (KeyError, TypeError, json.JSONDecodeError, InvalidInputError) as error:
        raise WeightsError(f"the header of {path} cannot be used: {error}") from error
    return config, reliability


def _check_tensors(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    missing, surplus = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    if missing or surplus:
        raise WeightsError(
            f"{path} does not fit the settings in its own header: missing {', '.join(missing) or 'nothing'}; "
            f"left over {', '.join(surplus) or 'nothing'}"
        )
    for name, value in wanted.items():
        if found[name].shape != value.shape:
            raise WeightsError(
                f"{path}: {name} is {tuple(found[name].shape)} but the settings in the header make it "
                f"{tuple(value.shape)}"
            )
