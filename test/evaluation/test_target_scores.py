from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidInputError
from anyview_ros.evaluation.target_scores import LearnedMetrics, score_target, seen_by
from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.scenes import render_clip, simulated_robot

CAMERA = PinholeCamera.from_fov(96, 72, horizontal_fov_deg=60)
TIMES = np.arange(4) / 10


@pytest.fixture(scope="module")
def clips() -> tuple[PosedClip, PosedClip]:
    """Source and truth, 0.15 m apart."""
    world = simulated_robot()
    poses = look_at((1.2, -0.8, 1.4), (0.3, 0, 0.9)), look_at((1.25, -0.66, 1.4), (0.3, 0, 0.9))
    source, truth = (render_clip(world, CAMERA, pose, TIMES, supersampling=2) for pose in poses)
    return source, truth


def noisy(truth: PosedClip) -> PosedClip:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 12, truth.frames.shape)
    return replace(truth, frames=np.clip(truth.frames + noise, 0, 255).astype(np.uint8), depth=None)


def sure(clip: PosedClip, value: float = 1.0) -> np.ndarray:
    return np.full(clip.frames.shape[:3], value, np.float32)


def test_frames_agree_with_scikit_image_and_means_are_of_frames(clips: tuple[PosedClip, PosedClip]) -> None:
    source, truth = clips
    view = noisy(truth)
    scores = score_target(view, sure(view), truth, [source])
    psnrs = [peak_signal_noise_ratio(t, v) for t, v in zip(truth.frames, view.frames, strict=True)]
    ssims = [
        structural_similarity(t, v, channel_axis=2) for t, v in zip(truth.frames, view.frames, strict=True)
    ]
    assert [frame["psnr_db"] for frame in scores.frames] == pytest.approx(psnrs)
    assert scores.metrics["psnr_db"] == pytest.approx(np.mean(psnrs))
    assert scores.metrics["ssim"] == pytest.approx(np.mean(ssims), abs=1e-5)
    assert scores.metrics["lpips"] is None


def test_co_visible_scores_are_of_those_pixels_alone(clips: tuple[PosedClip, PosedClip]) -> None:
    source, truth = clips
    mask = np.stack([seen_by([source], truth, index) for index in range(len(truth))])
    hidden_wrong = np.where(mask[..., None], noisy(truth).frames, 0).astype(np.uint8)
    scores = score_target(replace(truth, frames=hidden_wrong), sure(truth), truth, [source])
    clean = score_target(noisy(truth), sure(truth), truth, [source])
    assert scores.metrics["coverage"] == pytest.approx(mask.mean())
    assert 0.5 < mask.mean() < 0.98
    assert scores.metrics["psnr_co_visible_db"] == pytest.approx(clean.metrics["psnr_co_visible_db"])
    assert scores.metrics["psnr_db"] < clean.metrics["psnr_db"] - 1


def test_a_view_of_the_wrong_pose_is_inconsistent(clips: tuple[PosedClip, PosedClip]) -> None:
    source, truth = clips
    right = score_target(replace(truth, frames=noisy(truth).frames), sure(truth), truth, [source])
    lower = score_target(
        replace(truth, frames=np.roll(truth.frames, 5, axis=1)), sure(truth), truth, [source]
    )
    assert right.metrics["tsed_by_depth"] == 1
    assert lower.metrics["mtsed_by_depth"] == 0
    assert right.metrics["tsed_truth"] == lower.metrics["tsed_truth"]


@pytest.mark.parametrize("size", [(288, 216), (48, 36)])
def test_the_size_of_the_source_does_not_change_how_far_a_view_is_off(
    clips: tuple[PosedClip, PosedClip], size: tuple[int, int]
) -> None:
    """A pixel too low, of pictures 96 wide: 2.7 where they are 256 wide, and a little less across epipolar lines."""
    given, truth = clips
    source = render_clip(
        simulated_robot(), CAMERA.resized(*size), given.camera_to_world[0], TIMES, supersampling=2
    )
    view = replace(truth, frames=np.roll(truth.frames, 1, axis=1))
    metrics = score_target(view, sure(truth), truth, [source]).metrics
    assert metrics["tsed_by_depth"] == 0
    assert metrics["mtsed_by_depth"] == pytest.approx(3 / 7)  # below 3, 3.5 and 4 px, not below 2.5


def test_without_depth_nothing_is_said_of_what_needs_it(clips: tuple[PosedClip, PosedClip]) -> None:
    source, truth = (replace(clip, depth=None) for clip in clips)
    scores = score_target(truth, sure(truth), truth, [source])
    for name in ("coverage", "psnr_co_visible_db", "tsed_by_depth", "psnr_db", "seam_ratio"):
        assert scores.metrics[name] is None, name  # psnr: every frame equals the truth
    assert scores.metrics["ssim"] == pytest.approx(1)
    assert scores.metrics["video_distance"] == 0
    assert scores.metrics["flicker_ratio"] == pytest.approx(1)


def test_seams_are_found_where_windows_begin(clips: tuple[PosedClip, PosedClip]) -> None:
    source, truth = clips
    jumps = truth.frames.astype(np.int16) + np.array([0, 0, 40, 40])[:, None, None, None]
    view = replace(truth, frames=np.clip(jumps, 0, 255).astype(np.uint8))
    assert score_target(view, sure(view), truth, [source], window_starts=[2]).metrics["seam_ratio"] > 3
    assert score_target(truth, sure(truth), truth, [source], window_starts=[2]).metrics[
        "seam_ratio"
    ] == pytest.approx(1)


def test_confidence_is_judged_pixel_by_pixel(clips: tuple[PosedClip, PosedClip]) -> None:
    source, truth = clips
    half = truth.frames.copy()
    half[:, :36] = 255 - half[:, :36]
    confidence = np.ones(truth.frames.shape[:3], np.float32)
    scores = score_target(replace(truth, frames=half), confidence, truth, [source])
    assert scores.reliability.total == confidence.size
    assert 0.4 < scores.reliability.expected_calibration_error < 0.51


def test_learned_metrics_are_used_where_given(clips: tuple[PosedClip, PosedClip]) -> None:
    source, truth = clips

    class Means:
        def features(self, frames: np.ndarray) -> np.ndarray:
            return frames.mean((0, 1, 2))

    learned = LearnedMetrics(lpips=lambda a, b: float(np.abs(a.astype(int) - b).max()), video=Means())
    view = replace(truth, frames=np.where(truth.frames < 255, truth.frames + 1, 254).astype(np.uint8))
    scores = score_target(view, sure(view), truth, [source], learned=learned)
    assert scores.metrics["lpips"] == 1
    np.testing.assert_allclose(scores.features[1], truth.frames.mean((0, 1, 2)))


def test_learned_metrics_that_refuse_a_clip_are_left_out_with_their_reason(
    clips: tuple[PosedClip, PosedClip],
) -> None:
    source, truth = clips

    class Wide:
        def features(self, frames: np.ndarray) -> np.ndarray:
            raise InvalidInputError(f"the video network does not take {len(frames)} frames")

    def lpips(a: np.ndarray, b: np.ndarray) -> float:
        raise InvalidInputError("pictures must be larger")

    learned = LearnedMetrics(lpips=lpips, video=Wide())
    scores = score_target(noisy(truth), sure(truth), truth, [source], learned=learned)
    plain = score_target(noisy(truth), sure(truth), truth, [source])
    assert scores.as_json() == plain.as_json()
    assert scores.features is None
    assert scores.notes == (
        "LPIPS does not apply: pictures must be larger.",
        "The learned video distance does not apply: the video network does not take 4 frames.",
    )
    assert plain.notes == ()


def test_clips_that_do_not_fit(clips: tuple[PosedClip, PosedClip]) -> None:
    source, truth = clips
    shorter = PosedClip(truth.frames[:2], CAMERA, truth.camera_to_world[:2], truth.stamps_ns[:2])
    with pytest.raises(InvalidInputError, match="same instants"):
        score_target(shorter, sure(shorter), truth, [source])
