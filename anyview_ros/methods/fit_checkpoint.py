"""The whole state of a fit in one safetensors file, so that it can go on as if never interrupted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError


def fit_key(clips: Sequence[PosedClip], settings: Mapping[str, Any], seed: int) -> str:
    """What a checkpoint must have been made of to be gone on with, as a sha256.

    Args:
        clips: that are fitted.
        settings: that the fit depends on; anything JSON can say.
        seed: of its draws.
    """
    digest = hashlib.sha256()
    for clip in clips:
        digest.update(repr(clip.camera).encode())
        for array in (clip.frames, clip.camera_to_world, clip.stamps_ns, clip.depth):
            digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    digest.update(json.dumps([dict(settings), seed], sort_keys=True).encode())
    return digest.hexdigest()


def write_fit(path: Path, kind: str, key: str, state: Mapping[str, Any]) -> None:
    """Write the state of a fit; an interruption leaves the former file or none.

    Args:
        path: of the file.
        kind: of fit, in the header.
        key: see :func:`fit_key`.
        state: ``generator``, a tensor; ``optimiser``, what a torch optimiser's ``state_dict`` gave; ``step``;
            ``smooth_loss``; and tensors by name in parts of any other names.
    """
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {"generator": state["generator"]}
    for part in set(state) - {"generator", "optimiser", "step", "smooth_loss"}:
        tensors |= {f"{part}.{name}": value for name, value in state[part].items()}
    for number, entry in state["optimiser"]["state"].items():
        tensors |= {f"optimiser.{number}.{name}": value for name, value in entry.items()}
    header = {
        "format": kind,
        "key": key,
        "step": str(state["step"]),
        "smooth_loss": repr(state["smooth_loss"]),
        "groups": json.dumps(state["optimiser"]["param_groups"]),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(save({name: value.contiguous() for name, value in tensors.items()}, header))
    unfinished.replace(path)


def read_fit(path: Path, kind: str, key: str) -> dict[str, Any]:
    """The state that :func:`write_fit` was given.

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
    if header.get("format") != kind or header.get("key") != key:
        raise InvalidRequestError(
            f"checkpoint {path} is of another fit: other frames, poses, depth, options or seed; delete it to begin "
            "anew, or name another"
        )
    state: dict[str, Any] = {"generator": tensors.pop("generator")}
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        part, _, rest = name.partition(".")
        if part == "optimiser":
            number, _, entry = rest.partition(".")
            moments.setdefault(int(number), {})[entry] = value
        else:
            state.setdefault(part, {})[rest] = value
    state["optimiser"] = {"state": moments, "param_groups": json.loads(header["groups"])}
    return state | {"step": int(header["step"]), "smooth_loss": float(header["smooth_loss"])}
