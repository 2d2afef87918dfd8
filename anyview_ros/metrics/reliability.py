"""Whether stated confidence comes true: the reliability diagram and the errors of calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidInputError

Array = NDArray[np.float64]

GOOD_ERROR = 0.1
"""A pixel is good if its colours are off by no more than this on average, of values in [0, 1]."""

BINS = 10


def good_pixels(view: NDArray[np.uint8], truth: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which pixels (...) of a view uint8 (..., 3) are good: |view - truth| / 255, channel mean, is GOOD_ERROR or less.

    Raises:
        InvalidInputError: pictures of different shape or type.
    """
    if view.shape != truth.shape or view.dtype != np.uint8 or truth.dtype != np.uint8:
        raise InvalidInputError(
            f"pictures differ: {view.dtype} {view.shape} and {truth.dtype} {truth.shape}; give uint8 of one size"
        )
    off = np.abs(view.astype(np.int16) - truth).mean(axis=-1, dtype=np.float64) / 255
    return np.asarray(off <= GOOD_ERROR + 1e-12)


def brier_score(stated: ArrayLike, came_true: ArrayLike) -> float:
    """Mean squared difference of probabilities stated and what came true (Brier, 1950): 0 is perfect, ¼ is a shrug."""
    return float(np.mean(np.square(np.asarray(stated, np.float64) - np.asarray(came_true, np.float64))))


@dataclass(frozen=True, eq=False)
class Reliability:
    """Counts of stated confidence and of what came true, by tenths of the confidence; counts of several sets add up.

    Attributes:
        count: int64 (10,), pixels by bin.
        stated: float64 (10,), sum of their confidences.
        good: int64 (10,), how many of them were good.
        squares: sum of squared differences of confidence and outcome.
    """

    count: NDArray[np.int64]
    stated: Array
    good: NDArray[np.int64]
    squares: float

    @classmethod
    def of(cls, confidence: ArrayLike, good: ArrayLike) -> Reliability:
        """Count confidences in [0, 1] and outcomes (bool), of one shape.

        Raises:
            InvalidInputError: shapes that differ, or confidences outside [0, 1].
        """
        stated = np.asarray(confidence, np.float64).ravel()
        came_true = np.asarray(good)
        if came_true.dtype != np.bool_ or came_true.size != stated.size:
            raise InvalidInputError(
                f"good must be bool, one per confidence: {came_true.dtype}, {came_true.size} for {stated.size}"
            )
        if stated.size and not (stated.min() >= 0 and stated.max() <= 1):
            raise InvalidInputError(
                f"confidence reaches from {stated.min()} to {stated.max()}; it is a probability in [0, 1]"
            )
        outcome = came_true.ravel()
        tenth = np.minimum((stated * BINS).astype(np.int64), BINS - 1)
        return cls(
            np.bincount(tenth, minlength=BINS),
            np.asarray(np.bincount(tenth, weights=stated, minlength=BINS), np.float64),
            np.bincount(tenth[outcome], minlength=BINS),
            float(np.sum(np.square(stated - outcome))),
        )

    def __add__(self, other: Reliability) -> Reliability:
        return Reliability(
            self.count + other.count,
            self.stated + other.stated,
            self.good + other.good,
            self.squares + other.squares,
        )

    @property
    def total(self) -> int:
        """Pixels counted."""
        return int(self.count.sum())

    @property
    def expected_calibration_error(self) -> float | None:
        """Mean gap between confidence and the part that was good, bins weighted by their pixels; None for no pixels.

        Guo et al., On Calibration of Modern Neural Networks, ICML 2017.
        """
        return float(np.abs(self.stated - self.good).sum() / self.total) if self.total else None

    @property
    def brier(self) -> float | None:
        """Mean squared gap; None for no pixels."""
        return self.squares / self.total if self.total else None

    def curve(self) -> list[tuple[float, float, float]]:
        """Of each bin that is not empty: mean confidence, part that was good, part of all pixels in it."""
        return [
            (float(s / n), float(g / n), float(n / self.total))
            for n, s, g in zip(self.count, self.stated, self.good, strict=True)
            if n
        ]

    def as_json(self) -> dict[str, object]:
        """As plain values, for :meth:`from_json`."""
        return {
            "count": self.count.tolist(),
            "stated": self.stated.tolist(),
            "good": self.good.tolist(),
            "squares": self.squares,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Reliability:
        """Back from :meth:`as_json`."""
        return cls(
            np.array(content["count"], np.int64),
            np.array(content["stated"], np.float64),
            np.array(content["good"], np.int64),
            float(content["squares"]),
        )
