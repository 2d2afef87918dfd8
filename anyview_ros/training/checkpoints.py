"""The whole state of a training run in files of at most 16 MiB each, so that they travel where large files do not.

Tensors are laid end to end and cut into pieces; an index tells what lies where, with a checksum of each piece.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from anyview_ros.errors import WeightsError

PIECE_BYTES = 15 * 2**20
_INDEX = "index.json"


def write_checkpoint(folder: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> None:
    """Write tensors and notes (anything JSON can say) to ``folder``, which is replaced as a whole.

    An interruption leaves the former checkpoint, for :func:`has_checkpoint` to find, or none.
    """
    unfinished = folder.with_name(folder.name + ".part")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(parents=True)
    entries: dict[str, Any] = {}
    stream = bytearray()
    pieces: list[dict[str, str]] = []
    offset = 0
    for name, tensor in tensors.items():
        raw = _bytes_of(tensor)
        entries[name] = {
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": list(tensor.shape),
            "offset": offset,
            "bytes": len(raw),
        }
        offset += len(raw)
        stream += raw
        while len(stream) >= PIECE_BYTES:
            pieces.append(_write_piece(unfinished, len(pieces), bytes(stream[:PIECE_BYTES])))
            del stream[:PIECE_BYTES]
    if stream:
        pieces.append(_write_piece(unfinished, len(pieces), bytes(stream)))
    index = {"tensors": entries, "pieces": pieces, "notes": dict(notes)}
    (unfinished / _INDEX).write_text(json.dumps(index), encoding="utf-8")
    if folder.exists():
        former = _former(folder)
        if former.exists():
            shutil.rmtree(former)
        folder.rename(former)
        unfinished.rename(folder)
        shutil.rmtree(former)
    else:
        unfinished.rename(folder)


def _write_piece(folder: Path, number: int, raw: bytes) -> dict[str, str]:
    name = f"piece_{number:03d}.bin"
    (folder / name).write_bytes(raw)
    return {"name": name, "sha256": hashlib.sha256(raw).hexdigest()}


def has_checkpoint(folder: Path) -> bool:
    """Whether ``folder`` is there; a former checkpoint whose writer was killed while it put the next in place is put
    back."""
    if not folder.exists() and _former(folder).exists():
        _former(folder).rename(folder)
    return folder.exists()


def _former(folder: Path) -> Path:
    return folder.with_name(folder.name + ".former")


def read_checkpoint(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`write_checkpoint` wrote.

    Raises:
        WeightsError: no checkpoint there, a piece missing, or one that was changed.
    """
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        raw = bytearray()
        for piece in index["pieces"]:
            part = (folder / piece["name"]).read_bytes()
            if hashlib.sha256(part).hexdigest() != piece["sha256"]:
                raise WeightsError(f"{folder / piece['name']} fails its checksum; copy the checkpoint again")
            raw += part
        tensors = {name: _tensor_of(raw, entry) for name, entry in index["tensors"].items()}
        return tensors, index["notes"]
    except (OSError, json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{folder} is no whole checkpoint ({error}); copy it again or start anew"
        ) from error


def _bytes_of(tensor: Tensor) -> bytes:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes() if flat.numel() else b""


def _tensor_of(raw: bytearray, entry: Mapping[str, Any]) -> Tensor:
    dtype: torch.dtype = getattr(torch, entry["dtype"])
    if not entry["bytes"]:
        return torch.empty(entry["shape"], dtype=dtype)
    part = np.frombuffer(raw, np.uint8, entry["bytes"], entry["offset"]).copy()
    return torch.from_numpy(part).view(dtype).reshape(entry["shape"])
