"""How a video changes from frame to frame, beside how the truth does: flicker, and seams between windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError

UInt8 = NDArray[np.uint8]
Array = NDArray[np.float64]

_STILL = 0.05  # grey levels: a truth that changes less stands still, and no ratio to it is of use


@dataclass(frozen=True)
class Flicker:
    """Frame-to-frame change, mean absolute difference of colours in grey levels of 255.

    Attributes:
        view: of the synthesised video.
        truth: of the true one, which moves as well.
        ratio: view / truth; 1 is as lively as the truth, more flickers; None where the truth stands still.
    """

    view: float
    truth: float
    ratio: float | None


@dataclass(frozen=True)
class Seam:
    """Change across the borders of windows beside change within them, as ratios to the truth's change.

    Attributes:
        at_seams: change of the view over change of the truth, from the last frame of a window to the next one.
        within: the same from frame to frame within windows.
        ratio: at_seams / within; 1 means that seams cannot be told from other frames.
    """

    at_seams: float
    within: float
    ratio: float


def frame_changes(frames: UInt8) -> Array:
    """Mean absolute difference of each frame (T, H, W, 3) uint8 from the next, grey levels: (T - 1,).

    Raises:
        InvalidInputError: no video of uint8 colours.
    """
    video = np.asarray(frames)
    if video.ndim != 4 or video.dtype != np.uint8:
        raise InvalidInputError(f"frames must be uint8 (T, H, W, 3), got {video.dtype} {video.shape}")
    steps = [np.abs(b.astype(np.int16) - a).mean() for a, b in pairwise(video)]
    return np.array(steps, np.float64)


def flicker(view: UInt8, truth: UInt8) -> Flicker | None:
    """Compare the change of two videos (T, H, W, 3) of the same instants; None for fewer than two frames.

    Raises:
        InvalidInputError: videos of different shape or type.
    """
    own, true = _changes(view, truth)
    if not len(own):
        return None
    mean, true_mean = float(own.mean()), float(true.mean())
    return Flicker(mean, true_mean, mean / true_mean if true_mean > _STILL else None)


def seam(view: UInt8, truth: UInt8, starts: Sequence[int]) -> Seam | None:
    """Compare the change across the borders of windows with that within them.

    Args:
        view, truth: uint8 (T, H, W, 3) of the same instants.
        starts: indices of frames with which a window begins, other than the first.

    Returns:
        None where there is no border, no change within windows, or the truth stands still at either.

    Raises:
        InvalidInputError: videos of different shape or type, or a start outside the video.
    """
    own, true = _changes(view, truth)
    outside = [start for start in starts if not 1 <= start < len(view)]
    if outside:
        raise InvalidInputError(
            f"windows start at frame {outside[0]}, but borders lie at 1 to {len(view) - 1}"
        )
    border = np.zeros(len(own), np.bool_)
    border[[start - 1 for start in starts]] = True
    parts = [(own[chosen], true[chosen]) for chosen in (border, ~border)]
    if any(not len(mine) or other.mean() <= _STILL for mine, other in parts):
        return None
    at_seams, within = (float(mine.mean() / other.mean()) for mine, other in parts)
    return Seam(at_seams, within, at_seams / within) if within > 0 else None


def _changes(view: UInt8, truth: UInt8) -> tuple[Array, Array]:
    if np.shape(view) != np.shape(truth):
        raise InvalidInputError(
            f"videos differ: {np.shape(view)} and {np.shape(truth)}; give two of one shape"
        )
    return frame_changes(view), frame_changes(truth)
