"""The whole state of a fit in one safetensors file, so that it can go on as if never interrupted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.files import written_whole


def fit_key(
    clips: Sequence[PosedClip],
    settings: Mapping[str, Any],
    seed: int,
    *,
    arrays: Iterable[NDArray[Any]] = (),
) -> str:
    """What a checkpoint must have been made of to be gone on with, as a sha256.

    Args:
        clips: that are fitted.
        settings: that the fit depends on; anything JSON can say.
        seed: of its draws.
        arrays: whatever else the fit depends on.
    """
    digest = hashlib.sha256()
    for clip in clips:
        digest.update(repr(clip.camera).encode())
        for array in (clip.frames, clip.camera_to_world, clip.stamps_ns, clip.depth):
            digest.update(b"none" if array is None else np.ascontiguousarray(array).tobytes())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    digest.update(json.dumps([dict(settings), seed], sort_keys=True).encode())
    return digest.hexdigest()


class FitCheckpoint:
    """The file that keeps a fit while it is under way.

    Args:
        path: of the file; None keeps nothing.
        kind: of fit, and of the layout of its state.
        key: see :func:`fit_key`.
    """

    def __init__(self, path: Path | None, kind: str, key: str) -> None:
        """Touch nothing yet."""
        self._path, self._kind, self._key = path, kind, key

    def write(self, state: Mapping[str, Any]) -> None:
        """Write the state of a fit; an interruption leaves the former file or none.

        Args:
            state: ``generator``, a tensor; ``optimiser``, what a torch optimiser's ``state_dict`` gave; numbers; and
                tensors by name in parts of any other names.
        """
        if self._path is None:
            return
        from safetensors.torch import save

        tensors: dict[str, Tensor] = {"generator": state["generator"]}
        numbers = {name: value for name, value in state.items() if isinstance(value, int | float)}
        for part in set(state) - {"generator", "optimiser", *numbers}:
            tensors |= {f"{part}.{name}": value for name, value in state[part].items()}
        for number, entry in state["optimiser"]["state"].items():
            tensors |= {f"optimiser.{number}.{name}": value for name, value in entry.items()}
        header = {
            "format": self._kind,
            "key": self._key,
            "numbers": json.dumps(numbers),
            "groups": json.dumps(state["optimiser"]["param_groups"]),
        }
        with written_whole(self._path) as unfinished:
            unfinished.write_bytes(
                save({name: value.contiguous() for name, value in tensors.items()}, header)
            )

    def read(self) -> dict[str, Any] | None:
        """The state that :meth:`write` was given; None if there is no file.

        Raises:
            InvalidRequestError: a file that is no checkpoint of this fit.
        """
        path = self._path
        if path is None or not path.is_file():
            return None
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(path), framework="pt") as file:
                header = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        except (SafetensorError, OSError) as error:
            raise InvalidRequestError(
                f"checkpoint {path} is damaged or no checkpoint ({error}); delete it to begin anew"
            ) from error
        if header.get("format") != self._kind:
            raise InvalidRequestError(
                f"checkpoint {path} is of format {header.get('format')!r} and not {self._kind!r}: of another "
                "method, or of another version of this package; delete it to begin anew, or name another"
            )
        if header.get("key") != self._key:
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
        numbers: dict[str, float] = json.loads(header["numbers"])
        return state | numbers
