"""Pictures and videos for people to look at: strips of source, view, truth and error."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.evaluation.comparison import Comparison, copied
from anyview_ros.evaluation.mp4 import Mp4Writer

_BAR_PX = 22
_LYING_PX, _UPRIGHT_PX = 240, 420  # heights of a panel
_JPEG_QUALITY = 85


def labelled(image: NDArray[np.uint8], label: str) -> NDArray[np.uint8]:
    """The picture (h, w, 3) with a bar above it that says what it is: uint8 (h + 22, w, 3)."""
    bar = np.full((_BAR_PX, image.shape[1], 3), 24, np.uint8)
    scale = min(0.45, 0.45 * image.shape[1] / (9 * max(len(label), 1)))
    cv2.putText(bar, label, (4, 15), cv2.FONT_HERSHEY_SIMPLEX, scale, (235, 235, 235), 1, cv2.LINE_AA)
    return np.vstack([bar, image])


def error_map(view: NDArray[np.uint8], truth: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mean absolute difference of the channels in false colour, black = equal, bright = 64 grey levels or more."""
    difference = np.abs(view.astype(np.int16) - truth.astype(np.int16)).mean(axis=2)
    levels = np.clip(difference * 4, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[..., ::-1])


def sheet(comparison: Comparison) -> NDArray[np.uint8]:
    """One instant for people: source, synthesised view and truth above; errors and confidence below, each labelled.

    Panels whose picture is not known are left out; all are of one height.
    """
    height = _UPRIGHT_PX if comparison.view.shape[0] > comparison.view.shape[1] else _LYING_PX
    seen = [("source", comparison.source), ("SYNTHESISED", comparison.view)]
    judged = []
    if comparison.truth is not None:
        seen.append(("truth", comparison.truth))
        judged += [
            ("error of SYNTHESISED (0 to 64+)", error_map(comparison.view, comparison.truth)),
            ("error of copy-source", error_map(copied(comparison), comparison.truth)),
        ]
    if comparison.confidence is not None:
        judged.append(("confidence (white = seen)", np.repeat(comparison.confidence[..., None], 3, axis=2)))
    rows = [_row(panels, height) for panels in (seen, judged) if panels]
    width = max(row.shape[1] for row in rows)
    return np.vstack([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows])


def _row(panels: Sequence[tuple[str, NDArray[np.uint8]]], height: int) -> NDArray[np.uint8]:
    return np.hstack([labelled(_to_height(image, height), label) for label, image in panels])


def _to_height(image: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    width = max(2, round(image.shape[1] * height / image.shape[0]))
    shrinks = height < image.shape[0]
    resized = cv2.resize(
        image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return np.asarray(resized, dtype=np.uint8)


def write_mp4(path: Path, frames: Iterable[NDArray[np.uint8]], *, rate_hz: float) -> int:
    """Write uint8 (h, w, 3) RGB frames of one size as H.264 and return how many; odd sizes lose a row or column."""
    with Mp4Writer(path, rate_hz=rate_hz) as video:
        for frame in frames:
            video.add(frame)
    return video.count


def jpeg(image: NDArray[np.uint8]) -> bytes:
    """A JPEG of uint8 (h, w, 3) RGB."""
    _, encoded = cv2.imencode(
        ".jpg", np.ascontiguousarray(image[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    return encoded.tobytes()


def jpeg_uri(content: bytes) -> str:
    """A JPEG for embedding in HTML."""
    return "data:image/jpeg;base64," + base64.b64encode(content).decode("ascii")


def data_uri(image: NDArray[np.uint8]) -> str:
    """A JPEG of uint8 (h, w, 3) RGB for embedding in HTML."""
    return jpeg_uri(jpeg(image))
