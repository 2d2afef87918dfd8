"""Weights of the small network in files: safetensors in bfloat16, with the network's settings in the header."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from anyview_ros.methods.network_files import FileFormat, read_network, read_note, write_network
from anyview_ros.methods.zeronvs.config import ZeroConfig
from anyview_ros.methods.zeronvs.reliability import Reliability

SHIPPED = Path(__file__).parent / "weights" / "zeronvs.safetensors"
REMEDY = (
    "`anyview train zeronvs` makes weights in half an hour of a CPU core; leave weights out for those shipped"
)
FORMAT = FileFormat("zeronvs_small/1", "zeronvs", "diffusion", REMEDY)


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
    notes = {"reliability": json.dumps(asdict(reliability)), **(about or {})}
    write_network(path, network, network.config.as_dict(), FORMAT, notes)


def load_weights(path: Path, device: str) -> LoadedWeights:
    """Read a network from ``path``.

    Raises:
        WeightsError: no such file, not ours, damaged, or tensors missing, left over or of another shape.
        MissingDependencyError: PyTorch or safetensors is not installed.
    """
    file = read_network(path, _empty, FORMAT, device)
    reliability = read_note(path, file.about, "reliability", lambda values: Reliability(**values))
    return LoadedWeights(file.network, reliability, file.sha256, file.about)


def _empty(settings: dict[str, Any]) -> Any:
    from anyview_ros.methods.zeronvs.network import ZeroNetwork

    return ZeroNetwork(ZeroConfig.from_dict(settings))
