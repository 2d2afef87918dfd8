"""Source frames kept small while they pass, so that views can be judged without the film being read again.

Of a short film all frames are kept; of a long one, pairs of neighbours, evenly spread.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.geometry import PinholeCamera
from anyview_ros.offline.posed_film import FilmFrame, PosedFilm

SAMPLES = "source.samples"
"""Folder beside those of the views; no view has a dot in its name."""

ALL_UP_TO = 32
"""Films of so many frames are judged by all of them."""

_PAIRS = 12  # of longer films
_LONG_SIDE = 320
_INDEX = "samples.json"


@dataclass(frozen=True, eq=False)
class SourceSample:
    """A source frame, small.

    Attributes:
        index: in the film.
        image: uint8 (h, w, 3), RGB, its long side at most 320.
        depth: float32 (h, w), metres, 0 = unknown; or None.
        camera: intrinsics at that size.
    """

    index: int
    image: NDArray[np.uint8]
    depth: NDArray[np.float32] | None
    camera: PinholeCamera


def sampled_indices(count: int) -> NDArray[np.intp]:
    """Which frames of a film of ``count`` are looked at, ascending: all, or pairs of neighbours."""
    if count <= ALL_UP_TO:
        return np.arange(count)
    starts = np.linspace(0, count - 2, _PAIRS).round().astype(np.intp)
    return np.unique(np.concatenate([starts, starts + 1]))


def sample_camera(camera: PinholeCamera, long_side: int = _LONG_SIDE) -> PinholeCamera:
    """The camera of pictures made small: the long side at most so many pixels."""
    scale = min(1.0, long_side / max(camera.size))
    return camera.resized(max(1, round(camera.width * scale)), max(1, round(camera.height * scale)))


def made_small(image: NDArray[np.uint8], camera: PinholeCamera) -> NDArray[np.uint8]:
    """A picture at the size of ``camera``, which is not larger."""
    if image.shape[:2] == (camera.height, camera.width):
        return image
    return np.asarray(cv2.resize(image, camera.size, interpolation=cv2.INTER_AREA), np.uint8)


class SampleWriter:
    """Keeps the samples of a film in a folder, as its frames pass; a context manager.

    Frames may be passed in any number of ascending reads; each sample is kept once.

    Args:
        folder: to make.
        film: whose frames will pass.
    """

    def __init__(self, folder: Path, film: PosedFilm) -> None:
        self._folder = folder
        self._wanted = set(sampled_indices(len(film)).tolist())
        self._camera = sample_camera(film.camera)
        self._kept: list[int] = []
        folder.mkdir(parents=True, exist_ok=True)

    def watched(self, wanted: range, frames: Iterator[FilmFrame]) -> Iterator[FilmFrame]:
        """The frames, of which those that are sampled are kept."""
        for index, frame in zip(wanted, frames, strict=False):
            if index in self._wanted:
                self._wanted.discard(index)
                self._keep(index, frame)
            yield frame

    def _keep(self, index: int, frame: FilmFrame) -> None:
        sample = _sample(index, frame, self._camera)
        np.save(self._folder / f"{index}.image.npy", sample.image)
        if sample.depth is not None:
            np.save(self._folder / f"{index}.depth.npy", sample.depth)
        self._kept.append(index)

    def __enter__(self) -> SampleWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            (self._folder / _INDEX).write_text(json.dumps(sorted(self._kept)) + "\n", encoding="utf-8")


def source_samples(film: PosedFilm, folder: Path | None = None) -> Iterator[SourceSample]:
    """The samples of a film in order: those kept in ``folder``, or else read from the film in one pass."""
    camera = sample_camera(film.camera)
    indices = sampled_indices(len(film))
    if folder is not None and _kept(folder) == indices.tolist():
        yield from (_load(folder, int(index), camera) for index in indices)
        return
    wanted = set(indices.tolist())
    for index, frame in enumerate(film.frames(range(int(indices[-1]) + 1))):
        if index in wanted:
            yield _sample(index, frame, camera)


def _kept(folder: Path) -> list[int] | None:
    """Indices of the samples that a folder holds; None if it holds none."""
    index = folder / _INDEX
    return list(json.loads(index.read_text(encoding="utf-8"))) if index.is_file() else None


def made_smaller(sample: SourceSample, long_side: int) -> SourceSample:
    """A sample whose long side is at most so many pixels."""
    camera = sample_camera(sample.camera, long_side)
    return _sample(sample.index, FilmFrame(sample.image, sample.depth), camera)


def _sample(index: int, frame: FilmFrame, camera: PinholeCamera) -> SourceSample:
    depth = frame.depth
    if depth is not None and depth.shape != (camera.height, camera.width):
        depth = np.asarray(cv2.resize(depth, camera.size, interpolation=cv2.INTER_NEAREST_EXACT), np.float32)
    return SourceSample(index, made_small(frame.image, camera), depth, camera)


def _load(folder: Path, index: int, camera: PinholeCamera) -> SourceSample:
    depth = folder / f"{index}.depth.npy"
    return SourceSample(
        index,
        np.load(folder / f"{index}.image.npy", allow_pickle=False),
        np.load(depth, allow_pickle=False) if depth.is_file() else None,
        camera,
    )
