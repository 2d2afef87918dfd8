"""The files of an episode: pictures, videos, lowdim and depth. Nothing is ever unpickled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import ReadError
from anyview_ros.messages.whole_pictures import decoded
from anyview_ros.offline.numpy_files import BROKEN_NUMPY_FILE
from anyview_ros.offline.picture_files import picture_bytes
from anyview_ros.offline.video_frames import VideoFrames

Array = NDArray[np.float64]


def video_path(path: Path, camera: str) -> Path:
    """Where a camera's video would be."""
    return path / "rgb" / f"{camera}.mp4"


@dataclass(frozen=True, eq=False)
class LowdimEntry:
    """What lowdim says of one picture.

    Attributes:
        key: stem of the names of its files.
        timestep: its number; None if not told.
        intrinsics: float64 (3, 3), pixels.
        extrinsics: float64 (4, 4), as written: not checked, in whichever direction.
        stamp_ns: when it was taken, where that is told apart from the timestep (ours, optional); or None.
    """

    key: str
    timestep: int | None
    intrinsics: Array
    extrinsics: Array
    stamp_ns: int | None = None


def read_lowdim(path: Path, camera: str) -> list[LowdimEntry]:
    """Read a camera's entries, in order, from one file each or from a stacked one.

    Raises:
        ReadError: none, broken ones, objects that would have to be unpickled, or wrong shapes.
    """
    stacked = path / "lowdim" / f"{camera}.npz"
    if stacked.is_file():
        return _unstacked(stacked, _load(stacked))
    files = sorted((path / "lowdim" / camera).glob("*.npz")) if (path / "lowdim" / camera).is_dir() else []
    if not files:
        raise ReadError(
            f"{path} has neither lowdim/{camera}.npz nor lowdim/{camera}/*.npz: no poses, no intrinsics"
        )
    found = []
    for file in files:
        values = _load(file)
        timestep = int(values["timestep"]) if "timestep" in values and values["timestep"].size == 1 else None
        found.append(
            LowdimEntry(
                file.stem,
                timestep,
                _shaped(file, values, "intrinsics", (3, 3)),
                _shaped(file, values, "extrinsics", (4, 4)),
                _stamps_ns(file, values, 1)[0],
            )
        )
    return found


def _unstacked(file: Path, values: Mapping[str, NDArray[Any]]) -> list[LowdimEntry]:
    extrinsics = _shaped(file, values, "extrinsics", (-1, 4, 4))
    intrinsics = np.asarray(values.get("intrinsics", np.zeros(0)), np.float64)
    if intrinsics.shape == (3, 3):
        intrinsics = np.broadcast_to(intrinsics, (len(extrinsics), 3, 3))
    if intrinsics.shape != (len(extrinsics), 3, 3):
        raise ReadError(f"{file}: intrinsics must be ({len(extrinsics)}, 3, 3), got {intrinsics.shape}")
    steps = np.asarray(values.get("timestep", np.arange(len(extrinsics)))).reshape(-1)
    if len(steps) != len(extrinsics):
        raise ReadError(f"{file}: {len(steps)} timesteps but {len(extrinsics)} extrinsics")
    stamps = _stamps_ns(file, values, len(steps))
    return [
        LowdimEntry(f"{int(step):010d}", int(step), intrinsics[i], extrinsics[i], stamps[i])
        for i, step in enumerate(steps)
    ]


def _stamps_ns(file: Path, values: Mapping[str, NDArray[Any]], count: int) -> Sequence[int | None]:
    if "stamp_ns" not in values:
        return [None] * count
    stamps = values["stamp_ns"].reshape(-1)
    if len(stamps) != count or not np.issubdtype(stamps.dtype, np.integer):
        raise ReadError(f"{file}: stamp_ns must be ({count},) integers, got {stamps.dtype} ({len(stamps)},)")
    return [int(stamp) for stamp in stamps]


def _load(file: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an npz, of numbers and text only: an object in it would be code to run."""
    found = {}
    try:
        with np.load(file, allow_pickle=False) as archive:
            for name in ("timestep", "intrinsics", "extrinsics", "stamp_ns"):
                if name in archive.files:
                    found[name] = archive[name]
    except BROKEN_NUMPY_FILE as error:
        raise ReadError(f"cannot read {file}: {error}; write it with numpy.savez, numbers only") from error
    return found


def _shaped(file: Path, values: Mapping[str, NDArray[Any]], name: str, shape: tuple[int, ...]) -> Array:
    array = np.asarray(values.get(name, np.zeros(0)))
    fits = array.ndim == len(shape) and all(
        want in (-1, got) for want, got in zip(shape, array.shape, strict=True)
    )
    if not fits or not np.issubdtype(array.dtype, np.number):
        wanted = ", ".join("T" if size < 0 else str(size) for size in shape)
        raise ReadError(f"{file}: {name} must be ({wanted}) numbers, got {array.dtype} {array.shape}")
    return array.astype(np.float64)


def read_pictures(
    path: Path, camera: str, lowdim: Sequence[LowdimEntry], wanted: range | None = None
) -> Iterator[tuple[NDArray[np.uint8], LowdimEntry]]:
    """Read pictures with their entries: by name where there are picture files, by order in a video.

    Args:
        path: the episode's folder.
        camera: name.
        lowdim: all entries of the camera.
        wanted: numbers of those to read, ascending; None for all.

    Raises:
        ReadError: numbers that differ, or broken files.
    """
    chosen = range(len(lowdim)) if wanted is None else wanted
    folder = path / "rgb" / camera
    if not folder.is_dir():
        video = VideoFrames(video_path(path, camera))
        if len(video) != len(lowdim):
            raise ReadError(
                f"{video.path} has {len(video)} frames but there are {len(lowdim)} lowdim entries"
            )
        yield from zip(video.images(chosen), (lowdim[index] for index in chosen), strict=True)
        return
    files = {p.stem: p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".jpeg", ".png"}}
    missing = [entry.key for entry in lowdim if entry.key not in files]
    if missing or len(files) != len(lowdim):
        raise ReadError(
            f"{path}: camera {camera} has {len(files)} pictures but {len(lowdim)} lowdim entries"
            + (f"; no picture {missing[0]}" if missing else "")
        )
    for index in chosen:
        yield _read_picture(files[lowdim[index].key]), lowdim[index]


def _read_picture(file: Path) -> NDArray[np.uint8]:
    import cv2

    bgr = decoded(picture_bytes(file), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if bgr is None:
        raise ReadError(f"cannot read picture {file}; it is cut off or no JPEG or PNG")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def read_depth(path: Path, camera: str, entry: LowdimEntry) -> NDArray[np.float32] | None:
    """Read the depth (H, W), metres, of one entry; None if there is none.

    Raises:
        ReadError: a file that is no PNG of 16 bit grey.
    """
    import cv2

    file = path / "depth" / camera / f"{entry.key}.png"
    if not file.is_file():
        return None
    depth = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    if depth is None or depth.dtype != np.uint16 or depth.ndim != 2:
        raise ReadError(f"cannot read depth {file}; it must be a PNG of 16 bit grey, millimetres")
    return depth.astype(np.float32) * np.float32(1e-3)
