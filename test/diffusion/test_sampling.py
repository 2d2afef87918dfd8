from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from anyview_ros.diffusion.noise import view_noise
from anyview_ros.diffusion.rectified_flow import RectifiedFlow
from anyview_ros.diffusion.schedules import karras_sigmas
from anyview_ros.diffusion.solvers import SOLVERS, adams_bashforth, euler, sample_flow
from anyview_ros.errors import InvalidInputError

MEAN, SPREAD = 0.3, 0.7
START = torch.tensor([-40.0, 5.0, 80.0], dtype=torch.float64)


def denoise(sample: torch.Tensor, sigma: float) -> torch.Tensor:
    """The exact one for data that are normal with MEAN and SPREAD."""
    return (SPREAD**2 * sample + sigma**2 * MEAN) / (SPREAD**2 + sigma**2)


def exact(sigma: float) -> torch.Tensor:
    """Where the flow from START at level 80 arrives."""
    return MEAN + (START - MEAN) * math.sqrt((SPREAD**2 + sigma**2) / (SPREAD**2 + 80.0**2))


def error(solver: str, steps: int) -> float:
    sigmas = karras_sigmas(steps).tolist()
    seen = {}

    def watched(sample: torch.Tensor, sigma: float) -> torch.Tensor:
        seen[sigma] = sample
        return denoise(sample, sigma)

    sample_flow(watched, START, sigmas, SOLVERS[solver])
    return float((seen[sigmas[-1]] - exact(sigmas[-1])).abs().max())


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("ab2", 2)])
def test_order_of_convergence(solver: str, order: int) -> None:
    errors = [error(solver, steps) for steps in (100, 200, 400, 800)]
    orders = [math.log2(a / b) for a, b in pairwise(errors)]
    assert orders[-1] == pytest.approx(order, abs=0.1)


def test_second_order_is_nearer_at_the_steps_that_are_used() -> None:
    assert error("ab2", 35) < 0.5 * error("euler", 35)


def test_first_step_of_second_order_is_euler() -> None:
    sigmas = karras_sigmas(1).tolist()
    assert torch.equal(
        sample_flow(denoise, START, sigmas, adams_bashforth), sample_flow(denoise, START, sigmas, euler)
    )


def test_evaluations_are_one_per_step_and_one_clean() -> None:
    levels = []

    def counted(sample: torch.Tensor, sigma: float) -> torch.Tensor:
        levels.append(sigma)
        return denoise(sample, sigma)

    clean = sample_flow(counted, START, karras_sigmas(35).tolist())
    assert len(levels) == 36
    assert levels[0] == pytest.approx(80.0)
    assert levels[-1] == pytest.approx(0.002)
    assert torch.allclose(clean, denoise(exact(0.002), 0.002), atol=0.02)


def test_between_can_stop_the_work() -> None:
    class StopError(Exception):
        pass

    done = []

    def between(step: int) -> None:
        done.append(step)
        if step == 2:
            raise StopError

    with pytest.raises(StopError):
        sample_flow(denoise, START, karras_sigmas(5).tolist(), between=between)
    assert done == [0, 1, 2]


def test_works_in_float64_from_float32() -> None:
    assert sample_flow(denoise, START.float(), karras_sigmas(3).tolist()).dtype == torch.float64


def test_karras_levels() -> None:
    sigmas = karras_sigmas(35)
    assert len(sigmas) == 36
    middle = ((80 ** (1 / 7) * (1 - 10 / 35)) + (10 / 35) * 0.002 ** (1 / 7)) ** 7
    assert float(sigmas[10]) == pytest.approx(middle)
    with pytest.raises(InvalidInputError, match="steps is 0"):
        karras_sigmas(0)


@pytest.mark.parametrize("sigmas", [[], [1.0, 1.0], [1.0, 2.0], [1.0, 0.0]])
def test_levels_that_are_no_descent(sigmas: list[float]) -> None:
    with pytest.raises(InvalidInputError, match="decrease"):
        sample_flow(denoise, START, sigmas)


@pytest.mark.parametrize("sigma", [80.0, 1.0, 0.002])
def test_rectified_flow_recovers_the_clean_sample_from_the_true_flow(sigma: float) -> None:
    clean, noise = 0.4, -1.3
    factors = RectifiedFlow.at(sigma)
    sample = clean + sigma * noise
    assert factors.inside * sample == pytest.approx((1 - factors.noise) * clean + factors.noise * noise)
    assert factors.skip * sample + factors.out * (noise - clean) == pytest.approx(clean)
    assert 0 < factors.noise < 1


def test_noise_rule() -> None:
    drawn = view_noise(3, 1, (1, 52, 2, 3, 4))
    assert drawn.dtype == np.float32
    expected = np.random.RandomState(301).standard_normal((1, 52, 2, 3, 4)).astype(np.float32)
    assert np.array_equal(drawn, expected)
    assert np.array_equal(view_noise(3, 1, (1, 16, 2, 3, 4)), drawn[:, :16])


def test_noise_of_seeds_out_of_range() -> None:
    with pytest.raises(InvalidInputError, match="seed is 42949673"):
        view_noise(42949673, 0, (1,))
    with pytest.raises(InvalidInputError, match="view is 100"):
        view_noise(0, 100, (1,))
