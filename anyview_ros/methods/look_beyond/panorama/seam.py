"""The seam of a panorama: where its last column meets its first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


def seam_loss(guess: Tensor, truth: Tensor) -> Tensor:
    """How far the step across the seam is from the true one: the mean square over panoramas (B, C, H, W)."""
    step = guess[..., 0] - guess[..., -1]
    wanted = truth[..., 0] - truth[..., -1]
    return (step - wanted).square().mean()


def seam_error(panorama: NDArray[np.floating]) -> float:
    """The mean step across the seam less that between other neighbouring columns, of values (H, W, ...).

    0 for a seam like any other column; in the unit of the values.
    """
    values = np.asarray(panorama, np.float64)
    across = np.abs(values[:, 0] - values[:, -1]).mean()
    elsewhere = np.abs(np.diff(values, axis=1)).mean()
    return float(across - elsewhere)
