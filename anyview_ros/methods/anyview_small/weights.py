"""Weights in files: safetensors in bfloat16, with the network's settings and calibration in the header."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from anyview_ros.errors import InvalidInputError, MissingDependencyError, WeightsError
from anyview_ros.methods.anyview_small.config import SmallConfig

FORMAT = "anyview_small/1"
SHIPPED = Path(__file__).parent / "weights" / "anyview_small.safetensors"


@dataclass(frozen=True)
class Calibration:
    """How expected errors become confidence: 1 / (1 + exp(slope · log(error / middle))), times the support.

    Attributes:
        middle: the expected error (of values in [0, 1]) at which half of the pixels are good.
        slope: how fast that changes.
        beyond: confidence of what the source did not see, as part of that of what it saw.
        drawn: confidence of what is drawn in several steps, as part of that of the expected picture.
    """

    middle: float = 0.1
    slope: float = 2.0
    beyond: float = 0.0
    drawn: float = 1.0


@dataclass(frozen=True, eq=False)
class LoadedWeights:
    """A network with its weights.

    Attributes:
        network: float32, in evaluation mode.
        calibration: of its confidence.
        sha256: of the file, hex.
        about: what else its header says, such as the steps trained.
    """

    network: Any
    calibration: Calibration
    sha256: str
    about: dict[str, str]


def save_weights(
    path: Path, network: Any, calibration: Calibration, about: dict[str, str] | None = None
) -> None:
    """Write a network to ``path`` in bfloat16.

    Args:
        path: of the file, replaced if it is there.
        network: a ``SmallNetwork``.
        calibration: of its confidence.
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
        "calibration": json.dumps(asdict(calibration)),
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
            "method 'anyview_small' needs PyTorch and safetensors: pip install 'anyview_ros[small]'"
        ) from error
    from anyview_ros.methods.anyview_small.network import SmallNetwork

    if not path.is_file():
        raise WeightsError(f"there are no weights at {path}; leave weights out to use those that are shipped")
    try:
        with safe_open(str(path), framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is damaged or no safetensors file ({error}); copy it again") from error
    config, calibration = _settings(path, header)
    network = SmallNetwork(config)
    _check_tensors(path, tensors, network.state_dict())
    network.load_state_dict({name: value.to(torch.float32) for name, value in tensors.items()})
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return LoadedWeights(network.eval().requires_grad_(False).to(device), calibration, digest, header)


def _settings(path: Path, header: dict[str, str]) -> tuple[SmallConfig, Calibration]:
    if header.get("format") != FORMAT:
        raise WeightsError(
            f"{path} has format {header.get('format')!r} in its header, not {FORMAT!r}: these are weights of "
            "another model or version"
        )
    try:
        config = SmallConfig.from_dict(json.loads(header["config"]))
        calibration = Calibration(**json.loads(header["calibration"]))
    except (KeyError, TypeError, json.JSONDecodeError, InvalidInputError) as error:
        raise WeightsError(f"the header of {path} cannot be used: {error}") from error
    return config, calibration


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
