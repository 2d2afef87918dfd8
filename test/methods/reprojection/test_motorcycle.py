"""Real pictures with true depth: the Motorcycle pair of Middlebury 2014, as scikit-image ships it."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.data import stereo_motorcycle

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.geometry.warp import co_visible
from anyview_ros.metrics import coverage, psnr_db, ssim
from anyview_ros.synthesis import SynthesisRequest, load_synthesizer

FOCAL, CX, CY = 994.978, 311.193, 254.877
DISPARITY_OFFSET, BASELINE_M = 31.086, 0.193001


@pytest.fixture(scope="module")
def pair() -> tuple[PosedClip, CameraTrajectory, np.ndarray, np.ndarray]:
    """Left clip with depth, right camera, right image, and the right pixels that the left camera truly sees."""
    left, right, disparity = stereo_motorcycle()
    height, width = disparity.shape
    known = np.isfinite(disparity)
    depth = np.zeros(disparity.shape, np.float32)
    depth[known] = FOCAL * BASELINE_M / (disparity[known] + DISPARITY_OFFSET)
    left_camera = PinholeCamera(FOCAL, FOCAL, CX, CY, width, height)
    right_camera = PinholeCamera(FOCAL, FOCAL, CX + DISPARITY_OFFSET, CY, width, height)
    right_pose = np.eye(4)
    right_pose[0, 3] = BASELINE_M
    right_depth = moved_to_the_right(depth, disparity)
    sees = co_visible(right_depth, right_camera, right_pose, depth, left_camera, np.eye(4))
    clip = PosedClip(left[None], left_camera, np.eye(4)[None], np.array([1]), depth[None])
    return clip, CameraTrajectory(right_camera, right_pose[None]), right, sees


def moved_to_the_right(depth: np.ndarray, disparity: np.ndarray) -> np.ndarray:
    """The right camera's depth, which is not shipped: each left pixel at x - d, the nearest on top."""
    moved = np.zeros_like(depth)
    rows, columns = np.nonzero(depth)
    order = np.argsort(-depth[rows, columns], kind="stable")
    rows, columns = rows[order], columns[order]
    to = np.rint(columns - disparity[rows, columns]).astype(int)
    on_image = to >= 0
    moved[rows[on_image], to[on_image]] = depth[rows[on_image], columns[on_image]]
    return moved


def test_reprojection_beats_copying_by_8_db_where_both_cameras_see(
    pair: tuple[PosedClip, CameraTrajectory, np.ndarray, np.ndarray],
) -> None:
    clip, target, truth, sees = pair
    request = SynthesisRequest((clip,), (target,))
    moved = load_synthesizer("reprojection").synthesize(request).views[0].frames[0]
    copied = load_synthesizer("copy_source").synthesize(request).views[0].frames[0]
    assert coverage(sees) > 0.7
    assert psnr_db(moved, truth, sees) > psnr_db(copied, truth, sees) + 8
    assert psnr_db(moved, truth, sees) > 26
    assert ssim(moved, truth, sees) > ssim(copied, truth, sees) + 0.4


def test_confidence_tells_good_pixels_from_bad(
    pair: tuple[PosedClip, CameraTrajectory, np.ndarray, np.ndarray],
) -> None:
    clip, target, truth, _ = pair
    view = load_synthesizer("reprojection").synthesize(SynthesisRequest((clip,), (target,))).views[0]
    sure = view.confidence[0] > 0.9
    assert 0.7 < coverage(sure) < 0.9
    assert (
        psnr_db(view.frames[0], truth, sure) > psnr_db(view.frames[0], truth, view.confidence[0] <= 0.5) + 8
    )
