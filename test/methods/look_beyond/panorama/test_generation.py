from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_panoramas import TINY, BoxRoom, turned_and_moved, untrained

from anyview_ros.errors import InvalidInputError, InvalidPoseError
from anyview_ros.geometry.panorama import perspective_from_panorama
from anyview_ros.methods.look_beyond.panorama.generation import (
    assemble,
    generate_panorama,
    noise_levels,
    sample_channels,
)
from anyview_ros.methods.look_beyond.panorama.known import Laid, known_of
from anyview_ros.methods.look_beyond.panorama.network import PanoramaDenoiser
from anyview_ros.metrics import psnr_db

ROOM = BoxRoom()
FRAME = ROOM.frame(np.eye(4))


def test_what_the_source_shows_is_kept() -> None:
    scene = generate_panorama(untrained(), FRAME, steps=2, height=96)
    assert scene.height == 96
    assert 0.03 < scene.seen.mean() < 0.12
    levels = np.rint(scene.colour * 255).astype(np.uint8)
    again = perspective_from_panorama(levels, FRAME.camera, np.eye(3))
    inner = (slice(4, -4), slice(4, -4))
    assert psnr_db(again[inner], FRAME.image[inner]) > 35
    truth = ROOM.panorama(96).depth_m
    np.testing.assert_allclose(scene.depth_m[scene.seen], truth[scene.seen], rtol=0.04)  # the nearest pixel
    assert (scene.depth_m > 0).all()


def test_noise_decides_and_the_seed_decides_the_noise() -> None:
    network = untrained()
    first, again, other = (generate_panorama(network, FRAME, steps=3, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.colour, again.colour)
    assert np.abs(first.colour - other.colour)[~first.seen].mean() > 1e-3
    assert np.abs(first.colour - other.colour)[first.seen].max() == 0


def test_the_panorama_does_not_depend_on_the_world_frame() -> None:
    world = turned_and_moved(40, (3.0, 1.0, -2.0))
    network = untrained()
    here = generate_panorama(network, FRAME, steps=2)
    there = generate_panorama(network, replace(FRAME, camera_to_world=world), steps=2)
    np.testing.assert_array_equal(here.colour, there.colour)
    np.testing.assert_array_equal(there.camera_to_world, world)


def test_depth_sets_the_scale() -> None:
    network = untrained()
    scene = generate_panorama(network, FRAME, steps=2)
    twice = generate_panorama(network, replace(FRAME, depth=2 * FRAME.depth), steps=2)
    free = generate_panorama(network, replace(FRAME, depth=None), steps=2)
    np.testing.assert_allclose(twice.depth_m[scene.seen], 2 * scene.depth_m[scene.seen], rtol=0.05)
    assert 1.7 < np.median((twice.depth_m / scene.depth_m)[~scene.seen]) < 2.3
    assert (free.depth_m > 0).all()


class Truth(PanoramaDenoiser):
    """Knows the answer with the picture, and another one without."""

    def forward(self, noisy: torch.Tensor, level: torch.Tensor, known: object) -> torch.Tensor:
        told = float(known.seen.any())  # type: ignore[attr-defined]
        return torch.full_like(noisy, 0.2 + 0.3 * told)


@pytest.mark.parametrize(("guidance", "expected"), [(0.0, 0.2), (1.0, 0.5), (2.0, 0.8)])
def test_guidance_moves_away_from_what_is_drawn_without_the_picture(guidance: float, expected: float) -> None:
    known = known_of(FRAME, TINY)
    drawn = sample_channels(
        Truth(TINY), known, steps=5, guidance=guidance, generator=torch.Generator().manual_seed(0)
    )
    torch.testing.assert_close(drawn, torch.full_like(drawn, expected), atol=0.02, rtol=0)


def test_each_step_is_told_and_can_end_the_drawing() -> None:
    told: list[tuple[int, int]] = []
    generate_panorama(untrained(), FRAME, steps=3, between=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate_panorama(untrained(), FRAME, steps=3, between=stop)


def test_levels_fall_from_signal_to_noise() -> None:
    levels = noise_levels()
    assert len(levels) == 1000
    assert (levels.diff() < 0).all()
    assert levels[0] > 0.999
    assert levels[-1] < 1e-4


def test_bad_requests_are_named() -> None:
    for steps in (0, 1001):
        with pytest.raises(InvalidInputError, match=f"steps is {steps}"):
            generate_panorama(untrained(), FRAME, steps=steps)
    for guidance in (-1.0, float("nan"), float("inf")):
        with pytest.raises(InvalidInputError, match="guidance is"):
            generate_panorama(untrained(), FRAME, steps=1, guidance=guidance)
    with pytest.raises(InvalidInputError, match="height is 1"):
        generate_panorama(untrained(), FRAME, steps=1, height=1)
    with pytest.raises(InvalidPoseError):
        generate_panorama(untrained(), replace(FRAME, camera_to_world=np.full((4, 4), np.nan)), steps=1)


@pytest.mark.parametrize("rows", [9, 33, 50])
def test_a_panorama_of_any_height_meets_itself_at_the_seam(rows: int) -> None:
    """What is drawn is brought to another size without being moved around the turn."""

    def around(height: int) -> np.ndarray:
        turns = (np.arange(2 * height) + 0.5) / (2 * height)
        wave = np.stack([np.cos(2 * np.pi * (turns - shift)) for shift in (0, 1 / 3, 2 / 3)], axis=-1)
        return np.repeat((0.5 + 0.4 * wave)[None], height, axis=0).astype(np.float32)

    unseen = Laid(
        np.zeros((rows, 2 * rows, 3), np.uint8),
        np.zeros((rows, 2 * rows), np.bool_),
        np.zeros((rows, 2 * rows), np.float32),
    )
    scene = assemble(around(32), np.full((32, 64), 2.0, np.float32), unseen, FRAME)
    np.testing.assert_allclose(scene.colour, around(rows), atol=0.003)
