"""Weights in files: safetensors in bfloat16, with the network's settings and calibration in the header."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyview_ros.methods.anyview_small.config import SmallConfig
from anyview_ros.methods.network_files import (
    FileFormat,
    NetworkFile,
    read_network,
    read_note,
    write_network,
)

if TYPE_CHECKING:
    from anyview_ros.methods.anyview_small.network import SmallNetwork

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
class LoadedWeights(NetworkFile["SmallNetwork"]):
    """A network with its weights.

    Attributes:
        calibration: of its confidence.
    """

    calibration: Calibration


def _empty(settings: dict[str, Any]) -> SmallNetwork:
    from anyview_ros.methods.anyview_small.network import SmallNetwork

    return SmallNetwork(SmallConfig.from_dict(settings))


FORMAT = FileFormat(
    "anyview_small/1", "anyview_small", "small", "leave weights out to use those that are shipped", _empty
)


def save_weights(
    path: Path, network: SmallNetwork, calibration: Calibration, about: dict[str, str] | None = None
) -> None:
    """Write a network to ``path`` in bfloat16.

    Args:
        path: of the file, replaced if it is there.
        network: what to write.
        calibration: of its confidence.
        about: more for the header, such as the steps trained.
    """
    write_network(path, network, FORMAT, {"calibration": json.dumps(asdict(calibration)), **(about or {})})


def load_weights(path: Path, device: str) -> LoadedWeights:
    """Read a network from ``path``; see :func:`~anyview_ros.methods.network_files.read_network`.

    Raises:
        WeightsError: no such file, not ours, damaged, or tensors missing, left over or of another shape.
        MissingDependencyError: PyTorch or safetensors is not installed.
    """
    file = read_network(path, FORMAT, device)
    calibration = read_note(path, file.about, "calibration", lambda values: Calibration(**values))
    return LoadedWeights(**vars(file), calibration=calibration)
