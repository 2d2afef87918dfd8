from __future__ import annotations

import numpy as np
import pytest
import torch

from anyview_ros.errors import InvalidInputError
from anyview_ros.networks.normalization import RMSNorm
from anyview_ros.networks.patches import patchify, unpatchify
from anyview_ros.networks.rotary import rotary_angles, rotary_frequencies, rotary_split, rotate
from anyview_ros.networks.timestep import sinusoid


def test_rms_norm_multiplies_before_it_casts() -> None:
    generator = torch.Generator().manual_seed(0)
    norm = RMSNorm(128)
    with torch.no_grad():
        norm.weight.copy_(1 + 0.3 * torch.randn(128, generator=generator))
    norm = norm.bfloat16()
    features = torch.randn(64, 128, generator=generator).bfloat16()
    exact = features.double()
    unit = exact / (exact.square().mean(-1, keepdim=True) + 1e-6).sqrt()
    once = (unit * norm.weight.double()).bfloat16()
    twice = unit.bfloat16() * norm.weight
    with torch.no_grad():
        ours = norm(features)
    assert ours.dtype == torch.bfloat16
    assert (ours != once).float().mean() < 0.002  # float32 may fall on the other side of a tie
    assert (twice != once).float().mean() > 0.05


def test_head_of_128_is_split_44_42_42() -> None:
    assert rotary_split(128) == (44, 42, 42)
    assert rotary_angles((2, 3, 4), 128).shape == (24, 64)


def test_spatial_frequencies_are_scaled_and_temporal_are_not() -> None:
    angles = rotary_angles((2, 2, 2), 128, scale=(1.0, 3.0, 3.0))
    theta = 10000 * 3 ** (42 / 40)
    assert np.allclose(angles[4, :22], 10000.0 ** (-np.arange(22) / 22), rtol=1e-5)
    assert np.allclose(angles[2, 22:43], theta ** (-np.arange(21) / 21), rtol=1e-5)
    assert np.allclose(angles[1, 43:], theta ** (-np.arange(21) / 21), rtol=1e-5)
    assert not angles[4, 22:].any()
    assert not angles[2, :22].any()
    assert not angles[1, :43].any()


def test_rotated_products_depend_on_the_difference_of_positions_only() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 1, 1, 1, 16, generator=generator)
    frequencies = rotary_frequencies(16)

    def product(a: int, b: int) -> float:
        return float((rotate(q, a * frequencies[None]) * rotate(k, b * frequencies[None])).sum())

    assert product(3, 5) == pytest.approx(product(10, 12), abs=1e-5)
    assert product(3, 5) != pytest.approx(product(3, 6), abs=1e-3)


def test_rotate_pairs_channel_i_with_i_plus_half() -> None:
    quarter = torch.tensor([[np.pi / 2, 0.0]], dtype=torch.float32)
    turned = rotate(torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 1, 1, 4), quarter)
    assert torch.allclose(turned.flatten(), torch.tensor([-3.0, 2.0, 1.0, 4.0]), atol=1e-6)


def test_sinusoid_has_cosines_first() -> None:
    waves = sinusoid(torch.tensor([0.0, 0.5]), 8)
    assert torch.equal(waves[0], torch.tensor([1.0] * 4 + [0.0] * 4))
    assert np.allclose(waves[1, 4:], np.sin(0.5 * 10000.0 ** (-np.arange(4) / 4)), atol=1e-6)


def test_patchify_has_the_channel_outermost_and_unpatchify_innermost() -> None:
    video = torch.arange(2 * 3 * 2 * 4 * 6).reshape(2, 3, 2, 4, 6).float()
    tokens = patchify(video, (1, 2, 2))
    assert tokens.shape == (2, 2 * 2 * 3, 12)
    assert torch.equal(tokens[0, 0, :4], video[0, 0, 0, :2, :2].flatten())
    minor = tokens.unflatten(-1, (3, 1, 2, 2)).permute(0, 1, 4, 5, 3, 2).flatten(2)
    assert torch.equal(unpatchify(minor, (2, 2, 3), (1, 2, 2)), video)
    assert not torch.equal(unpatchify(tokens, (2, 2, 3), (1, 2, 2)), video)


def test_patches_that_do_not_fill_the_video() -> None:
    with pytest.raises(InvalidInputError, match=r"1x5x4.*1x2x2"):
        patchify(torch.zeros(1, 3, 1, 5, 4), (1, 2, 2))
