from __future__ import annotations

import math

import pytest
import torch

from anyview_ros.rendering.se3 import (
    generators,
    quaternion_from_rotation,
    rotation_from_quaternion,
    se3_exp,
    se3_log,
)


def twists(count: int = 200, dtype: torch.dtype = torch.float64, turn: float = 3.0) -> torch.Tensor:
    """Random twists with turns up to ``turn`` radians, the smallest of them tiny."""
    random = torch.Generator().manual_seed(5)
    directions = torch.nn.functional.normalize(torch.randn(count, 3, generator=random, dtype=dtype), dim=-1)
    angles = turn * torch.logspace(-9, 0, count, dtype=dtype)[:, None]
    return torch.cat([directions * angles, torch.randn(count, 3, generator=random, dtype=dtype)], -1)


def test_the_exponential_of_zero_is_the_identity() -> None:
    rotation, translation = se3_exp(torch.zeros(6))
    assert torch.equal(rotation, torch.eye(3))
    assert torch.equal(translation, torch.zeros(3))


def test_it_is_the_exponential_of_the_sum_of_generators() -> None:
    given = twists()
    rotation, translation = se3_exp(given)
    summed = (given[:, :, None, None] * generators(dtype=torch.float64)).sum(1)
    expected = torch.linalg.matrix_exp(summed)
    assert (rotation - expected[:, :3, :3]).abs().max() < 1e-9
    assert (translation - expected[:, :3, 3]).abs().max() < 1e-9


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rotations_are_orthonormal(dtype: torch.dtype) -> None:
    rotation, _ = se3_exp(twists(2000, dtype, turn=9.0))
    error = (rotation.transpose(1, 2) @ rotation - torch.eye(3, dtype=dtype)).abs().max()
    assert error < 1e-6
    assert (torch.linalg.det(rotation) - 1).abs().max() < 2e-6


def test_the_gradient_is_right_at_zero_and_where_series_end() -> None:
    places = torch.zeros(3, 6, dtype=torch.float64)
    places[1, :3] = torch.tensor([0.5, 1e-3, 0.0])
    places[2] = torch.tensor([0.3, -0.4, 0.1, 1.0, 2.0, -0.5])
    assert torch.autograd.gradcheck(se3_exp, (places.requires_grad_(),))


def test_a_screw_goes_round_and_up() -> None:
    rotation, translation = se3_exp(torch.tensor([0.0, 0.0, math.pi / 2, 0.0, 0.0, 0.25]))
    moved = rotation @ torch.tensor([1.0, 0.0, 0.0]) + translation
    assert torch.allclose(moved, torch.tensor([0.0, 1.0, 0.25]), atol=1e-6)


def test_the_logarithm_goes_back() -> None:
    given = twists(turn=3.1)
    assert (se3_log(*se3_exp(given)) - given).abs().max() < 1e-8


def test_quaternions_and_rotations_go_to_and_fro() -> None:
    random = torch.Generator().manual_seed(1)
    given = torch.nn.functional.normalize(torch.randn(500, 4, generator=random, dtype=torch.float64), dim=-1)
    given = given * torch.where(given[:, :1] < 0, -1.0, 1.0)
    assert (quaternion_from_rotation(rotation_from_quaternion(given)) - given).abs().max() < 1e-12
