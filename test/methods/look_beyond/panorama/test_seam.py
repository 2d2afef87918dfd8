from __future__ import annotations

import numpy as np
import torch
from tiny_panoramas import BoxRoom

from anyview_ros.methods.look_beyond.panorama.seam import seam_error, seam_loss


def test_a_true_panorama_has_no_seam_and_a_cut_one_does() -> None:
    whole = BoxRoom().panorama(64).colour * 255
    assert abs(seam_error(whole)) < 1.5
    assert abs(seam_error(np.roll(whole, 40, axis=1)) - seam_error(whole)) < 1.5
    cut = whole + np.linspace(0, 50, 128)[None, :, None]
    assert seam_error(cut) > 30


def test_the_loss_is_nought_for_the_truth_alone() -> None:
    truth = torch.rand(2, 3, 8, 16)
    assert seam_loss(truth, truth) == 0
    assert seam_loss(truth + 0.3, truth) < 1e-10  # a change of all is no seam
    moved = truth.clone()
    moved[..., 0] += 0.5
    torch.testing.assert_close(seam_loss(moved, truth), torch.tensor(0.25))
