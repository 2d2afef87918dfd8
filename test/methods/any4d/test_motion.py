from __future__ import annotations

import numpy as np
import pytest
import torch

from anyview_ros.methods.any4d.factorise import factorise
from anyview_ros.methods.any4d.motion import HybridMotion, coefficient_preference
from anyview_ros.methods.any4d.segments import Noise, motion_twists, rigid_between, segment
from anyview_ros.rendering.se3 import se3_exp
from benchmarks.any4d import bending_motion, motion_errors, rigid_motion

STAMPS = np.array([10, 20, 30, 50], np.int64) * 10**7


def random_motion(count: int = 5, **more: object) -> HybridMotion:
    random = torch.Generator().manual_seed(2)
    motion = HybridMotion(count, STAMPS, generator=random, **more)  # type: ignore[arg-type]
    with torch.no_grad():
        motion.courses.copy_(0.3 * torch.randn(motion.courses.shape, generator=random))
        motion.weights.copy_(torch.randn(motion.weights.shape, generator=random))
    return motion


def test_nothing_moves_at_first_and_at_the_reference() -> None:
    for motion in (
        HybridMotion(4, STAMPS),
        random_motion(reference=2, centre=torch.tensor([3.0, 1, -2]), scale=2),
    ):
        rotation, translation = motion.transforms(int(STAMPS[motion.reference]))
        assert (rotation - torch.eye(3)).abs().max() < 1e-6
        assert translation.abs().max() < 1e-5


def test_a_transform_is_the_exponential_of_frozen_and_learned_generators() -> None:
    motion = random_motion(centre=torch.tensor([0.5, -1.0, 2.0]), scale=1.5)
    rotation, translation = motion.transforms(int(STAMPS[3]))
    alpha_beta = motion.weights * (motion.courses[3] - motion.courses[0])
    twist = alpha_beta[:, :6] + alpha_beta[:, 6:] @ motion.learned
    turn, shift = se3_exp(twist)
    point = torch.tensor([0.3, 0.2, 0.9])
    expected = 1.5 * ((turn @ ((point - motion.centre) / 1.5)) + shift) + motion.centre
    assert torch.allclose(rotation @ point + translation, expected, atol=1e-5)
    assert (rotation.transpose(1, 2) @ rotation - torch.eye(3)).abs().max() < 1e-6


@pytest.mark.parametrize(
    ("kind", "frozen", "learned"), [("hybrid", 6, 9), ("learned", 0, 15), ("fixed", 6, 0)]
)
def test_the_kinds_have_their_generators(kind: str, frozen: int, learned: int) -> None:
    motion = random_motion(kind=kind, bases=15)
    assert (len(motion.frozen), len(motion.learned)) == (frozen, learned)
    assert motion.generators.shape == (frozen + learned, 6)


def test_frozen_generators_get_no_gradient_and_never_change() -> None:
    motion = random_motion()
    adam = torch.optim.Adam(motion.parameters(), lr=0.1)
    for _ in range(3):
        rotation, translation = motion.transforms(int(STAMPS[1]))
        adam.zero_grad()
        (rotation.sum() + translation.square().sum()).backward()
        adam.step()
    assert motion.learned.grad is not None
    assert motion.learned.grad.abs().min() > 0
    assert not motion.frozen.requires_grad
    assert motion.frozen.grad is None
    assert torch.equal(motion.generators[:6], torch.eye(6))


def test_between_knots_motion_goes_on_evenly_and_outside_it_rests() -> None:
    motion = random_motion()
    half = motion.courses_at(int(STAMPS[2] + STAMPS[3]) // 2)
    assert torch.allclose(half, (motion.courses[2] + motion.courses[3]) / 2 - motion.courses[0])
    assert torch.equal(motion.courses_at(0), torch.zeros(15))
    assert torch.equal(motion.courses_at(10**12), motion.courses[3] - motion.courses[0])


def test_learned_coefficients_cost_four_times_the_frozen_ones() -> None:
    weights, courses = torch.ones(3, 2), torch.zeros(2, 2)
    frozen = coefficient_preference(weights, courses + torch.tensor([1.0, 0.0]), 1)
    learned = coefficient_preference(weights, courses + torch.tensor([0.0, 1.0]), 1)
    assert (learned / frozen).item() == pytest.approx(4.0)
    assert learned.item() == pytest.approx(0.8 / 2)


def test_a_screw_is_recovered_from_points() -> None:
    screw = torch.tensor([0.0, 0.0, 1.2, 0.0, 0.0, 0.3], dtype=torch.float64)
    rng = np.random.default_rng(0)
    points, centre = rng.uniform(-1, 1, (60, 3)), np.array([2.0, -1.0, 0.5])
    instants = np.linspace(0, 1, 5)
    seen = np.empty((60, 5, 3))
    for k, t in enumerate(instants):
        rotation, shift = (value.numpy() for value in se3_exp(screw * t))
        seen[:, k] = (points @ rotation.T + shift) + centre
    noise = Noise(np.full(60, 0.01), np.full(60, 0.02), np.tile((0.0, 0, 1), (60, 1)))
    segments = segment(seen, np.ones((60, 5), bool), noise, 0, most=1, seed=0)
    (twists,) = motion_twists(segments.motion[1:], centre, 1.0)
    assert np.abs(twists - instants[:, None] * screw.numpy()).max() < 1e-6


def test_a_screw_is_recovered_by_optimisation() -> None:
    screw = torch.tensor([0.0, 0.0, 1.2, 0.0, 0.0, 0.3])
    points = torch.rand(40, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    motion = HybridMotion(40, STAMPS[:2], kind="fixed", bases=6)
    motion.weights.requires_grad_(False)
    rotation, shift = se3_exp(screw)
    adam = torch.optim.Adam([motion.courses], lr=0.05)
    for _ in range(200):
        turned, moved = motion.transforms(int(STAMPS[1]))
        away = (turned @ points[:, :, None])[..., 0] + moved - (points @ rotation.T + shift)
        adam.zero_grad()
        away.square().mean().backward()
        adam.step()
    assert (motion.courses_at(int(STAMPS[1])) - screw).abs().max() < 0.01


def test_factors_give_back_what_few_generators_hold() -> None:
    rng = np.random.default_rng(1)
    weights, courses = rng.normal(size=(7, 8)), rng.normal(size=(5, 8))
    extra = rng.normal(size=(2, 6))
    twists = np.einsum("cb,kb,bx->ckx", weights, courses, np.concatenate([np.eye(6), extra]))
    found = factorise(twists, np.ones(7), frozen=6, learned=9)
    made = np.einsum(
        "cb,kb,bx->ckx", found.weights, found.courses, np.concatenate([np.eye(6), found.learned])
    )
    left = np.square(made - twists).sum() / np.square(twists).sum()
    assert left == pytest.approx(found.unexplained, abs=1e-9)
    assert left < 0.02
    alone = factorise(twists, np.ones(7), frozen=6, learned=0)
    assert alone.unexplained > 5 * left


def test_two_bodies_are_told_apart_from_each_other_and_from_what_stands_still() -> None:
    rng = np.random.default_rng(3)
    points = rng.uniform(-0.2, 0.2, (300, 3)) + np.repeat([[-1, 0, 2], [0, 0, 2], [1, 0, 2.0]], 100, axis=0)
    velocity = np.repeat([[0, 0.1, 0], [0, 0, 0], [0, -0.1, 0.05]], 100, axis=0)
    tracks = points[:, None] + velocity[:, None] * np.arange(4)[:, None] + rng.normal(0, 0.001, (300, 4, 3))
    noise = Noise.of(points, np.eye(4), 100.0)
    segments = segment(tracks, np.ones((300, 4), bool), noise, 1, most=2, seed=0)
    assert set(segments.label[100:200]) == {0}
    first, last = set(segments.label[:100]), set(segments.label[200:])
    assert len(first) == len(last) == 1
    assert first != last
    (group,) = first
    moved = segments.motion[group, 3] @ np.append(points[0], 1)
    assert np.abs(moved[:3] - (points[0] + 2 * velocity[0])).max() < 0.01


def test_noise_along_the_line_of_sight_is_no_motion() -> None:
    rng = np.random.default_rng(3)
    points = rng.uniform((-0.3, -0.3, 1.7), (0.3, 0.3, 2.3), (200, 3))
    tracks = np.repeat(points[:, None], 5, axis=1)
    tracks[..., 2] += rng.normal(0, 0.01, (200, 5))
    segments = segment(tracks, np.ones((200, 5), bool), Noise.of(points, np.eye(4), 100.0), 2, most=3, seed=0)
    assert (segments.label == 0).mean() > 0.98


def test_kabsch_finds_a_turn_and_never_a_reflection() -> None:
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(20, 3)) * (1, 1, 0)
    rotation, shift = (v.numpy() for v in se3_exp(torch.tensor([0.4, -0.2, 2.0, 1.0, 2.0, 3.0])))
    found = rigid_between(flat, flat @ rotation.T + shift, turns=True)
    assert np.abs(found[:3, :3] - rotation).max() < 1e-6
    assert np.linalg.det(found[:3, :3]) > 0


@pytest.mark.parametrize("seed", [0, 1])
def test_frozen_generators_carry_along_what_is_not_seen_of_a_rigid_body(seed: int) -> None:
    hybrid = motion_errors(rigid_motion, "hybrid", 15, seed, steps=60, count=60)
    learned = motion_errors(rigid_motion, "learned", 15, seed, steps=60, count=60)
    assert hybrid[0] < learned[0]
    assert hybrid[1] < 0.6 * learned[1]


@pytest.mark.parametrize("seed", [0, 1])
def test_learned_generators_hold_a_bending_motion_that_the_frozen_ones_do_not(seed: int) -> None:
    hybrid = motion_errors(bending_motion, "hybrid", 15, seed, steps=100, count=80)
    fixed = motion_errors(bending_motion, "fixed", 6, seed, steps=100, count=80)
    assert hybrid[0] < 0.5 * fixed[0]
