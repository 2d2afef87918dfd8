from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from anyview_ros.geometry import PinholeCamera, look_at, relative
from anyview_ros.geometry.warp import inverse_warp
from anyview_ros.methods.anyview_small.attention import KeysValues, _transformed
from anyview_ros.methods.anyview_small.cameras import Cameras, own_rays, pair_rays
from anyview_ros.methods.anyview_small.candidates import (
    FILL,
    FREE,
    PLANES,
    SPLAT,
    WARP,
    Hint,
    Prediction,
    _median,
    carried_depth,
    mix,
    plane_depths,
    sweep,
)
from anyview_ros.methods.anyview_small.sight import Sight, sample

SOURCE = PinholeCamera(40.0, 42.0, 17.0, 14.0, 36, 30)
TARGET = PinholeCamera(25.0, 25.0, 15.5, 11.5, 32, 24)
SOURCE_POSE = look_at((0.3, -2.0, 0.4), (0.0, 0.0, 0.0))
TARGET_POSE = look_at((-0.2, -1.8, 0.7), (0.1, 0.0, 0.0))


def one(camera: PinholeCamera, pose: np.ndarray) -> Cameras:
    return Cameras.of([camera], torch.from_numpy(np.array(pose))[None])


def picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (SOURCE.height, SOURCE.width, 3), np.uint8)


def tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


def test_a_swept_plane_is_the_inverse_warp_at_its_depth() -> None:
    image, depth = picture(), 1.7
    expected, valid = inverse_warp(
        image, np.full((24, 32), depth, np.float32), SOURCE, SOURCE_POSE, TARGET, TARGET_POSE
    )
    depths = torch.tensor([1.1, depth])[None, :, None, None]
    sight = Sight.between(one(TARGET, TARGET_POSE), one(SOURCE, SOURCE_POSE), (24, 32))
    colours, seen = sweep(tensor(image), sight.at(depths))
    assert valid.mean() > 0.3
    assert (seen[0, 1].numpy().astype(bool) & ~valid).mean() < 0.1  # ours also counts the outer half pixels
    ours = colours[0, 1].permute(1, 2, 0).numpy() * 255
    np.testing.assert_allclose(
        ours[valid], expected[valid], atol=8
    )  # the other one works in 32nds of a pixel


def test_what_lies_behind_the_source_is_not_seen() -> None:
    behind = np.eye(4)
    behind[2, 3] = 5.0
    seen = Sight.between(one(TARGET, np.eye(4)), one(SOURCE, behind), (24, 32)).at(torch.ones(1, 1, 1, 1))
    assert not seen.valid.any()
    assert torch.isfinite(seen.places).all()
    assert torch.isfinite(sample(tensor(picture()), seen.places)).all()


def test_the_sources_depth_is_carried_to_where_the_target_sees_it() -> None:
    depths = plane_depths(9, 0.5, 8.0, torch.device("cpu"))
    logits = torch.zeros(1, 9, 15, 18)
    logits[:, 4] = 20.0  # the source is sure of 2 m everywhere

    def carried_to(pose: np.ndarray) -> torch.Tensor:
        sight = Sight.between(one(SOURCE, pose), one(SOURCE, SOURCE_POSE), (30, 36))
        return carried_depth(logits, sight.at(depths), depths)

    carried = carried_to(SOURCE_POSE)
    assert (carried[0].argmax(0) == 4).all()
    closer = SOURCE_POSE.copy()
    closer[:3, 3] += closer[:3, 2]  # one metre ahead, which leaves one metre: two planes nearer
    carried = carried_to(closer)
    middle = carried[0, :, 10:20, 12:24]
    assert (middle.argmax(0) == 2).all()
    away = SOURCE_POSE.copy()
    away[:3, :3] = -away[:3, :3] @ np.diag((1.0, -1.0, 1.0))
    assert (carried_to(away) == 0).all()


def prediction(**gates: float) -> Prediction:
    logits = torch.zeros(1, 5, 24, 32)
    names = {"planes": PLANES, "warp": WARP, "splat": SPLAT, "free": FREE, "fill": FILL}
    for name, value in gates.items():
        logits[:, names[name]] = value
    planes = torch.zeros(1, 5, 24, 32)
    planes[:, 2] = 30.0
    return Prediction(
        planes,
        torch.full((1, 1, 24, 32), math.log(1.7)),
        logits,
        torch.full((1, 3, 24, 32), 0.25),
        logits[:, :1],
    )


def mixed(made: Prediction, hint: Hint | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    depths = plane_depths(5, 0.425, 6.8, torch.device("cpu"))  # the third is at 1.7 m
    none = Hint.none(1, 24, 32, torch.device("cpu"))
    image = tensor(picture())
    sight = Sight.between(one(TARGET, TARGET_POSE), one(SOURCE, SOURCE_POSE), (24, 32))
    result = mix(made, image, sight, hint or none, depths)
    return result.colour, result.support


def test_each_gate_opens_its_candidate() -> None:
    depth = torch.full((1, 1, 1, 1), 1.7)
    sight = Sight.between(one(TARGET, TARGET_POSE), one(SOURCE, SOURCE_POSE), (24, 32))
    swept, valid = sweep(tensor(picture()), sight.at(depth))
    seen = valid[0, 0] > 0
    for gate in ("planes", "warp"):
        colour, support = mixed(prediction(**{gate: 30.0}))
        torch.testing.assert_close(colour[0][:, seen], swept[0, 0][:, seen], atol=1e-3, rtol=0)
        torch.testing.assert_close(support[0, 0][seen], torch.ones(int(seen.sum())), atol=1e-3, rtol=0)
    colour, support = mixed(prediction(free=30.0))
    assert (colour - 0.25).abs().max() < 1e-4
    assert support.max() < 1e-4
    colour, support = mixed(prediction(fill=30.0))
    edges = tensor(picture()).flatten(2).mean(2)[0]  # noise, so that every blurred border is near the mean
    assert (colour[0].mean((1, 2)) - edges).abs().max() < 0.1
    assert colour.std() < tensor(picture()).std()
    assert support.max() < 1e-4
    hint = Hint(
        torch.full((1, 3, 24, 32), 0.75),
        torch.ones(1, 1, 24, 32),
        torch.full((1, 1, 24, 32), 0.5),
        torch.ones(1, 1, 1, 1),
    )
    colour, support = mixed(prediction(splat=30.0), hint)
    assert (colour - 0.75).abs().max() < 1e-4
    assert (support - 0.5).abs().max() < 1e-3


def test_at_one_depth_the_source_is_seen_there_alone() -> None:
    depths = plane_depths(5, 0.425, 6.8, torch.device("cpu"))
    sure = prediction(planes=30.0)
    colour, support = mixed(sure)
    at_one, there = mixed(sure.at_one_depth(depths))
    seen = (support > 0.999)[0, 0]
    assert seen.float().mean() > 0.3
    torch.testing.assert_close(at_one[..., seen], colour[..., seen], atol=1e-3, rtol=0)
    torch.testing.assert_close(there[..., seen], support[..., seen], atol=1e-3, rtol=0)
    halves = replace(sure, planes=torch.zeros_like(sure.planes))
    halves.planes[:, :2] = -50.0
    halves.planes[:, 4] = -50.0  # 1.7 and 3.4 m are as probable as each other
    single = halves.at_one_depth(depths)
    assert single.planes.shape[1] == 0
    torch.testing.assert_close(single.log_depth.exp(), torch.full_like(single.log_depth, 1.7 * 2**0.5))
    between, support = mixed(replace(halves, log_depth=single.log_depth, gates=prediction(warp=30.0).gates))
    seen = (support > 0.999)[0, 0]
    assert seen.float().mean() > 0.3
    torch.testing.assert_close(mixed(single)[0][..., seen], between[..., seen], atol=1e-3, rtol=0)
    assert (mixed(halves)[0] - between).abs().max() > 0.1, "a mean of two places of the source"


def test_at_one_depth_the_shares_of_the_candidates_stay() -> None:
    made = prediction(planes=1.0, warp=0.5, free=2.0)
    before, after = made.gates.softmax(1), made.at_one_depth(torch.ones(1, 5, 1, 1)).gates.softmax(1)
    torch.testing.assert_close(after[:, WARP], before[:, PLANES] + before[:, WARP])
    torch.testing.assert_close(after[:, [SPLAT, FREE, FILL]], before[:, [SPLAT, FREE, FILL]])


@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=8).filter(lambda shares: sum(shares) > 0.1))
def test_half_of_the_shares_lie_below_the_median(weights: list[float]) -> None:
    shares = torch.tensor(weights, dtype=torch.float64)
    shares = (shares / shares.sum()).reshape(1, -1, 1, 1)
    values = torch.arange(len(weights), dtype=torch.float64).reshape(1, -1, 1, 1)
    median = float(_median(shares, values))
    assert 0 <= median <= len(weights) - 1
    # each value stands for what lies half a step around it
    edges = torch.arange(len(weights), dtype=torch.float64) - 0.5
    below = float((shares.flatten() * (median - edges).clamp(0, 1)).sum())
    if 0 < median < len(weights) - 1:
        assert below == pytest.approx(0.5, abs=1e-6)
    else:
        assert float(shares.flatten()[0 if median == 0 else -1]) >= 0.5


@pytest.mark.parametrize("planes", [2, 3])
def test_few_planes_are_mixed_at_full_size_too(planes: int) -> None:
    depths = plane_depths(planes, 0.5, 5.0, torch.device("cpu"))
    made = replace(prediction(planes=9.0), planes=torch.zeros(1, planes, 24, 32))
    sight = Sight.between(one(TARGET, TARGET_POSE), one(SOURCE, SOURCE_POSE), (24, 32))
    none = Hint.none(1, 24, 32, torch.device("cpu"))
    image = tensor(picture())
    swept = sweep(image, sight.at(depths))
    one_by_one, at_once = (mix(made, image, sight, none, depths, how) for how in (None, swept))
    torch.testing.assert_close(one_by_one.colour, at_once.colour)
    torch.testing.assert_close(one_by_one.support, at_once.support)


def test_a_hint_that_is_not_there_stays_shut() -> None:
    colour, _ = mixed(prediction(splat=50.0))
    other, _ = mixed(prediction())
    assert (colour - other).abs().max() < 1e-3


def test_where_the_source_sees_nothing_only_the_free_colour_is_left() -> None:
    made = prediction(planes=9.0, warp=9.0)
    away = np.eye(4)
    away[:3, :3] = np.diag((-1.0, 1.0, -1.0))
    depths = plane_depths(5, 0.4, 6.8, torch.device("cpu"))
    none = Hint.none(1, 24, 32, torch.device("cpu"))
    sight = Sight.between(one(TARGET, away), one(SOURCE, np.eye(4)), (24, 32))
    result = mix(made, tensor(picture()), sight, none, depths)
    assert (result.colour - 0.25).abs().max() < 1e-3
    assert result.support.max() < 1e-3


def test_at_its_own_size_a_prediction_stays_and_depth_is_stretched_like_a_planes() -> None:
    made = prediction()
    assert torch.equal(made.resized(24, 32).gates, made.gates)
    ramp = torch.linspace(1.0, 0.5, 32).reciprocal().log().expand(1, 1, 24, 32)  # inverse depth is linear
    tilted = Prediction(made.planes, ramp, made.gates, made.free, made.log_error).resized(48, 64)
    inverse = torch.exp(-tilted.log_depth)[0, 0, 10, 2:-2]
    assert inverse.diff().diff().abs().max() < 1e-5
    assert tilted.free.shape == (1, 3, 48, 64)


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_only_the_relative_pose_enters_attention_and_rays(seed: int) -> None:
    rng = np.random.default_rng(seed)
    moved = look_at(rng.normal(size=3) * 100, rng.normal(size=3))
    pairs = [
        (one(TARGET, world @ TARGET_POSE), one(SOURCE, world @ SOURCE_POSE)) for world in (np.eye(4), moved)
    ]
    products = []
    for gauge in (pairs[0][1], pairs[0][0]):
        there, _ = pairs[0][0].projections(gauge)
        _, back = pairs[0][1].projections(gauge)
        products.append(there @ back)
    there, _ = pairs[1][0].projections(pairs[1][1])
    _, back = pairs[1][1].projections(pairs[1][1])
    for product in products:
        torch.testing.assert_close(there @ back, product, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(pair_rays(*pairs[0], 6, 8), pair_rays(*pairs[1], 6, 8), atol=1e-4, rtol=1e-4)


def test_rays_agree_with_the_cameras_own() -> None:
    rays = one(SOURCE, np.eye(4)).rays(SOURCE.height, SOURCE.width)[0].permute(1, 2, 0).numpy()
    point = rays[5, 9] * 3
    np.testing.assert_allclose(SOURCE.project(point)[0], (9, 5), atol=1e-4)
    unit = own_rays(one(SOURCE, np.eye(4)), 8, 8)
    torch.testing.assert_close(unit.norm(dim=1), torch.ones(1, 8, 8))


def test_the_meeting_point_of_the_axes_is_told_in_metres() -> None:
    aim = np.zeros(3)
    source, target = look_at((0.0, -2.0, 0.0), aim), look_at((1.5, 0.0, 0.0), aim)
    told = pair_rays(one(TARGET, target), one(SOURCE, source), 4, 4)[0, 6:, 0, 0].numpy()
    np.testing.assert_allclose(told, [1.0, math.log(2.0), math.log(1.5), 0.0], atol=1e-5)
    assert relative(source, target).shape == (4, 4)
    beside = source.copy()
    beside[0, 3] += 0.3  # parallel axes never meet
    assert (pair_rays(one(TARGET, beside), one(SOURCE, source), 4, 4)[0, 6:] == 0).all()


def test_groups_of_four_channels_are_transformed_and_the_rest_is_left() -> None:
    values = torch.randn(2, 3, 5, 16)
    matrices = torch.randn(2, 4, 4)
    made = _transformed(values, matrices)
    assert torch.equal(made[..., 8:], values[..., 8:])
    torch.testing.assert_close(made[1, 2, 4, 4:8], values[1, 2, 4, 4:8] @ matrices[1])
    kept = KeysValues(values, values).repeated(2)
    assert torch.equal(kept.keys[0], kept.keys[1])


def test_a_depth_that_is_no_number_is_sampled_without_a_crash() -> None:
    sight = Sight.between(one(TARGET, TARGET_POSE), one(SOURCE, SOURCE_POSE), (24, 32))
    depth = torch.tensor((torch.nan, torch.inf)).reshape(1, 2, 1, 1).requires_grad_()
    seen = sight.at(depth)
    assert torch.isfinite(seen.places).all()
    # with places that are no numbers: a segmentation fault
    sample(tensor(picture()), seen.places).sum().backward()
    assert depth.grad is not None
    assert torch.isfinite(depth.grad).all()
