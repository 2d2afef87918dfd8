"""The folders of one camera of a release-format episode, written picture by picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.evaluation.marked_png import write_marked_png
from anyview_ros.messages import depth_in_millimetres
from anyview_ros.offline.augment.outputs.marks import picture_text
from anyview_ros.offline.augment.outputs.npz_members import write_members
from anyview_ros.offline.augment.spool import SpooledView


def write_view_pictures(
    folder: Path, name: str, keys: Sequence[str], view: SpooledView, *, confidence: bool
) -> None:
    """Write a view's pictures as PNG that say what they are, and its confidence beside them if wished.

    Args:
        folder: of the episode.
        name: of the camera.
        keys: stem of the name of each picture's file.
        view: the view.
        confidence: whether ``confidence/<camera>/`` is written.
    """
    text = picture_text(view)
    parts = ["rgb", *(["confidence"] if confidence else [])]
    for part in parts:
        (folder / part / name).mkdir(parents=True)
    for key, frame in zip(keys, view.frames(), strict=True):
        write_marked_png(folder / "rgb" / name / f"{key}.png", frame.image, text)
        if confidence:
            write_marked_png(folder / "confidence" / name / f"{key}.png", frame.confidence, text)


def write_picture(path: Path, image: NDArray[np.uint8]) -> None:
    """Write a recorded picture, uint8 (H, W, 3) RGB, as PNG."""
    _write_png(path, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


def write_depth(path: Path, depth: NDArray[np.float32]) -> None:
    """Write depth (H, W) in metres as PNG of 16 bit, millimetres; what is beyond 65.535 m is unknown, 0."""
    _write_png(path, depth_in_millimetres(depth))


def write_lowdim_entry(
    path: Path,
    camera: str,
    timestep: int,
    intrinsics: NDArray[np.float64],
    extrinsics: NDArray[np.float64],
    *,
    stamp_ns: int | None = None,
) -> None:
    """Write where a camera was at one picture."""
    members: dict[str, NDArray[Any]] = {
        "camera": np.array(camera),
        "timestep": np.array(timestep),
        "intrinsics": intrinsics,
        "extrinsics": extrinsics,
    }
    if stamp_ns is not None:
        members["stamp_ns"] = np.array(stamp_ns, np.int64)
    write_members(path, members)


def _write_png(path: Path, pixels: NDArray[Any]) -> None:
    done, encoded = cv2.imencode(".png", pixels)
    if not done:
        raise InvalidInputError(f"an image of shape {pixels.shape} cannot be written as PNG to {path}")
    path.write_bytes(encoded.tobytes())
