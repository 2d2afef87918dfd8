"""TSED: how many pairs of pictures agree with the poses that they were made for.

Thresholded symmetric epipolar distance, of Yu et al., Long-Term Photometric Consistent Novel View Synthesis with
Diffusion Models (arXiv 2304.10700): a pair is consistent if it has enough matches and their median distance from the
epipolar lines is below a threshold. It needs no truth, but a world that stands still between both pictures: take
pictures of one instant, or of a scene without motion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera, check_rigid
from anyview_ros.metrics.correspondences import Correspondences, sift_correspondences
from anyview_ros.metrics.epipolar import TwoViewGeometry

UInt8 = NDArray[np.uint8]

THRESHOLD_PX = 2.0
LEAST_MATCHES = 10
MTSED_THRESHOLDS_PX = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0)
"""Thresholds of :func:`mtsed`; tell them beside the figure."""

Matcher = Callable[[UInt8, UInt8], Correspondences]


@dataclass(frozen=True)
class PairConsistency:
    """One pair of pictures.

    Attributes:
        matches: how many points of them were matched.
        median_px: median symmetric epipolar distance of the matches; None if there are none.
    """

    matches: int
    median_px: float | None

    def is_consistent(self, threshold_px: float = THRESHOLD_PX, least_matches: int = LEAST_MATCHES) -> bool:
        """Whether there are enough matches, of which half are within the threshold."""
        return self.median_px is not None and self.matches >= least_matches and self.median_px < threshold_px


@dataclass(frozen=True, eq=False)
class PosedImage:
    """A picture uint8 (H, W, 3) RGB, its camera, and camera_to_world (4, 4), metres, OpenCV axes."""

    image: UInt8
    camera: PinholeCamera
    camera_to_world: NDArray[np.float64]


def pair_consistency(
    matches: Correspondences, geometry: TwoViewGeometry, *, scales: tuple[float, float] = (1.0, 1.0)
) -> PairConsistency:
    """Judge matches, from wherever they come, by the poses that the pictures should have.

    Args:
        matches: points of both pictures.
        geometry: what the poses say.
        scales: of both pictures; distances in each are multiplied by its own: 256 / width makes them those of
            pictures 256 pixels wide.
    """
    if len(matches) == 0:
        return PairConsistency(0, None)
    distances = geometry.distances_px(matches.points_a, matches.points_b, scales=scales)
    return PairConsistency(len(matches), float(np.median(distances)))


def image_pair_consistency(
    a: PosedImage,
    b: PosedImage,
    *,
    matcher: Matcher = sift_correspondences,
    scales: tuple[float, float] = (1.0, 1.0),
) -> PairConsistency:
    """Match two pictures and judge the matches by their poses; ``scales`` as in :func:`pair_consistency`.

    Raises:
        InvalidInputError: pictures that the matcher cannot take.
        InvalidPoseError: a pose that is not one finite rigid transform.
    """
    geometry = TwoViewGeometry.between(a.camera, a.camera_to_world, b.camera, b.camera_to_world)
    return pair_consistency(matcher(a.image, b.image), geometry, scales=scales)


def sequence_consistency(
    frames: UInt8,
    camera: PinholeCamera,
    camera_to_world: NDArray[np.float64],
    *,
    matcher: Matcher = sift_correspondences,
    scale: float = 1.0,
) -> tuple[PairConsistency, ...]:
    """Judge each picture of a sequence with the next.

    Args:
        frames: uint8 (N, H, W, 3), RGB, N at least 2.
        camera: of all of them.
        camera_to_world: (N, 4, 4), metres, OpenCV axes: the poses that they were made for.
        matcher: finds points of two pictures that show the same.
        scale: of all of them, as in :func:`pair_consistency`.

    Returns:
        N - 1 pairs.

    Raises:
        InvalidInputError: fewer than two pictures, or another number of poses.
    """
    poses = check_rigid(camera_to_world, name="camera_to_world")
    if len(frames) < 2 or len(poses) != len(frames):
        raise InvalidInputError(
            f"a sequence has two pictures or more, each with a pose; got {len(frames)} and {len(poses)} poses"
        )
    posed = [PosedImage(frame, camera, pose) for frame, pose in zip(frames, poses, strict=True)]
    scales = (scale, scale)
    return tuple(image_pair_consistency(a, b, matcher=matcher, scales=scales) for a, b in pairwise(posed))


def tsed(
    pairs: Sequence[PairConsistency],
    threshold_px: float = THRESHOLD_PX,
    least_matches: int = LEAST_MATCHES,
) -> float:
    """The part of the pairs that is consistent, in [0, 1].

    Raises:
        InvalidInputError: no pairs, or a threshold that is not positive.
    """
    if not pairs:
        raise InvalidInputError("there are no pairs of pictures, so there is no TSED; give at least one")
    if not threshold_px > 0:
        raise InvalidInputError(f"threshold_px is {threshold_px}; give a positive number of pixels")
    return float(np.mean([pair.is_consistent(threshold_px, least_matches) for pair in pairs]))


def mtsed(
    pairs: Sequence[PairConsistency],
    thresholds_px: Sequence[float] = MTSED_THRESHOLDS_PX,
) -> float:
    """The mean of :func:`tsed` over several thresholds, in [0, 1].

    Raises:
        InvalidInputError: no pairs or no thresholds.
    """
    if not thresholds_px:
        raise InvalidInputError("thresholds_px is empty; give at least one")
    return float(np.mean([tsed(pairs, threshold) for threshold in thresholds_px]))
