"""A network of ours in one safetensors file: weights in bfloat16, the settings that make it in the header."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from anyview_ros.errors import InvalidInputError, MissingDependencyError, WeightsError
from anyview_ros.files import sha256_of_file, written_whole
from anyview_ros.methods.network_settings import NetworkSettings
from anyview_ros.methods.tensor_files import save_tensors

if TYPE_CHECKING:
    from torch import nn

Network = TypeVar("Network", bound="nn.Module")
Note = TypeVar("Note")


class ConfiguredNetwork(Protocol):
    """A network that knows the settings it was made with."""

    @property
    def config(self) -> NetworkSettings:
        """Its settings."""

    def state_dict(self) -> dict[str, Any]:
        """Its tensors by name."""


@dataclass(frozen=True)
class FileFormat(Generic[Network]):
    """What a kind of file is called, what it is read to, and what its reader says where there is none.

    Attributes:
        name: format and version, in the header.
        method: the method that reads it.
        extra: of the package, which installs what reading needs.
        remedy: how weights are come by.
        make: makes an empty network of the settings in the header; raises InvalidInputError for settings there are not.
    """

    name: str
    method: str
    extra: str
    remedy: str
    make: Callable[[dict[str, Any]], Network]


@dataclass(frozen=True, eq=False)
class NetworkFile(Generic[Network]):
    """A network with its weights.

    Attributes:
        network: float32, in evaluation mode.
        sha256: of the file, hex.
        about: its header, such as the steps trained.
    """

    network: Network
    sha256: str
    about: dict[str, str]


def weights_path(given: str | None, shipped: Path) -> Path:
    """The file of weights that is meant.

    Args:
        given: its path, or that of a folder that holds it under the name of what is shipped; None for what is shipped.
        shipped: path of the weights in the package.
    """
    path = shipped if given is None else Path(given)
    return path / shipped.name if path.is_dir() else path


def write_network(
    path: Path, network: ConfiguredNetwork, form: FileFormat[Any], about: Mapping[str, str]
) -> None:
    """Write a network to ``path`` in bfloat16, replacing what is there.

    Args:
        path: of the file.
        network: what to write.
        form: of the file.
        about: more for the header, such as the steps trained.
    """
    import torch

    tensors = {name: value.detach().to("cpu", torch.bfloat16) for name, value in network.state_dict().items()}
    header = {"format": form.name, "config": json.dumps(network.config.as_dict()), **about}
    with written_whole(path) as unfinished:
        save_tensors(tensors, unfinished, header)


def read_network(path: Path, form: FileFormat[Network], device: str) -> NetworkFile[Network]:
    """Read a network from ``path``.

    Args:
        path: of the file.
        form: that the file must have.
        device: torch device.

    Raises:
        WeightsError: no such file, not ours, damaged, or tensors missing, left over, of another shape or not
            finite.
        MissingDependencyError: PyTorch or safetensors is not installed.
    """
    try:
        import torch
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise MissingDependencyError(
            f"method '{form.method}' needs the Python package '{error.name}', which is not installed: "
            f"pip install 'anyview_ros[{form.extra}]'"
        ) from error
    from anyview_ros.methods.weight_checks import check_finite, check_tensors

    if not path.is_file():
        raise WeightsError(f"there are no weights at {path}; {form.remedy}")
    try:
        with safe_open(str(path), framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is damaged or no safetensors file ({error}); {form.remedy}") from error
    if header.get("format") != form.name:
        raise WeightsError(
            f"{path} has format {header.get('format')!r} in its header, not {form.name!r}: these are weights of "
            f"another model or version; {form.remedy}"
        )
    network = read_note(path, header, "config", form.make)
    check_tensors(tensors, network.state_dict(), str(path))
    check_finite(tensors, str(path))
    network.load_state_dict({name: value.to(torch.float32) for name, value in tensors.items()})
    return NetworkFile(network.eval().requires_grad_(False).to(device), sha256_of_file(path), header)


def read_note(
    path: Path, header: Mapping[str, str], name: str, make: Callable[[dict[str, Any]], Note]
) -> Note:
    """What ``make`` makes of the JSON under ``name`` in a file's header.

    Raises:
        WeightsError: there is none, or it does not fit.
    """
    try:
        return make(json.loads(header[name]))
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError, InvalidInputError) as error:
        raise WeightsError(f"the header of {path} cannot be used: {name}: {error}") from error
