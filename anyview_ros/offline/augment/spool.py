"""Synthesised views on disk between their making and their place in the output: bounded memory, read once or often."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.geometry import PinholeCamera


@dataclass(frozen=True, eq=False)
class ViewFrame:
    """One synthesised picture: image uint8 (h, w, 3) RGB, and confidence uint8 (h, w), 255 = seen."""

    image: NDArray[np.uint8]
    confidence: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class SpooledView:
    """A view of a whole episode, made.

    Attributes:
        name: of the new camera, unique in its episode, fit for a topic and a file.
        source: name of the camera whose pictures it was made from.
        camera: intrinsics.
        camera_to_world: float64 (N, 4, 4), metres, OpenCV axes, in the world of the source's film.
        stamps_ns: int64 (N,), those of the source's pictures.
        fixed: whether all poses are the same.
        provenance: plain values that go wherever the pictures go: method, weights' hash, seed, steps, sampler…
        folder: where its frames lie.
    """

    name: str
    source: str
    camera: PinholeCamera
    camera_to_world: NDArray[np.float64]
    stamps_ns: NDArray[np.int64]
    fixed: bool
    provenance: dict[str, Any]
    folder: Path

    def __len__(self) -> int:
        return len(self.stamps_ns)

    def frames(self) -> Iterator[ViewFrame]:
        """All frames in order; one is held at a time."""
        height, width = self.camera.height, self.camera.width
        images, confidences = _files(self.folder)
        with images.open("rb") as colour, confidences.open("rb") as sure:
            for _ in range(len(self)):
                image = np.frombuffer(colour.read(height * width * 3), np.uint8).reshape(height, width, 3)
                known = np.frombuffer(sure.read(height * width), np.uint8).reshape(height, width)
                yield ViewFrame(image, known)

    def frame(self, index: int) -> ViewFrame:
        """One frame by its index."""
        height, width = self.camera.height, self.camera.width
        pixels = height * width
        images, confidences = _files(self.folder)
        with images.open("rb") as colour, confidences.open("rb") as sure:
            colour.seek(index * pixels * 3)
            sure.seek(index * pixels)
            image = np.frombuffer(colour.read(pixels * 3), np.uint8).reshape(height, width, 3)
            return ViewFrame(image, np.frombuffer(sure.read(pixels), np.uint8).reshape(height, width))

    def confidences(self) -> Iterator[NDArray[np.uint8]]:
        """The confidence (h, w) of all frames in order, without their pictures; one is held at a time."""
        height, width = self.camera.height, self.camera.width
        with _files(self.folder)[1].open("rb") as sure:
            for _ in range(len(self)):
                yield np.frombuffer(sure.read(height * width), np.uint8).reshape(height, width)


class SpoolWriter:
    """Writes a view's frames one after another; a context manager."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        images, confidences = _files(folder)
        self._images, self._confidences = images.open("wb"), confidences.open("wb")

    def add(self, frame: ViewFrame) -> None:
        """Append a frame."""
        self._images.write(np.ascontiguousarray(frame.image).data)
        self._confidences.write(np.ascontiguousarray(frame.confidence).data)

    def __enter__(self) -> SpoolWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._images.close()
        self._confidences.close()


def _files(folder: Path) -> tuple[Path, Path]:
    return folder / "images.rgb", folder / "confidence.grey"
