"""Weights of the small network in files: safetensors in bfloat16, with the network's settings in the header."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.methods.network_files import (
    FileFormat,
    NetworkFile,
    read_network,
    read_note,
    write_network,
)
from anyview_ros.methods.zeronvs.config import ZeroConfig
from anyview_ros.methods.zeronvs.reliability import Reliability

if TYPE_CHECKING:
    from anyview_ros.methods.zeronvs.network import ZeroNetwork

SHIPPED = Path(__file__).parent / "weights" / "zeronvs.safetensors"


@dataclass(frozen=True, eq=False)
class LoadedWeights(NetworkFile["ZeroNetwork"]):
    """A network with its weights.

    Attributes:
        reliability: of its pictures.
    """

    reliability: Reliability


def _empty(settings: dict[str, Any]) -> ZeroNetwork:
    from anyview_ros.methods.zeronvs.network import ZeroNetwork

    return ZeroNetwork(ZeroConfig.from_dict(settings))


FORMAT = FileFormat(
    "zeronvs_small/1",
    "zeronvs",
    "diffusion",
    "`anyview train zeronvs` makes weights in half an hour of a CPU core; leave weights out for those shipped",
    _empty,
)


def save_weights(
    path: Path, network: ZeroNetwork, reliability: Reliability, about: dict[str, str] | None = None
) -> None:
    """Write a network to ``path`` in bfloat16.

    Args:
        path: of the file, replaced if it is there.
        network: what to write.
        reliability: of its pictures.
        about: more for the header, such as the steps trained.
    """
    write_network(path, network, FORMAT, {"reliability": json.dumps(asdict(reliability)), **(about or {})})


def load_weights(path: Path, device: str) -> LoadedWeights:
    """Read a network from ``path``; see :func:`~anyview_ros.methods.network_files.read_network`.

    Raises:
        WeightsError: no such file, not ours, damaged, or tensors missing, left over or of another shape.
        MissingDependencyError: PyTorch or safetensors is not installed.
    """
    file = read_network(path, FORMAT, device)
    reliability = read_note(path, file.about, "reliability", lambda values: Reliability(**values))
    return LoadedWeights(**vars(file), reliability=reliability)
