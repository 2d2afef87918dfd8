"""Steps of the fit: which rays count, and how rates fall."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from ddr_scenes import CAMERA, QUICK, small_clip

from anyview_ros.methods.ddr.cameras import LearnableCameras, place_frames
from anyview_ros.methods.ddr.field import DdrField, FieldShape
from anyview_ros.methods.ddr.pixels import Pixels
from anyview_ros.methods.ddr.trainer import Trainer
from anyview_ros.rendering.space import Space


def a_trainer(*, instants: int = 1, steps: int | None = 10, far_m: float = 4.0, **options) -> Trainer:
    clip = small_clip()
    space = Space(
        "frustum",
        clip.camera_to_world[0],
        np.array([-0.7, -0.55, np.log(0.5)]),
        np.array([0.7, 0.55, np.log(far_m)]),
    )
    field = DdrField(FieldShape((12, 9, 16), instants, 4), torch.Generator().manual_seed(0))
    frames = place_frames([CAMERA], [space.to_anchor(clip.camera_to_world)], [len(clip)])
    return Trainer(
        field,
        LearnableCameras(frames, refine_poses=False, refine_focal=False),
        space,
        Pixels([clip], torch.device("cpu")),
        np.zeros(len(clip)) if instants == 1 else np.linspace(0, instants - 1, len(clip)),
        replace(QUICK, **options),
        steps=steps,
        seed=0,
    )


def test_pixels_are_those_of_the_clips() -> None:
    first, second = small_clip(), small_clip(offsets=[(0.1, 0, 0)], camera=CAMERA.resized(20, 16))
    pixels = Pixels([first, second], torch.device("cpu"))
    assert len(pixels) == 5 * 32 * 24 + 20 * 16
    batch = pixels.at(torch.tensor([0, 33, 4 * 768 + 40, 5 * 768 + 21]))
    assert batch.frame.tolist() == [0, 0, 4, 5]
    assert batch.columns.tolist() == [0, 1, 8, 1]
    assert batch.rows.tolist() == [0, 1, 1, 1]
    np.testing.assert_allclose(batch.colour[2].numpy(), first.frames[4, 1, 8] / 255, atol=1e-6)
    assert batch.depth[3].item() == second.depth[0, 1, 1]


def test_rays_whose_surface_the_space_cannot_hold_do_not_count() -> None:
    trainer = a_trainer(far_m=1.6)  # the box lies inside, the wall beyond
    batch = trainer.pixels.at(torch.arange(32 * 24))
    shown = trainer.render(trainer.rays(batch)).shown(batch.depth)
    np.testing.assert_array_equal(shown.numpy(), batch.depth.numpy() < 1.6)
    trainer = a_trainer(far_m=1.6)  # begins with the same draws
    trainer.loss(batch).backward()
    with_wall = trainer.field.grids[-1].grad.clone()
    trainer = a_trainer(far_m=1.6)
    grey = replace(batch, colour=torch.where(shown[:, None], batch.colour, torch.rand(768, 3)))
    trainer.loss(grey).backward()
    torch.testing.assert_close(trainer.field.grids[-1].grad, with_wall)


def test_a_step_lowers_the_loss_and_rates_fall_to_a_tenth() -> None:
    trainer = a_trainer(steps=30)
    losses = [trainer.step() for _ in range(30)]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    rates = [group["lr"] for group in trainer._optimiser.param_groups]
    assert rates[0] == pytest.approx(trainer._rates[0] * 0.1 ** (29 / 30))


def test_rates_are_steady_where_there_is_no_end() -> None:
    trainer = a_trainer(steps=None)
    trainer.step()
    first = trainer._optimiser.param_groups[0]["lr"]
    trainer.step()
    assert trainer._optimiser.param_groups[0]["lr"] == first == pytest.approx(0.3 * trainer._rates[0])


def test_a_loss_that_is_not_finite_changes_nothing() -> None:
    trainer = a_trainer()
    trainer.step()
    with torch.no_grad():
        trainer.field.grids[0][0, 0, 0, 0, 0] = float("nan")
    before = [value.clone() for value in trainer.field.parameters()]
    assert not np.isfinite(trainer.step())
    assert trainer.step_count == 1
    for one, other in zip(before, trainer.field.parameters(), strict=True):
        torch.testing.assert_close(one, other.data, equal_nan=True)


def test_what_hides_behind_surfaces_is_kept_still() -> None:
    trainer = a_trainer(instants=3)
    with torch.no_grad():
        trainer.field.head[-1].weight.fill_(0.3)
    batch = trainer.pixels.at(torch.arange(200))
    rays = trainer.rays(batch)
    hidden = trainer._hidden_motion(batch, rays, trainer.render(rays))
    assert hidden > 0
    hidden.backward()
    assert trainer.field.head[-1].weight.grad.abs().max() > 0
    assert trainer.field.grids[-1].grad is None or trainer.field.grids[-1].grad.abs().max() == 0
