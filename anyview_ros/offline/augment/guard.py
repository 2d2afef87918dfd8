"""Whether a synthesised view is good enough to be learned from.

Measures, each a mean over frames:

``coverage``
    Share of the view's pixels that the source shows, by its depth. Without depth it is the share of pixels whose
    confidence is at least half, and None of methods that give no confidence at all (0 everywhere).
``confidence``
    Mean confidence; None where it is 0 everywhere.
``sharpness``
    Spread of the Laplacian of the view's grey picture, as a share of the source's, both at the coarser one's pixels
    per radian: 1 is as sharp as the source.
``flicker``
    Mean change from one frame to the next, grey levels of 255, beyond the change that should be: that of the source
    seen from the view by its depth, or else that of the source itself (then motion of the view's camera that the
    source does not share counts as flicker too). Of pictures made small, so that grain does not count.
``inconsistency``
    Mean difference, grey levels of 255, from the source seen from the view by its depth, where that shows a surface
    at no more than twice its size. None without depth. Being taken of small pictures, it is a grey level or two for a
    view that is exact.
``lpips``
    LPIPS distance from the source's own frame; None without weights.

Coverage and confidence are of all frames. The others are of all frames of films of up to 32, else of 12 pairs of
neighbours evenly spread. Source frames are made small to a long side of 320 pixels, for warps of 160; the view's as
much, where it is compared with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import WeightsError
from anyview_ros.geometry.warp import WarpedImage, forward_warp
from anyview_ros.metrics.lpips import Lpips
from anyview_ros.offline.augment.settings import GuardSettings
from anyview_ros.offline.augment.source_samples import (
    SAMPLES,
    SourceSample,
    made_small,
    made_smaller,
    sample_camera,
    source_samples,
)
from anyview_ros.offline.augment.spool import SpooledView
from anyview_ros.offline.posed_film import PosedFilm

UInt8 = NDArray[np.uint8]

_SURE = 128  # of 255: confidence from which a pixel counts as covered where there is no depth
_MOST_STRETCH = 2.0
_WARP_SIDE = 160  # pixels of the long side of pictures that are warped
_FLICKER_SIDE = 64  # pixels of the long side of pictures whose change is measured
_MOST_LPIPS = 8  # frames
_WEIGHTS = (".pth", ".safetensors")


@dataclass(frozen=True)
class Judgement:
    """What the guard says.

    Attributes:
        scores: by measure; None where it could not be taken.
        refused: why the view is not good enough, one sentence for each measure; "" if it is.
    """

    scores: dict[str, float | None]
    refused: str = ""


@dataclass(frozen=True)
class _Limit:
    measure: str
    setting: str
    below: bool
    meaning: str
    remedy: str = ""


_LIMITS = (
    _Limit("coverage", "min_coverage", False, "mean share of pixels that the source shows"),
    _Limit("confidence", "min_confidence", False, "mean confidence"),
    _Limit("sharpness", "min_sharpness", False, "share of the source's sharpness"),
    _Limit("flicker", "max_flicker", True, "grey levels of change per frame that the source does not show"),
    _Limit(
        "inconsistency",
        "max_inconsistency",
        True,
        "grey levels off what the source shows of the same surface",
    ),
    _Limit("lpips", "max_lpips", True, "LPIPS distance from the source's frame"),
)


def judge(
    view: SpooledView, film: PosedFilm, settings: GuardSettings, *, lpips: Lpips | None = None
) -> Judgement:
    """Score a view, and say whether it is good enough.

    The spool is read once for its confidence, and at sampled frames for its pictures. Source frames are those that
    :func:`~anyview_ros.offline.augment.spooling.spool_views` kept beside the view; where there are none, the film is
    read once.

    Args:
        view: made of ``film``.
        film: the source.
        settings: thresholds; a measure that could not be taken refuses nothing.
        lpips: the network of ``settings.lpips_weights``, if it is loaded already.

    Raises:
        ReadError: the film cannot be read.
        WeightsError: weights of LPIPS that cannot be used.
    """
    if lpips is None and settings.lpips_weights:
        lpips = load_lpips(settings.lpips_weights)
    scores = score_view(view, film, lpips)
    return Judgement(scores, refusal(scores, settings))


def refusal(scores: dict[str, float | None], settings: GuardSettings) -> str:
    """Why a view with these scores is refused, in full sentences; "" if it is not."""
    sentences = []
    for limit in _LIMITS:
        value, threshold = scores.get(limit.measure), getattr(settings, limit.setting)
        if value is None or threshold is None:
            continue
        if value > threshold if limit.below else value < threshold:
            bound = "at most" if limit.below else "at least"
            sentences.append(
                f"Its {limit.measure} is {value:.3g} ({limit.meaning}), but {bound} {threshold:g} is asked for "
                f"({limit.setting})."
            )
    return " ".join(sentences)


def score_view(view: SpooledView, film: PosedFilm, lpips: Lpips | None = None) -> dict[str, float | None]:
    """All measures of a view; see this module."""
    told = _Confidence(view)
    pictures = _Pictures(view, lpips)
    for sample in source_samples(film, view.folder.parent / SAMPLES):
        pictures.add(sample, film.camera_to_world[sample.index])
    scores = pictures.scores()
    warped_coverage = scores.pop("warped_coverage")
    coverage = told.coverage if warped_coverage is None and told.known else warped_coverage
    return {"coverage": coverage, "confidence": told.mean if told.known else None, **scores}


class _Confidence:
    """Means over all frames."""

    def __init__(self, view: SpooledView) -> None:
        pixels = view.camera.width * view.camera.height
        total = sure = 0
        for confidence in view.confidences():
            total += round(cv2.sumElems(confidence)[0])
            sure += int(np.count_nonzero(confidence >= _SURE))
        self.known = total > 0
        self.coverage = sure / (pixels * len(view))
        self.mean = total / (255 * pixels * len(view))


class _Pictures:
    """Measures of pictures beside the source's, sample by sample."""

    def __init__(self, view: SpooledView, lpips: Lpips | None) -> None:
        self._view, self._lpips = view, lpips
        self._camera = sample_camera(view.camera, _WARP_SIDE)
        self._before: tuple[int, UInt8, UInt8, NDArray[np.bool_]] | None = None
        self._values: dict[str, list[float]] = {
            name: [] for name in ("warped_coverage", "sharpness", "flicker", "inconsistency", "lpips")
        }

    def add(self, sample: SourceSample, source_pose: NDArray[np.float64]) -> None:
        full = self._view.frame(sample.index).image
        self._add_sharpness(full, sample)
        small = made_small(full, self._camera)
        expected, mask = sample.image, np.ones((1, 1), np.bool_)
        if sample.depth is not None:
            warped = self._warp(made_smaller(sample, _WARP_SIDE), source_pose)
            if sample.depth.any():  # else it is unknown, which says nothing either way
                self._values["warped_coverage"].append(float(warped.coverage.mean()))
            comparable = warped.coverage & (warped.stretch <= _MOST_STRETCH)
            if comparable.any():
                self._values["inconsistency"].append(_difference(small, warped.image, comparable))
            expected, mask = warped.image, warped.coverage
        self._add_flicker(sample.index, small, expected, mask)
        if self._lpips is not None and len(self._values["lpips"]) < _MOST_LPIPS:
            self._values["lpips"].append(self._lpips(*_alike(full, sample)))

    def scores(self) -> dict[str, float | None]:
        return {name: float(np.mean(values)) if values else None for name, values in self._values.items()}

    def _add_sharpness(self, image: UInt8, sample: SourceSample) -> None:
        camera, source = self._view.camera, sample.camera
        scale = min(camera.fx, source.fx)
        here = _laplacian_spread(image, scale / camera.fx)
        there = _laplacian_spread(sample.image, scale / source.fx)
        if there > 0:
            self._values["sharpness"].append(here / there)

    def _add_flicker(self, index: int, view: UInt8, expected: UInt8, mask: NDArray[np.bool_]) -> None:
        known = np.broadcast_to(mask, expected.shape[:2])
        before, self._before = self._before, (index, view, expected, known)
        if before is None or before[0] != index - 1:
            return
        both = known & before[3]
        if expected.shape != view.shape:
            both = np.ones_like(both)
        change = _small_change(before[1], view, both if expected.shape == view.shape else None)
        should = _small_change(before[2], expected, both)
        if change is not None and should is not None:
            self._values["flicker"].append(max(0.0, change - should))

    def _warp(self, sample: SourceSample, source_pose: NDArray[np.float64]) -> WarpedImage:
        assert sample.depth is not None  # noqa: S101 - asked before
        return forward_warp(
            sample.image,
            sample.depth,
            sample.camera,
            source_pose,
            self._camera,
            self._view.camera_to_world[sample.index],
        )


def _small_change(before: UInt8, after: UInt8, mask: NDArray[np.bool_] | None) -> float | None:
    """Mean change of pictures made small, where the mask is set; None if that is nowhere."""
    height, width = after.shape[:2]
    scale = min(1.0, _FLICKER_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    a, b = (
        cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA) for image in (before, after)
    )
    difference = np.abs(b - a).mean(axis=2)
    if mask is None:
        return float(difference.mean())
    part = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    whole = part > 0.99
    return float(difference[whole].mean()) if whole.any() else None


def _alike(view: UInt8, sample: SourceSample) -> tuple[UInt8, UInt8]:
    """View and source at one size: the view's, or that of the sample if it is smaller."""
    height, width = view.shape[:2]
    scale = min(1.0, max(sample.camera.size) / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    a, b = (cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in (view, sample.image))
    return np.asarray(a, np.uint8), np.asarray(b, np.uint8)


def _difference(a: UInt8, b: UInt8, mask: NDArray[np.bool_]) -> float:
    return float(np.abs(a[mask].astype(np.int16) - b[mask].astype(np.int16)).mean())


def _laplacian_spread(image: UInt8, scale: float) -> float:
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    if scale < 1:
        size = (max(3, round(grey.shape[1] * scale)), max(3, round(grey.shape[0] * scale)))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA))
    return float(cv2.Laplacian(grey, cv2.CV_32F).std())


@lru_cache(maxsize=1)
def load_lpips(weights: str, device: str = "cpu") -> Lpips:
    """LPIPS from a file that holds all its weights, or from the files (.pth, .safetensors) of a folder; kept.

    Raises:
        WeightsError: no such file, or weights that are not LPIPS's.
        MissingDependencyError: PyTorch is not installed.
    """
    return Lpips(lpips_files(weights), device)


def lpips_files(weights: str) -> list[Path]:
    """The files that these weights are in: the file itself, or those of a folder.

    Raises:
        WeightsError: a folder without any.
    """
    path = Path(weights)
    files = sorted(file for file in path.iterdir() if file.suffix in _WEIGHTS) if path.is_dir() else [path]
    if not files:
        raise WeightsError(f"{path} holds no {' or '.join(_WEIGHTS)} files; give LPIPS's weights")
    return files
