from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_panoramas import TINY, BoxRoom, untrained

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.look_beyond.panorama.config import PanoramaConfig
from anyview_ros.methods.look_beyond.panorama.known import known_of
from anyview_ros.methods.look_beyond.panorama.network import PanoramaDenoiser
from anyview_ros.training.look_beyond_panorama_config import PanoramaTrainingConfig
from anyview_ros.training.settings import read_settings

FRAME = BoxRoom().frame(np.eye(4))


def guesses(config: PanoramaConfig, columns: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What a network makes of a panorama, and of the same turned and turned back."""
    network, known = untrained(config), known_of(FRAME, config)
    noisy = torch.randn(1, 4, 16, 32, generator=torch.Generator().manual_seed(0))
    level = torch.tensor([500])
    straight = network(noisy, level, known)
    return straight, network(noisy.roll(columns, -1), level, known.rolled(columns)).roll(-columns, -1)


def test_a_new_network_gives_the_filled_picture() -> None:
    known = known_of(FRAME, TINY)
    network = PanoramaDenoiser(TINY)
    torch.testing.assert_close(network(torch.randn(1, 4, 16, 32), torch.tensor([3]), known), known.base())


def test_with_circular_places_whole_tokens_turn_exactly() -> None:
    straight, turned = guesses(TINY, 3 * TINY.patch)
    torch.testing.assert_close(straight, turned, atol=1e-4, rtol=1e-4)


def test_absolute_places_know_where_the_seam_is() -> None:
    straight, turned = guesses(replace(TINY, circular=False), 3 * TINY.patch)
    assert (straight - turned).abs().mean() > 1e-3


def test_all_that_is_told_matters() -> None:
    network, known = untrained(), known_of(FRAME, TINY)
    noisy, level = torch.randn(1, 4, 16, 32), torch.tensor([500])
    first = network(noisy, level, known)
    for name in ("colour", "seen", "distance", "measured", "source"):
        changed = replace(known, **{name: getattr(known, name) + 0.5})
        correction = network(noisy, level, changed) - changed.base()
        assert (correction - (first - known.base())).abs().max() > 1e-4, name
    assert (network(noisy, level + 400, known) - first).abs().max() > 1e-4


def test_the_papers_size_is_a_configuration() -> None:
    config = read_settings(PanoramaTrainingConfig, "look_beyond_panorama_h200.yaml").network
    assert (config.width, config.blocks, config.heads, config.patch) == (1152, 28, 16, 2)
    assert config.grid == (16, 32)
    with torch.device("meta"):
        network = PanoramaDenoiser(config)
        known = known_of(FRAME, config).to("meta")
        out = network(torch.empty(1, 4, 32, 64), torch.zeros(1), known)
    assert out.shape == (1, 4, 32, 64)
    assert 6e8 < sum(p.numel() for p in network.parameters()) < 1.1e9


def test_the_shipped_size_fits_in_ten_megabytes() -> None:
    config = read_settings(PanoramaTrainingConfig, "look_beyond_panorama.yaml").network
    with torch.device("meta"):
        network = PanoramaDenoiser(config)
    assert sum(p.numel() for p in network.parameters()) * 2 < 10e6


def test_sizes_that_do_not_fit_are_named() -> None:
    for name, value in (
        ("height", 18),
        ("width", 33),
        ("blocks", 0),
        ("source_width", 12),
        ("condition_width", 7),
    ):
        with pytest.raises(InvalidInputError, match=name):
            replace(TINY, **{name: value})
    with pytest.raises(InvalidInputError, match="depth"):
        PanoramaConfig.from_dict({"depth": 28})
    with pytest.raises(InvalidInputError, match="circular"):
        PanoramaConfig.from_dict({"circular": 1})
    assert PanoramaConfig.from_dict(TINY.as_dict()) == TINY
