"""One synthesised clip against the true one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidInputError
from anyview_ros.evaluation.comparison import is_scorable
from anyview_ros.geometry.warp import co_visible
from anyview_ros.metrics import (
    Correspondences,
    PairConsistency,
    PosedImage,
    Reliability,
    TwoViewGeometry,
    correspondences_from_depth,
    finite_or_none,
    flicker,
    good_pixels,
    image_pair_consistency,
    mtsed,
    pair_consistency,
    psnr_db,
    refined_correspondences,
    seam,
    sequence_consistency,
    sliced_wasserstein,
    ssim,
    tsed,
)
from anyview_ros.metrics.epipolar import NO_BASELINE_M
from anyview_ros.metrics.lpips import Lpips
from anyview_ros.metrics.video_network import VideoNetwork

PAIRS = 8
"""Pairs of source and view, evenly spread over a clip, of which TSED is taken."""

LONG_SIDE_PX = 256
"""Epipolar distances are those of pictures with this long side."""

_GRID = 32  # matches by depth across a picture


@dataclass(frozen=True)
class LearnedMetrics:
    """Metrics that need weights; None where these are not given."""

    lpips: Lpips | None = None
    video: VideoNetwork | None = None


@dataclass(frozen=True, eq=False)
class TargetScores:
    """What was found of one target camera.

    Attributes:
        frames: scores of each frame by name; None where nothing could be compared.
        metrics: means over frames, and what is said of the clip as a whole; see
            :mod:`anyview_ros.evaluation.metric_columns`.
        reliability: of the stated confidence.
        features: of view and truth by the video network, (2, D); or None.
        notes: which metrics of :class:`LearnedMetrics` do not apply, and why, one sentence each.
    """

    frames: tuple[dict[str, float | None], ...]
    metrics: dict[str, float | None]
    reliability: Reliability
    features: NDArray[np.float64] | None
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As plain values, without features and notes."""
        return {
            "frames": list(self.frames),
            "metrics": self.metrics,
            "reliability": self.reliability.as_json(),
        }


def score_target(
    view: PosedClip,
    confidence: NDArray[np.float32],
    truth: PosedClip,
    sources: Sequence[PosedClip],
    *,
    window_starts: Sequence[int] = (),
    learned: LearnedMetrics | None = None,
) -> TargetScores:
    """Score a synthesised clip; learned metrics that refuse it are left out.

    Args:
        view: what was synthesised, with the truth's size, poses and stamps.
        confidence: float32 (T, h, w) in [0, 1], as stated.
        truth: what the target camera saw; with depth, co-visible pixels are scored apart.
        sources: what the view was made from, of the same instants.
        window_starts: frames with which a request other than the first began.
        learned: metrics that need weights.

    Raises:
        InvalidInputError: clips of different size or number of frames.
    """
    learned = learned or LearnedMetrics()
    if view.frames.shape != truth.frames.shape or any(len(source) != len(truth) for source in sources):
        raise InvalidInputError(
            f"the view is {view.frames.shape}, the truth {truth.frames.shape}, sources have "
            f"{[len(source) for source in sources]} frames; give clips of the same instants and the view's size"
        )
    lpips, why_no_lpips = _lpips(view, truth, learned.lpips)
    features, why_no_features = _features(view, truth, learned.video)
    frames = tuple(
        _score_frame(view.frames[index], truth, sources, index) | {"lpips": lpips[index]}
        for index in range(len(truth))
    )
    metrics: dict[str, float | None] = {name: _mean([each[name] for each in frames]) for name in frames[0]}
    changed = flicker(view.frames, truth.frames)
    jump = seam(view.frames, truth.frames, window_starts)
    metrics |= {
        **_consistency(view, sources[0]),
        **{f"{name}_truth": value for name, value in _consistency(truth, sources[0]).items()},
        **_consistency_by_depth(view, truth, sources[0]),
        "tsed_in_time": _in_time(view),
        "video_distance": sliced_wasserstein(view.frames, truth.frames),
        "flicker_ratio": None if changed is None else changed.ratio,
        "seam_ratio": None if jump is None else jump.ratio,
    }
    return TargetScores(
        frames,
        metrics,
        Reliability.of(np.clip(confidence, 0, 1), good_pixels(view.frames, truth.frames)),
        features,
        tuple(filter(None, (why_no_lpips, why_no_features))),
    )


def _lpips(view: PosedClip, truth: PosedClip, lpips: Lpips | None) -> tuple[list[float | None], str]:
    """Of each frame; None with the reason where the network does not take them, without one where there is none."""
    nothing: list[float | None] = [None] * len(truth)
    if lpips is None:
        return nothing, ""
    try:
        return [lpips(image, true) for image, true in zip(view.frames, truth.frames, strict=True)], ""
    except InvalidInputError as error:
        return nothing, f"LPIPS does not apply: {error}."


def _features(
    view: PosedClip, truth: PosedClip, network: VideoNetwork | None
) -> tuple[NDArray[np.float64] | None, str]:
    """Of view and truth, (2, D); None as for LPIPS."""
    if network is None:
        return None, ""
    try:
        return np.stack([network.features(clip.frames) for clip in (view, truth)]), ""
    except InvalidInputError as error:
        return None, f"The learned video distance does not apply: {error}."


def _score_frame(
    image: NDArray[np.uint8], truth: PosedClip, sources: Sequence[PosedClip], index: int
) -> dict[str, float | None]:
    true = truth.frames[index]
    mask = seen_by(sources, truth, index)
    scorable = mask is not None and is_scorable(mask)
    return {
        "psnr_db": finite_or_none(psnr_db(image, true)),
        "ssim": ssim(image, true),
        "coverage": None if mask is None else float(mask.mean()),
        "psnr_co_visible_db": finite_or_none(psnr_db(image, true, mask)) if scorable else None,
        "ssim_co_visible": ssim(image, true, mask) if scorable else None,
    }


def seen_by(sources: Sequence[PosedClip], truth: PosedClip, index: int) -> NDArray[np.bool_] | None:
    """Which pixels (h, w) of frame ``index`` a source truly saw at that instant; None where depth is not known."""
    if truth.depth is None or any(source.depth is None for source in sources):
        return None
    seen = np.zeros(truth.frames.shape[1:3], np.bool_)
    for source in sources:
        assert source.depth is not None  # noqa: S101 - looked at above
        seen |= co_visible(
            truth.depth[index],
            truth.camera,
            truth.camera_to_world[index],
            source.depth[index],
            source.camera,
            source.camera_to_world[index],
        )
    return seen


def _chosen(clip: PosedClip) -> list[int]:
    """Frames of which TSED is taken."""
    return sorted({int(index) for index in np.linspace(0, len(clip) - 1, min(PAIRS, len(clip)))})


def _consistency(clip: PosedClip, source: PosedClip) -> dict[str, float | None]:
    """TSED of pairs of a source's picture and the clip's of the same instant, matched by SIFT."""
    scales = _scale(source), _scale(clip)
    pairs = [
        image_pair_consistency(_posed(source, index), _posed(clip, index), scales=scales)
        for index in _chosen(clip)
    ]
    return {"tsed": tsed(pairs), "mtsed": mtsed(pairs)}


def _consistency_by_depth(view: PosedClip, truth: PosedClip, source: PosedClip) -> dict[str, float | None]:
    """TSED of the same pairs, matched by true depth; None where it is not known."""
    if truth.depth is None or source.depth is None:
        return {"tsed_by_depth": None, "mtsed_by_depth": None}
    pairs = [_matched_by_depth(view, truth, source, index) for index in _chosen(view)]
    return {"tsed_by_depth": tsed(pairs), "mtsed_by_depth": mtsed(pairs)}


def _matched_by_depth(view: PosedClip, truth: PosedClip, source: PosedClip, index: int) -> PairConsistency:
    """Points of the source, and where the view shows what the truth shows of them."""
    assert truth.depth is not None  # noqa: S101 - looked at by the caller
    assert source.depth is not None  # noqa: S101
    cameras = truth.camera, truth.camera_to_world[index], source.camera, source.camera_to_world[index]
    in_truth = correspondences_from_depth(
        truth.depth[index],
        *cameras,
        depth_b=source.depth[index],
        stride=max(2, truth.camera.width // _GRID),
    )
    in_source = dict(zip(map(tuple, in_truth.points_a), in_truth.points_b, strict=True))
    found = refined_correspondences(
        truth.frames[index], view.frames[index], Correspondences(in_truth.points_a, in_truth.points_a)
    )
    matches = Correspondences(
        found.points_b, np.array([in_source[tuple(point)] for point in found.points_a]).reshape(-1, 2)
    )
    return pair_consistency(matches, TwoViewGeometry.between(*cameras), scales=(_scale(view), _scale(source)))


def _in_time(view: PosedClip) -> float | None:
    """TSED of each frame with the next, of cameras that move all the time; None for others."""
    steps = np.linalg.norm(np.diff(view.camera_to_world[:, :3, 3], axis=0), axis=1)
    if not len(steps) or steps.min() < NO_BASELINE_M:
        return None
    pairs: Sequence[PairConsistency] = sequence_consistency(
        view.frames, view.camera, view.camera_to_world, scale=_scale(view)
    )
    return tsed(pairs)


def _scale(clip: PosedClip) -> float:
    """What makes distances in a clip's pictures those of pictures with the long side of all."""
    return LONG_SIDE_PX / max(clip.camera.size)


def _posed(clip: PosedClip, index: int) -> PosedImage:
    return PosedImage(clip.frames[index], clip.camera, clip.camera_to_world[index])


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
