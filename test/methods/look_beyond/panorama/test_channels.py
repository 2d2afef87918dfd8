from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from anyview_ros.methods.look_beyond.panorama.channels import (
    signed_colour,
    signed_distance,
    unsigned_colour,
    unsigned_distance,
)


def test_colours_come_back() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 3, 6, 3), dtype=np.uint8)
    channels = signed_colour(pictures)
    assert channels.shape == (2, 3, 3, 6)
    assert channels.min() >= -1
    assert channels.max() <= 1
    np.testing.assert_allclose(unsigned_colour(channels) * 255, pictures, atol=1e-4)


@given(st.floats(0.15, 15.0))
def test_distances_come_back(distance: float) -> None:
    channel = signed_distance(np.full((1, 2), distance, np.float32))
    assert channel.shape == (1, 1, 2)
    np.testing.assert_allclose(unsigned_distance(channel), distance, rtol=1e-5)


def test_unknown_distances_are_no_numbers_of_their_own() -> None:
    channel = signed_distance(np.array([[0.0, np.nan, np.inf, -1.0, 1.5]], np.float32))
    assert torch.equal(channel, torch.zeros(1, 1, 5))
    assert unsigned_distance(torch.full((1, 1, 1), 99.0)) < 20
