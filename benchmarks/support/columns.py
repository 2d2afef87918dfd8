"""What several methods made of the same cases: pictures side by side, and cells of mean and spread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def sheet(columns: Mapping[str, Sequence[Image]], *, scale: int = 2) -> Image:
    """Pictures uint8 (H, W, 3) of one size, a column for each name and a row for each place in the lists, enlarged;
    the names above."""
    height, width = (scale * side for side in next(iter(columns.values()))[0].shape[:2])
    rows = [
        np.hstack([cv2.resize(one, (width, height), interpolation=cv2.INTER_NEAREST) for one in row])
        for row in zip(*columns.values(), strict=True)
    ]
    names = np.full((18, rows[0].shape[1], 3), 255, np.uint8)
    for number, name in enumerate(columns):
        cv2.putText(
            names, name, (number * width + 4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA
        )
    return np.vstack([names, *rows])


def cell(values: Sequence[float | None], digits: int) -> str:
    """Mean ± standard deviation of what is known; "-" if nothing is."""
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    spread = np.std(known, ddof=1) if len(known) > 1 else 0.0
    return f"{np.mean(known):.{digits}f} ± {spread:.{digits}f}"
