from __future__ import annotations

import pytest
import torch
from gaussian_denoiser import GaussianDenoiser

from anyview_ros.methods.zeronvs.denoiser import Condition
from anyview_ros.methods.zeronvs.reliability import Reliability, distance, expected_latents


def test_confidence_falls_as_a_drawing_leaves_what_was_expected() -> None:
    expected = torch.zeros(1, 3, 8, 8)
    reliability = Reliability(0.6, 0.2)
    stated = [float(reliability.confidence(expected + 2 * off, expected)[0, 4, 4]) for off in (0.0, 0.2, 0.4)]
    assert stated == pytest.approx([0.6, 0.3, 0.6 / 5])


def test_distance_is_that_of_the_surroundings() -> None:
    drawn = torch.zeros(1, 3, 9, 9)
    drawn[:, :, 4, 4] = 2.0
    apart = distance(drawn, torch.zeros(1, 3, 9, 9))
    assert apart[0, 4, 4] == pytest.approx(1 / 25)
    assert apart[0, 2, 2] == pytest.approx(1 / 25)
    assert apart[0, 1, 4] == 0


@pytest.mark.parametrize("kind", ["sample", "v_prediction"])
def test_the_expected_picture_is_the_mean(kind: str) -> None:
    denoiser = GaussianDenoiser(kind, schedule="squaredcos_cap_v2")
    condition = Condition({"mean": torch.tensor([0.4, -0.2])})
    expected = expected_latents(denoiser, condition, torch.randn(2, 3, 4, 4))
    assert expected[0].mean() == pytest.approx(0.4, abs=0.02)
    assert expected[1].mean() == pytest.approx(-0.2, abs=0.02)
