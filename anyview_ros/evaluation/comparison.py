"""Synthesised views beside what they were made from and what they should show, and their scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.metrics import psnr_db, ssim


@dataclass(frozen=True, eq=False)
class Comparison:
    """One synthesised view and what it is to be compared with, all of one instant.

    Attributes:
        source: uint8 (H, W, 3), RGB, the real camera.
        view: uint8 (h, w, 3), RGB, synthesised.
        confidence: uint8 (h, w), 255 = seen; or None if it is not known.
        truth: uint8 (h, w, 3), RGB, of a true camera at the virtual camera's place; or None.
        co_visible: bool (h, w), the target pixels that the source truly saw, by the target's true depth; or None.
    """

    source: NDArray[np.uint8]
    view: NDArray[np.uint8]
    confidence: NDArray[np.uint8] | None
    truth: NDArray[np.uint8] | None
    co_visible: NDArray[np.bool_] | None


@dataclass(frozen=True)
class Score:
    """Means over frames; None where nothing could be compared."""

    psnr_db: float | None
    ssim: float | None


@dataclass(frozen=True)
class CameraScores:
    """One virtual camera against the truth.

    Attributes:
        frames: frames compared.
        coverage: mean share of co-visible pixels in [0, 1]; None if the true depth is not known.
        synthesised, copy_source: over the whole frame.
        synthesised_co_visible, copy_source_co_visible: over the pixels that the source truly saw.
    """

    frames: int
    coverage: float | None
    synthesised: Score
    copy_source: Score
    synthesised_co_visible: Score
    copy_source_co_visible: Score

    def gain_db(self) -> float | None:
        """How far the synthesised view beats copy-source on co-visible pixels, or None if that is not known."""
        synthesised, copied = self.synthesised_co_visible.psnr_db, self.copy_source_co_visible.psnr_db
        return None if synthesised is None or copied is None else synthesised - copied

    def as_json(self) -> dict[str, object]:
        """As plain values for ``report.json``."""
        return {**asdict(self), "gain_db_co_visible": self.gain_db()}


def copied(comparison: Comparison) -> NDArray[np.uint8]:
    """The source resized to the view's size: the floor that every method must beat."""
    height, width = comparison.view.shape[:2]
    return np.asarray(
        cv2.resize(comparison.source, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8
    )


def score_views(comparisons: Sequence[Comparison]) -> CameraScores:
    """Score the views of one camera that have a truth."""
    known = [one for one in comparisons if one.truth is not None]
    masked = [one for one in known if one.co_visible is not None and is_scorable(one.co_visible)]
    coverages = [float(one.co_visible.mean()) for one in known if one.co_visible is not None]
    return CameraScores(
        frames=len(known),
        coverage=float(np.mean(coverages)) if coverages else None,
        synthesised=_score(known, lambda one: one.view, masked=False),
        copy_source=_score(known, copied, masked=False),
        synthesised_co_visible=_score(masked, lambda one: one.view, masked=True),
        copy_source_co_visible=_score(masked, copied, masked=True),
    )


def is_scorable(mask: NDArray[np.bool_]) -> bool:
    """Whether SSIM's windows, which need 3 pixels around their centre, fit anywhere in the mask."""
    return bool(mask[3:-3, 3:-3].any())


def _score(
    comparisons: Sequence[Comparison], picture: Callable[[Comparison], NDArray[np.uint8]], *, masked: bool
) -> Score:
    ratios, similarities = [], []
    for one in comparisons:
        assert one.truth is not None  # noqa: S101 - callers pass only those with a truth
        mask = one.co_visible if masked else None
        ratios.append(psnr_db(picture(one), one.truth, mask))
        similarities.append(ssim(picture(one), one.truth, mask))
    return Score(_finite_mean(ratios), _finite_mean(similarities))


def _finite_mean(values: Sequence[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    return float(np.mean(finite)) if finite else None
