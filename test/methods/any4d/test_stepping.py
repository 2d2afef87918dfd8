"""The optimisation of a scene as a fit."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from anyview_ros.clips import PosedClip
from anyview_ros.methods.any4d.births import Births
from anyview_ros.methods.any4d.model import MovingGaussians
from anyview_ros.methods.any4d.motion import HybridMotion
from anyview_ros.methods.any4d.observations import observed
from anyview_ros.methods.any4d.optimisation import Optimisation
from anyview_ros.methods.any4d.options import Any4DFitOptions
from anyview_ros.methods.any4d.stepping import SceneFit
from anyview_ros.methods.fit_checkpoint import FitCheckpoint


def begun(clip: PosedClip, *, motion: str = "hybrid") -> SceneFit:
    """A fit of a few Gaussians in a row before the camera."""
    births = Births.empty(20)
    births.means[:] = np.stack([np.linspace(-0.5, 0.5, 20), np.zeros(20), np.full(20, 1.5)], -1)
    births.scales[:] = 0.1
    scene = MovingGaussians(births, HybridMotion(20, clip.stamps_ns, kind=motion))  # type: ignore[arg-type]
    return SceneFit(scene, observed(clip, 0), [None], Any4DFitOptions(motion=motion), 0)


def test_it_judges_by_the_running_mean_of_its_loss(clip: PosedClip) -> None:
    fit = begun(clip)
    assert math.isnan(fit.smooth_loss)
    first, second = fit.step(), fit.step()
    assert fit.rank == fit.smooth_loss == pytest.approx(0.95 * first + 0.05 * second)
    assert fit.step_count == 2
    assert fit.modules == {"scene": fit.scene}


def test_a_loss_of_several_times_the_first_counts_as_diverged(
    clip: PosedClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([0.1, 0.1, 1e3])
    monkeypatch.setattr(Optimisation, "step", lambda self: next(losses))
    fit = begun(clip)
    assert [fit.step(), fit.step()] == [0.1, 0.1]
    assert math.isnan(fit.step())


@pytest.mark.parametrize("motion", ["hybrid", "fixed"])
def test_it_goes_on_from_a_checkpoint_as_if_it_had_not_been_interrupted(
    clip: PosedClip, tmp_path: Path, motion: str
) -> None:
    kept = FitCheckpoint(tmp_path / "fit.safetensors", "kind", "key")
    whole, later = begun(clip, motion=motion), begun(clip, motion=motion)
    for _ in range(3):
        whole.step()
    kept.write(whole.state())
    state = kept.read()
    assert state is not None
    later.restore(state)
    assert (later.step_count, later.smooth_loss) == (3, whole.smooth_loss)
    assert [later.step() for _ in range(3)] == [whole.step() for _ in range(3)]
    for name, value in whole.scene.state_dict().items():
        assert torch.equal(value, later.scene.state_dict()[name]), name
