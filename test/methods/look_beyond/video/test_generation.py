from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from clips import pose_at
from diffusers import EulerDiscreteScheduler
from look_beyond_weights import TINY_VIDEO, tiny_video

from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.look_beyond.fusion import guidance_scales, temporal_weights
from anyview_ros.methods.look_beyond.video.generation import (
    FusedPass,
    draw_pass,
    fused_denoising,
    noise_levels,
    scheduler,
)
from anyview_ros.methods.look_beyond.video.known import Anchor

CAMERA = PinholeCamera(24.0, 20.0, 11.5, 7.5, 24, 16)
POSES = np.stack([pose_at(x=0.1 * i) for i in range(4)])


def keyframe(seed: int, pose: np.ndarray) -> Anchor:
    image = np.random.default_rng(seed).integers(0, 256, (16, 24, 3), np.uint8)
    return Anchor(image, np.ones((16, 24), np.bool_), np.full((16, 24), 2, np.float32), CAMERA, pose)


def plan(weights: np.ndarray, *, guidance: float = 1.0) -> FusedPass:
    first, last = keyframe(0, POSES[0]), keyframe(1, POSES[-1])
    return FusedPass(first, last, POSES, weights, guidance_scales(4, 1.0, guidance))


def noise(seed: int = 0) -> torch.Tensor:
    return torch.randn((1, 4, 3, 16, 24), generator=torch.Generator().manual_seed(seed))


def draw(given: FusedPass, *, seed: int = 0, steps: int = 3) -> torch.Tensor:
    return draw_pass(tiny_video(), given, steps=steps, noise=noise(seed))


def knows(truth: torch.Tensor) -> Any:
    """A denoiser that sees exactly the noise that lies over ``truth`` (1, F, ...)."""
    levels = noise_levels()

    def seen(video: torch.Tensor, timestep: Any) -> torch.Tensor:
        signal = levels[int(timestep)]
        return (video - signal.sqrt() * truth) / (1 - signal).sqrt()

    return seen


def test_with_weight_1_the_first_keyframe_decides_and_with_0_the_last() -> None:
    forward, reverse = draw(plan(np.ones(4))), draw(plan(np.zeros(4)))
    alone = draw(replace(plan(np.ones(4)), last=None))
    torch.testing.assert_close(forward, alone)
    given = plan(np.zeros(4))
    backwards = FusedPass(given.last, given.first, POSES[::-1].copy(), np.ones(4), given.guidance)
    flipped = draw_pass(tiny_video(), backwards, steps=3, noise=noise().flip(1))
    torch.testing.assert_close(reverse, flipped.flip(0), atol=1e-4, rtol=1e-4)
    assert (forward - reverse).abs().max() > 0.1


def test_two_denoisers_that_agree_are_followed_whatever_the_weights() -> None:
    truth = noise(5).clamp(-1, 1)
    flipped = knows(truth.flip(1))
    for weights in (torch.rand(4), torch.zeros(4)):
        drawn = fused_denoising(scheduler(), knows(truth), flipped, weights, noise(), steps=5)
        torch.testing.assert_close(drawn, truth, atol=1e-3, rtol=1e-3)


def test_two_denoisers_that_differ_are_mixed_picture_by_picture() -> None:
    one, other = noise(5).clamp(-0.9, 0.9), noise(6).clamp(-0.9, 0.9)
    weights = torch.tensor([1.0, 0.7, 0.4, 0.0])
    drawn = fused_denoising(scheduler(), knows(one), knows(other.flip(1)), weights, noise(), steps=5)
    share = weights[None, :, None, None, None]
    torch.testing.assert_close(drawn, share * one + (1 - share) * other, atol=1e-3, rtol=1e-3)


def test_other_schedulers_of_diffusers_do_as_well() -> None:
    truth = noise(5).clamp(-1, 1)
    schedule = EulerDiscreteScheduler(prediction_type="sample")
    drawn = fused_denoising(
        schedule,
        lambda video, _: truth,
        lambda video, _: truth.flip(1),
        torch.full((4,), 0.3),
        noise(),
        steps=6,
    )
    torch.testing.assert_close(drawn, truth, atol=1e-4, rtol=1e-4)


def test_the_same_noise_draws_the_same_and_other_noise_another() -> None:
    given = plan(temporal_weights(4))
    torch.testing.assert_close(draw(given), draw(given), atol=0, rtol=0)
    assert (draw(given, seed=1) - draw(given)).abs().max() > 1e-3


def test_guidance_changes_pictures_away_from_the_keyframe() -> None:
    plain, guided = draw(plan(np.ones(4))), draw(plan(np.ones(4), guidance=4.0))
    assert (guided[3] - plain[3]).abs().max() > 1e-2


def test_one_step_is_enough_and_between_is_called_before_each() -> None:
    calls: list[int] = []
    drawn = draw_pass(
        tiny_video(), plan(temporal_weights(4)), steps=1, noise=noise(), between=lambda: calls.append(1)
    )
    assert drawn.shape == (TINY_VIDEO.frames, 3, 16, 24)
    assert len(calls) == 1


def test_what_between_raises_ends_the_work() -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw_pass(tiny_video(), plan(temporal_weights(4)), steps=2, noise=noise(), between=stop)


def test_noise_levels_fall_from_almost_clean_to_almost_nothing() -> None:
    levels = noise_levels()
    assert levels.shape == (1000,)
    assert (levels.diff() < 0).all()
    assert levels[0] > 0.999
    assert levels[-1] < 1e-4
