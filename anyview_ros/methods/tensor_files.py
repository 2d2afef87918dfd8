"""Tensors written to safetensors files that others may read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from anyview_ros.files import sort_safetensors_notes

if TYPE_CHECKING:
    from torch import Tensor


def save_tensors(tensors: Mapping[str, Tensor], path: Path, header: Mapping[str, str] | None = None) -> None:
    """Write tensors, of any layout in memory, to ``path``.

    Raises:
        OSError, safetensors.SafetensorError: it cannot be written.
    """
    from safetensors.torch import save_file

    contiguous = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, path, None if header is None else dict(header))
    sort_safetensors_notes(path)
    path.chmod(0o644)  # safetensors lets the owner alone read what it writes
