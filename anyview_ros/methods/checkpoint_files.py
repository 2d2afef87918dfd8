"""Files of weights, read without running anything that is pickled in them."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from anyview_ros.errors import WeightsError

_INNER = ("model", "state_dict")


def read_checkpoint(path: Path, *, skip_objects: bool = False) -> dict[str, Any]:
    """Read a file of ``torch.save``; the dict in ``model`` or ``state_dict`` if there is one.

    Tensors stay in the file and are read when they are used, where its format allows.

    Args:
        path: of the file.
        skip_objects: read files that hold other objects beside tensors and plain values, such as the callbacks and
            optimisers of a training run. Empty objects stand for these; what they are of is not imported. Otherwise
            such a file is refused.

    Raises:
        WeightsError: no such file, a damaged one, or one that would run code.
    """
    if not path.is_file():
        raise WeightsError(f"{path} is no file; `anyview weights` tells where the weights come from")
    try:
        with torch.serialization.safe_globals(_placeholders(path) if skip_objects else []):
            loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as err:
        raise WeightsError(
            f"{path} is damaged, or holds more than tensors and would run code when read ({first_line(err)}); "
            "it is not opened: download it again and compare its sha256"
        ) from err
    except (OSError, RuntimeError, EOFError, ValueError, KeyError) as err:
        raise WeightsError(
            f"{path} cannot be read, it is truncated or no checkpoint ({first_line(err)}); download it again"
        ) from err
    if not isinstance(loaded, Mapping):
        raise WeightsError(f"{path} holds a {type(loaded).__name__}, not named tensors; give another file")
    inner = next((loaded[name] for name in _INNER if isinstance(loaded.get(name), Mapping)), loaded)
    return dict(inner)


def read_tensors(path: Path, device: torch.device | str = "cpu") -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file.

    Raises:
        WeightsError: it cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    place = torch.device(device)
    try:
        return load_file(path, device="cpu" if place.type == "cpu" else str(place))  # it knows no "cpu:0"
    except (OSError, SafetensorError) as err:
        raise WeightsError(f"{path} cannot be read ({err}); convert the weights again") from err


def first_line(err: Exception) -> str:
    """What an error says in its first line."""
    return (str(err).strip().splitlines() or [type(err).__name__])[0]


class _Placeholder:
    """Stands for any object of a class that is not imported: takes whatever it is made with, and keeps nothing."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Forget all."""

    def __setstate__(self, state: Any) -> None:
        """Forget that too."""

    def __setitem__(self, key: Any, value: Any) -> None:
        """And that: some are mappings."""


def _placeholders(path: Path) -> list[Any]:
    """For each class that the file names and PyTorch does not know to be harmless, an empty class of that name."""
    if not zipfile.is_zipfile(path):
        return []  # PyTorch tells the names in files of its present format only
    names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    return [(type("Skipped", (_Placeholder,), {}), name) for name in names]
