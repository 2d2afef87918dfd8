"""One picture of a view for the report: source, view, confidence, truth and error at a few instants."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import anyview_ros
from anyview_ros.evaluation.marked_png import write_marked_png
from anyview_ros.evaluation.pictures import error_map, labelled
from anyview_ros.offline.augment.source_samples import SAMPLES, sampled_indices, source_samples
from anyview_ros.offline.augment.spool import SpooledView
from anyview_ros.offline.augment.truth_scores import frames_at
from anyview_ros.offline.posed_film import PosedFilm

UInt8 = NDArray[np.uint8]

_INSTANTS = 4
_HEIGHT = 160  # of a picture


def contact_sheet(
    view: SpooledView, film: PosedFilm, truth: PosedFilm | None = None, *, instants: int = _INSTANTS
) -> UInt8:
    """Rows of source, view, confidence and, where it is known, truth and error, from the first frame to the last.

    Source pictures are those kept beside the view for the guard; where there are none, the film is read once.

    Args:
        view: made of ``film``.
        film: the source.
        truth: what the view should show, frame for frame; or None.
        instants: rows.

    Returns:
        uint8 (h, w, 3), RGB; every panel says what it is, the view that it is synthesised.

    Raises:
        ReadError: either film cannot be read.
    """
    known = sampled_indices(len(view))
    indices = sorted({int(known[round(place)]) for place in np.linspace(0, len(known) - 1, instants)})
    samples = source_samples(film, view.folder.parent / SAMPLES)
    sources = [sample for sample in samples if sample.index in indices]
    truths = [None] * len(indices) if truth is None else [frame.image for frame in frames_at(truth, indices)]
    rows = []
    for index, source, true in zip(indices, sources, truths, strict=True):
        made = view.frame(index)
        seconds = (int(view.stamps_ns[index]) - int(view.stamps_ns[0])) / 1e9
        panels = [
            (f"source, {seconds:.2f} s", source.image),
            ("SYNTHESISED", made.image),
            ("confidence (white = seen)", np.repeat(made.confidence[..., None], 3, axis=2)),
        ]
        if true is not None:
            panels += [("truth", true), ("error (0 to 64+)", error_map(made.image, true))]
        rows.append(np.hstack([labelled(_of_height(image), label) for label, image in panels]))
    return np.vstack(rows)


def write_contact_sheet(
    path: Path, view: SpooledView, film: PosedFilm, truth: PosedFilm | None = None
) -> None:
    """Write the sheet as a PNG that says in its text that what it shows is computed.

    Raises:
        ReadError: either film cannot be read.
    """
    method = view.provenance.get("method", "")
    text = {
        "Software": f"anyview_ros {anyview_ros.__version__}",
        "Comment": f"Shows pictures synthesised by the method {method}: computed, not seen by a camera.",
        "Synthesised": "true",
    }
    write_marked_png(path, contact_sheet(view, film, truth), text)


def _of_height(image: UInt8) -> UInt8:
    width = max(2, round(image.shape[1] * _HEIGHT / image.shape[0]))
    shrinks = image.shape[0] > _HEIGHT
    resized = cv2.resize(
        image, (width, _HEIGHT), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return np.asarray(resized, np.uint8)
