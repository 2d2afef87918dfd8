"""Writes clips as an episode; for the layout see :mod:`anyview_ros.offline.episodes`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidInputError
from anyview_ros.messages import depth_in_millimetres
from anyview_ros.offline.episodes import DEFAULT_RATE_HZ
from anyview_ros.offline.unfinished import made_beside


def write_episode(
    path: str | Path,
    clips: Mapping[str, PosedClip],
    *,
    roles: Mapping[str, str] | None = None,
    rate_hz: float = DEFAULT_RATE_HZ,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write clips as an episode: PNG pictures, an npz per frame, and depth where there is some.

    It is written beside its place and moved there when whole.

    Args:
        path: folder to make; it must not exist.
        clips: by camera name.
        roles: role of each camera, such as {"cam0": "target", "cam1": "input"}.
        rate_hz: frames per second; timesteps are the stamps at this rate, from the earliest one.
        metadata: further entries of metadata.json.

    Raises:
        InvalidInputError: the folder exists, a name that is no file name, or stamps that fall on one timestep.
    """
    path = Path(path)
    if path.exists():
        raise InvalidInputError(f"{path} exists; name a new folder, or remove it first")
    if not clips:
        raise InvalidInputError("clips is empty; an episode has at least one camera")
    with made_beside(path) as partial:
        origin = min(int(clip.stamps_ns[0]) for clip in clips.values())
        for name, clip in clips.items():
            _write_camera(partial, name, clip, origin, rate_hz)
        content = {
            **(metadata or {}),
            "fps": rate_hz,
            "extrinsics": {"transform": "cam2world"},
            "specific": {"roles": dict(roles or {})},
        }
        (partial / "metadata.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        partial.rename(path)


def _write_camera(folder: Path, name: str, clip: PosedClip, origin_ns: int, rate_hz: float) -> None:
    import cv2

    if not re.fullmatch(r"\w+", name):
        raise InvalidInputError(f"camera name {name!r} is no file name; use letters, digits and _")
    steps = np.round((clip.stamps_ns - origin_ns) * (rate_hz / 1e9)).astype(np.int64)
    if np.any(np.diff(steps) <= 0):
        raise InvalidInputError(
            f"stamps of {name} fall on one timestep at {rate_hz:g} Hz; give a higher rate_hz"
        )
    parts = ["rgb", "lowdim", *(["depth"] if clip.depth is not None else [])]
    for part in parts:
        (folder / part / name).mkdir(parents=True)
    for index, step in enumerate(steps):
        key = f"{int(step):010d}"
        _write_png(folder / "rgb" / name / f"{key}.png", cv2.cvtColor(clip.frames[index], cv2.COLOR_RGB2BGR))
        if clip.depth is not None:
            _write_png(folder / "depth" / name / f"{key}.png", depth_in_millimetres(clip.depth[index]))
        np.savez(
            folder / "lowdim" / name / f"{key}.npz",
            camera=np.array(name),
            timestep=np.array(int(step)),
            intrinsics=clip.camera.matrix,
            extrinsics=clip.camera_to_world[index],
        )


def _write_png(path: Path, pixels: NDArray[Any]) -> None:
    import cv2

    done, encoded = cv2.imencode(".png", pixels)
    if not done:
        raise InvalidInputError(f"an image of shape {pixels.shape} cannot be written as PNG")
    path.write_bytes(encoded.tobytes())
