"""The whole state of a fit in one safetensors file, so that it can go on as if never interrupted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.methods.ddr.options import DdrOptions

_FORMAT = "anyview_ddr_fit/1"
_NOT_OF_THE_FIT = {"fit_steps", "fit_seconds", "window_mb", "refine_ms", "refine_steps"}


def fit_key(clips: Sequence[PosedClip], options: DdrOptions, seed: int) -> str:
    """What a checkpoint must have been made of to be gone on with, as a sha256."""
    digest = hashlib.sha256()
    for clip in clips:
        digest.update(repr(clip.camera).encode())
        for array in (clip.frames, clip.camera_to_world, clip.stamps_ns, clip.depth):
            digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    chosen = {name: value for name, value in asdict(options).items() if name not in _NOT_OF_THE_FIT}
    digest.update(json.dumps([chosen, seed], sort_keys=True).encode())
    return digest.hexdigest()


def write_fit(path: Path, key: str, state: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Write what ``Trainer.state`` gave; an interruption leaves the former file or none."""
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {"generator": state["generator"]}
    for part in ("field", "cameras"):
        tensors |= {f"{part}.{name}": value for name, value in state[part].items()}
    for number, entry in state["optimiser"]["state"].items():
        tensors |= {f"optimiser.{number}.{name}": value for name, value in entry.items()}
    header = {
        "format": _FORMAT,
        "key": key,
        "step": str(state["step"]),
        "smooth_loss": repr(state["smooth_loss"]),
        "groups": json.dumps(state["optimiser"]["param_groups"]),
        "about": json.dumps(dict(about)),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(save({name: value.contiguous() for name, value in tensors.items()}, header))
    unfinished.replace(path)


def read_fit(path: Path, key: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The state for ``Trainer.restore``, and what was said about it.

    Raises:
        InvalidRequestError: a file that is no checkpoint of this fit.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, OSError) as error:
        raise InvalidRequestError(
            f"checkpoint {path} is damaged or no checkpoint ({error}); delete it to begin anew"
        ) from error
    if header.get("format") != _FORMAT or header.get("key") != key:
        raise InvalidRequestError(
            f"checkpoint {path} is of another fit: other frames, poses, depth, options or seed; delete it to begin "
            "anew, or name another"
        )
    state: dict[str, Any] = {"field": {}, "cameras": {}, "generator": tensors.pop("generator")}
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        part, _, rest = name.partition(".")
        if part == "optimiser":
            number, _, entry = rest.partition(".")
            moments.setdefault(int(number), {})[entry] = value
        else:
            state[part][rest] = value
    state["optimiser"] = {"state": moments, "param_groups": json.loads(header["groups"])}
    state |= {"step": int(header["step"]), "smooth_loss": float(header["smooth_loss"])}
    return state, json.loads(header["about"])


def copied(state: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a state that later steps do not change."""
    return {
        name: value.clone()
        if isinstance(value, torch.Tensor)
        else copied(value)
        if isinstance(value, dict)
        else value
        for name, value in state.items()
    }
