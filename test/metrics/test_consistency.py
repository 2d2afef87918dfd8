from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.metrics import (
    Correspondences,
    PairConsistency,
    PosedImage,
    TwoViewGeometry,
    correspondences_from_depth,
    image_pair_consistency,
    mtsed,
    pair_consistency,
    refined_correspondences,
    sequence_consistency,
    tsed,
)
from anyview_ros.scenes import render_clip, simulated_robot

CAMERA = PinholeCamera.from_fov(192, 144, horizontal_fov_deg=60)
EYES = [look_at((1.2 + 0.03 * i, -0.8 + 0.08 * i, 1.4), (0.3, 0.0, 0.9)) for i in range(3)]


def rectified() -> TwoViewGeometry:
    moved = np.eye(4)
    moved[0, 3] = 0.1
    return TwoViewGeometry.between(CAMERA, np.eye(4), CAMERA, moved)


def test_the_median_by_hand() -> None:
    """Rows off by 0, 1, 1, 4 and 9: half of them within 1."""
    points = np.array([[10 * i, 20] for i in range(5)], float)
    matches = Correspondences(points, points + [[0, off] for off in (0, 1, 1, 4, 9)])
    assert pair_consistency(matches, rectified()).median_px == pytest.approx(1.0)
    assert pair_consistency(matches, rectified(), scales=(0.5, 0.5)).median_px == pytest.approx(0.5)
    assert pair_consistency(Correspondences([], []), rectified()) == PairConsistency(0, None)


def test_tsed_and_its_mean_by_hand() -> None:
    pairs = [
        PairConsistency(50, 0.4),
        PairConsistency(50, 1.7),
        PairConsistency(50, 3.2),
        PairConsistency(9, 0.1),  # too few matches
        PairConsistency(0, None),
    ]
    assert tsed(pairs, 2.0) == pytest.approx(2 / 5)
    assert tsed(pairs, 2.0, least_matches=9) == pytest.approx(3 / 5)
    assert tsed(pairs, 1.7) == pytest.approx(1 / 5)  # below the threshold, not at it
    assert mtsed(pairs, (1.0, 2.0, 4.0)) == pytest.approx((1 / 5 + 2 / 5 + 3 / 5) / 3)


def test_rendered_views_agree_with_their_poses_and_not_with_others() -> None:
    world = simulated_robot()
    clips = [render_clip(world, CAMERA, pose, 0.0, supersampling=2) for pose in EYES]
    images = np.concatenate([clip.frames for clip in clips])
    right = sequence_consistency(images, CAMERA, np.stack(EYES))
    assert tsed(right, 1.0) == 1.0
    assert min(pair.matches for pair in right) > 20
    wrong = [EYES[0], EYES[1] @ _tilted(3.0), EYES[2]]
    assert tsed(sequence_consistency(images, CAMERA, np.stack(wrong)), 2.0) == 0.0


def test_known_depth_finds_what_a_picture_puts_elsewhere() -> None:
    world = simulated_robot()
    a, b = (render_clip(world, CAMERA, pose, 0.0, supersampling=2) for pose in EYES[:2])
    expected = correspondences_from_depth(a.depth[0], CAMERA, EYES[0], CAMERA, EYES[1], depth_b=b.depth[0])

    def judged(image: np.ndarray) -> PairConsistency:
        return image_pair_consistency(
            PosedImage(a.frames[0], CAMERA, EYES[0]),
            PosedImage(image, CAMERA, EYES[1]),
            matcher=lambda first, second: refined_correspondences(first, second, expected),
        )

    true = judged(b.frames[0])
    assert true.matches > 100
    assert true.median_px < 0.3
    lower = judged(np.roll(b.frames[0], 4, axis=0))
    assert 2.5 < lower.median_px < 5


def _tilted(degrees: float) -> np.ndarray:
    turn = np.eye(4)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn[1:3, 1:3] = [[c, -s], [s, c]]
    return turn


def test_nothing_to_judge() -> None:
    with pytest.raises(InvalidInputError, match="no pairs"):
        tsed([])
    with pytest.raises(InvalidInputError, match="threshold_px is 0"):
        tsed([PairConsistency(50, 0.1)], 0)
    with pytest.raises(InvalidInputError, match="thresholds_px is empty"):
        mtsed([PairConsistency(50, 0.1)], ())
    with pytest.raises(InvalidInputError, match="two pictures or more"):
        sequence_consistency(np.zeros((1, 144, 192, 3), np.uint8), CAMERA, np.eye(4)[None])


def test_a_sequence_is_judged_by_neighbours_and_at_its_scale() -> None:
    """Cameras side by side, whose lines are rows: matches are 6 rows off in the first pair, and 2 in the second."""
    poses = np.tile(np.eye(4), (3, 1, 1))
    poses[:, 0, 3] = 0.1, 0.2, 0.3
    frames = np.stack([np.full((144, 192, 3), level, np.uint8) for level in (0, 1, 2)])

    def matcher(a: np.ndarray, b: np.ndarray) -> Correspondences:
        points = np.array([[50.0, 60.0]])
        off = {(0, 1): 6, (1, 2): 2}[int(a.max()), int(b.max())]
        return Correspondences(points, points + np.array([0, off]))

    judged = sequence_consistency(frames, CAMERA, poses, matcher=matcher, scale=0.5)
    assert [pair.median_px for pair in judged] == [pytest.approx(3.0), pytest.approx(1.0)]
    with pytest.raises(InvalidInputError, match="got 3 and 2 poses"):
        sequence_consistency(frames, CAMERA, poses[:2], matcher=matcher)
