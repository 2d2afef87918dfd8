"""Scores of a film's views against the truth, kept as they come."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.evaluation.comparison import CameraScores, Comparison, score_views
from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.warp import co_visible
from anyview_ros.offline.posed_film import FilmFrame


@dataclass(frozen=True, eq=False)
class ComparedView:
    """One view beside what it was made from and what it should show.

    Attributes:
        frame: uint8 (h, w, 3), RGB, synthesised.
        camera: its intrinsics.
        camera_to_world: (4, 4).
        confidence: float32 (h, w) in [0, 1].
    """

    frame: NDArray[np.uint8]
    camera: PinholeCamera
    camera_to_world: NDArray[np.float64]
    confidence: NDArray[np.float32]


def comparison_of(view: ComparedView, source: PosedClip, index: int, truth: FilmFrame | None) -> Comparison:
    """The view with its source frame and its truth, as scores and pictures for people want them."""
    mask = None
    if truth is not None and truth.depth is not None and source.depth is not None:
        mask = co_visible(
            truth.depth,
            view.camera,
            view.camera_to_world,
            source.depth[index],
            source.camera,
            source.camera_to_world[index],
        )
    return Comparison(
        source=source.frames[index],
        view=view.frame,
        confidence=np.round(view.confidence * 255).astype(np.uint8),
        truth=None if truth is None else truth.image,
        co_visible=mask,
    )


class RunningScores:
    """Means over views, without the views being kept."""

    def __init__(self) -> None:
        """Begin with none."""
        self._scores: list[CameraScores] = []

    def add(self, comparison: Comparison) -> None:
        """Score one view that has a truth."""
        self._scores.append(score_views([comparison]))

    def as_json(self) -> dict[str, Any] | None:
        """Means, and the number of views; None if there were none. A view that equals the truth has no PSNR."""
        if not self._scores:
            return None
        kinds = ("synthesised", "copy_source", "synthesised_co_visible", "copy_source_co_visible")
        means: dict[str, Any] = {
            kind: {
                name: _mean([getattr(getattr(score, kind), name) for score in self._scores])
                for name in ("psnr_db", "ssim")
            }
            for kind in kinds
        }
        coverage = _mean([score.coverage for score in self._scores])
        synthesised, copied = (means[kind]["psnr_db"] for kind in kinds[2:])
        gain = None if synthesised is None or copied is None else synthesised - copied
        return {"views": len(self._scores), "coverage": coverage, **means, "gain_db_co_visible": gain}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return float(np.mean(known)) if known else None
