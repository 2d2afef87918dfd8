"""Guidance and eta on a denoiser whose answers are exact."""

from __future__ import annotations

import pytest
import torch
from gaussian_denoiser import GaussianDenoiser

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.zeronvs.denoiser import Condition, guided
from anyview_ros.methods.zeronvs.levels import NoiseLevels
from anyview_ros.methods.zeronvs.sampling import SeededNoise, ddim, sample

KINDS = ("epsilon", "sample", "v_prediction")
COUNT = 64


def told(mean: float, count: int = COUNT) -> Condition:
    return Condition({"mean": torch.full((count,), mean)})


def seeds(count: int = COUNT) -> range:
    return range(count)


@pytest.mark.parametrize("kind", KINDS)
def test_guidance_1_is_the_conditional_and_0_the_unconditional_prediction(kind: str) -> None:
    denoiser = GaussianDenoiser(kind)
    noisy, timesteps, condition = torch.randn(COUNT, 3, 4, 4), torch.arange(COUNT) * 15, told(0.7)
    with_it = denoiser.predict(noisy, timesteps, condition)
    without = denoiser.predict(noisy, timesteps, None)
    assert not torch.allclose(with_it, without)
    denoiser.calls = 0
    assert torch.equal(guided(denoiser, noisy, timesteps, condition, 1.0), with_it)
    assert torch.equal(guided(denoiser, noisy, timesteps, condition, 0.0), without)
    assert denoiser.calls == 2
    further = guided(denoiser, noisy, timesteps, condition, 3.0)
    torch.testing.assert_close(further, without + 3 * (with_it - without))


def test_guidance_moves_samples_from_the_unconditional_mean_to_the_conditional_and_beyond() -> None:
    means = [
        float(
            sample(
                GaussianDenoiser(unconditional=-1.0),
                told(0.5),
                steps=50,
                seeds=seeds(),
                guidance=guidance,
                eta=0.0,
            ).mean()
        )
        for guidance in (0.0, 1.0, 2.0)
    ]
    assert means[0] == pytest.approx(-1.0, abs=0.06)
    assert means[1] == pytest.approx(0.5, abs=0.06)
    assert means[2] > 1.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_samples_have_the_mean_and_spread_of_the_pictures(kind: str, eta: float) -> None:
    drawn = sample(GaussianDenoiser(kind), told(0.3), steps=100, seeds=seeds(), guidance=1.0, eta=eta)
    assert float(drawn.mean()) == pytest.approx(0.3, abs=0.05)
    assert float(drawn.std()) == pytest.approx(0.5, rel=0.12)


def test_eta_0_is_decided_by_the_noise_at_the_start() -> None:
    denoiser = GaussianDenoiser()
    first, second = (sample(denoiser, told(0.0), steps=10, seeds=seeds(), eta=0.0) for _ in range(2))
    assert torch.equal(first, second)
    start = SeededNoise(seeds(), denoiser.latent_shape, denoiser.device).draw()
    ours = sample(denoiser, told(0.0), steps=200, seeds=seeds(), guidance=1.0, eta=0.0)
    # the flow of a Gaussian is linear: what it makes of the start noise is known
    correlation = torch.corrcoef(torch.stack([start.flatten(), ours.flatten()]))[0, 1]
    assert correlation > 0.9999


def test_eta_1_adds_noise_that_the_start_does_not_decide() -> None:
    denoiser = GaussianDenoiser()
    start = SeededNoise(seeds(), denoiser.latent_shape, denoiser.device).draw().flatten()
    correlations = [
        float(
            torch.corrcoef(
                torch.stack(
                    [
                        start,
                        sample(denoiser, told(0.0), steps=50, seeds=seeds(), guidance=1.0, eta=eta).flatten(),
                    ]
                )
            )[0, 1]
        )
        for eta in (0.0, 0.5, 1.0)
    ]
    assert correlations[0] > 0.999
    assert correlations[0] > correlations[1] > correlations[2]
    assert abs(correlations[2]) < 0.2


def test_rows_of_one_seed_share_their_noise_and_do_not_depend_on_other_rows() -> None:
    denoiser = GaussianDenoiser()
    three = sample(denoiser, told(0.2, 3), steps=8, seeds=(5, 5, 6))
    alone = sample(denoiser, told(0.2, 1), steps=8, seeds=(6,))
    assert torch.equal(three[0], three[1])
    assert not torch.allclose(three[0], three[2])
    torch.testing.assert_close(three[2:], alone)


def test_progress_is_told_after_each_step_and_what_it_raises_stops_the_work() -> None:
    told_steps: list[tuple[int, int]] = []

    def between(step: int, total: int) -> None:
        told_steps.append((step, total))
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sample(GaussianDenoiser(), told(0.0, 1), steps=5, seeds=(0,), between=between)
    assert told_steps == [(1, 5), (2, 5), (3, 5)]


@pytest.mark.parametrize("kind", KINDS)
def test_levels_tell_clean_sample_and_noise_from_any_prediction(kind: str) -> None:
    levels = NoiseLevels({"prediction_type": kind, "beta_schedule": "scaled_linear"})
    clean, noise, timesteps = (
        torch.randn(4, 3, 2, 2),
        torch.randn(4, 3, 2, 2),
        torch.tensor([5, 100, 500, 990]),
    )
    noisy = levels.noisy(clean, noise, timesteps)
    predicted = levels.target(clean, noise, timesteps)
    torch.testing.assert_close(levels.clean(predicted, noisy, timesteps), clean, atol=2e-3, rtol=1e-3)
    torch.testing.assert_close(levels.noise(predicted, noisy, timesteps), noise, atol=2e-3, rtol=1e-3)


def test_levels_agree_with_diffusers() -> None:
    config = {"prediction_type": "v_prediction", "beta_schedule": "squaredcos_cap_v2"}
    scheduler, levels = ddim(config, 10), NoiseLevels(config)
    clean, noise, timesteps = torch.randn(3, 3, 2, 2), torch.randn(3, 3, 2, 2), torch.tensor([0, 400, 999])
    torch.testing.assert_close(
        levels.noisy(clean, noise, timesteps), scheduler.add_noise(clean, noise, timesteps)
    )
    torch.testing.assert_close(
        levels.target(clean, noise, timesteps), scheduler.get_velocity(clean, noise, timesteps)
    )


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_any_number_of_steps_gives_finite_samples(eta: float) -> None:
    denoiser = GaussianDenoiser("sample", schedule="squaredcos_cap_v2")
    for steps in (*range(1, 13), 30, 61, 333):
        ends: list[tuple[int, int]] = []
        drawn = sample(
            denoiser,
            told(0.3, 2),
            steps=steps,
            seeds=(0, 1),
            guidance=1.0,
            eta=eta,
            between=lambda done, every, ends=ends: ends.append((done, every)),
        )
        assert ends[-1] == (steps, steps)
        assert drawn.isfinite().all(), steps
        assert drawn.dtype == torch.float32


def test_what_cannot_be_is_refused() -> None:
    denoiser = GaussianDenoiser()
    with pytest.raises(InvalidInputError, match="steps is 0"):
        sample(denoiser, told(0.0, 1), steps=0, seeds=(0,))
    with pytest.raises(InvalidInputError, match="steps is 1001"):
        sample(denoiser, told(0.0, 1), steps=1001, seeds=(0,))
    with pytest.raises(InvalidInputError, match="eta is"):
        sample(denoiser, told(0.0, 1), steps=2, seeds=(0,), eta=1.5)
    with pytest.raises(InvalidInputError, match="2 seeds for 1 rows"):
        sample(denoiser, told(0.0, 1), steps=2, seeds=(0, 1))
    with pytest.raises(InvalidInputError, match="give one row each"):
        guided(denoiser, torch.zeros(2, 3, 4, 4), torch.zeros(2, dtype=torch.long), told(0.0, 1), 2.0)
    with pytest.raises(InvalidInputError, match="prediction_type"):
        NoiseLevels({"prediction_type": "score"})


def test_conditions_are_cut_and_joined_by_rows() -> None:
    condition = Condition({"a": torch.arange(4), "b": torch.arange(8).reshape(4, 2)})
    assert len(condition) == 4
    joined = Condition.cat([condition[2:], condition[[0]]])
    assert joined.parts["a"].tolist() == [2, 3, 0]
    assert joined.parts["b"].tolist() == [[4, 5], [6, 7], [0, 1]]
