"""Sheets of sample pictures, to see what a number cannot tell."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

_ROWS, _MARGIN = 8, 2


def write_sheet(path: Path, columns: list[Tensor]) -> None:
    """Write pictures (B, 3, H, W) in [0, 1] side by side: a column for each tensor, a row for each of the first 8."""
    height, width = columns[0].shape[-2:]
    rows = min(_ROWS, len(columns[0]))
    cell = (height + _MARGIN, width + _MARGIN)
    sheet = np.full((rows * cell[0], len(columns) * cell[1], 3), 255, np.uint8)
    for across, pictures in enumerate(columns):
        shown = pictures[:rows].float().clamp(0, 1).mul(255).round().byte().cpu().numpy()
        for down, picture in enumerate(shown):
            top, left = down * cell[0], across * cell[1]
            sheet[top : top + height, left : left + width] = picture.transpose(1, 2, 0)
    cv2.imwrite(str(path), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
