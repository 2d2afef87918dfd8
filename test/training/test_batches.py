from __future__ import annotations

import numpy as np
import pytest
import torch

from anyview_ros.geometry.facets import DepthFacets
from anyview_ros.methods.anyview_small.cameras import Cameras
from anyview_ros.methods.anyview_small.hints import splat
from anyview_ros.methods.anyview_small.sight import Sight, sample
from anyview_ros.training.batches import Batch, BatchPlan, BatchSource
from anyview_ros.training.filmed import FilmedRooms

PLAN = BatchPlan(sources=3, targets=2)


def batches(rooms: FilmedRooms, count: int, **plan: object) -> list[Batch]:
    source = BatchSource(rooms, BatchPlan(**{**vars(PLAN), **plan}), 0)
    return [source[step] for step in range(count)]


def test_a_batch_depends_on_seed_and_step_alone(rooms: FilmedRooms) -> None:
    first, again = BatchSource(rooms, PLAN, 0), BatchSource(rooms, PLAN, 0)
    first[3]
    for name, value in vars(first[7]).items():
        assert torch.equal(value, getattr(again[7], name)), name
    assert not torch.equal(first[7].target, BatchSource(rooms, PLAN, 1)[7].target)


def test_shapes_and_types(rooms: FilmedRooms) -> None:
    seen = set()
    for batch in batches(rooms, 12, two_instants_share=0.5, wide_share=0.5, half_share=0.3):
        _, instants, _, height, width = batch.source.shape
        seen.add((instants, height, width))
        assert batch.source.shape == (3, instants, 3, height, width)
        assert batch.target.shape == batch.hint.shape == (6, instants, 3, height, width)
        for name in ("target_depth", "hint_depth", "hint_support"):
            assert getattr(batch, name).shape == (6, instants, 1, height, width)
            assert getattr(batch, name).dtype == torch.float32
        assert batch.source_depth.shape == batch.source_true_depth.shape == (3, instants, 1, height, width)
        assert batch.source_to_world.shape == (3, instants, 4, 4)
        assert batch.target_intrinsics.shape == (6, 4)
        assert batch.hint_present.shape == (6, instants, 1, 1, 1)
        assert height % 8 == width % 8 == 0
    assert {shape[0] for shape in seen} == {1, 2}
    assert len(seen) >= 4


@pytest.mark.parametrize("plan", [{}, {"half_share": 1.0}, {"wide_share": 1.0}, {"augment": False}])
def test_cameras_stay_true_through_crops_mirrors_and_halving(
    rooms: FilmedRooms, plan: dict[str, object]
) -> None:
    """The source, sampled at the target's true depth, is the target where both see the same."""
    gains = []
    for batch in batches(rooms, 6, two_instants_share=0.0, view_change_shares=(1.0, 0.0, 0.0), **plan):
        target = Cameras(batch.target_intrinsics, batch.target_to_world[:, 0])
        source = Cameras(batch.source_intrinsics, batch.source_to_world[:, 0]).repeated(2)
        size = (batch.target.shape[-2], batch.target.shape[-1])
        seen = Sight.between(target, source, size).at(batch.target_depth[:, 0])
        picture = batch.source[:, 0].float().repeat_interleave(2, 0)
        depth = batch.source_true_depth[:, 0].repeat_interleave(2, 0)
        same = (sample(depth, seen.places)[:, 0] / seen.depth - 1).abs() < 0.05
        mask = (same & (seen.valid > 0))[:, 0]
        moved = (sample(picture, seen.places)[:, 0] - batch.target[:, 0].float()).abs().mean(1)
        copied = (picture - batch.target[:, 0].float()).abs().mean(1)
        for index in range(len(mask)):
            if mask[index].float().mean() > 0.2:
                gains.append((copied[index][mask[index]].mean() / moved[index][mask[index]].mean()).item())
    assert len(gains) > 8
    assert np.median(gains) > 1.4


def test_hints_are_what_the_method_itself_will_see(rooms: FilmedRooms) -> None:
    plan = {
        "hint_share": 1.0,
        "clean_share": 1.0,
        "augment": False,
        "wide_share": 0.0,
        "two_instants_share": 0.0,
    }
    (batch,) = batches(rooms, 1, **plan)
    assert (batch.hint_present > 0).sum() >= 4
    for index in range(6):
        source = index // 2
        picture = batch.source[source, 0].permute(1, 2, 0).numpy()
        room = next(r for r in range(len(rooms)) for c in range(4) if _is(rooms, r, c, picture))
        cameras = {
            role: next(
                c
                for c in range(4)
                if np.array_equal(rooms.camera_to_world[room, c], poses)
                or any(np.array_equal(rooms.camera_to_world[room, c, t], poses[0]) for t in range(2))
            )
            for role, poses in (
                ("source", batch.source_to_world[source].numpy()),
                ("target", batch.target_to_world[index].numpy()),
            )
        }
        expected = splat(
            picture,
            DepthFacets.from_depth(batch.source_depth[source, 0, 0].numpy()),
            rooms.camera(room, cameras["source"]),
            batch.source_to_world[source, 0].numpy(),
            rooms.camera(room, cameras["target"]),
            batch.target_to_world[index, 0].numpy(),
        )
        present = bool(batch.hint_present[index, 0].item())
        assert present == (expected is not None)
        if expected is not None:
            np.testing.assert_array_equal(batch.hint[index, 0].permute(1, 2, 0).numpy(), expected.colour)
            np.testing.assert_array_equal(batch.hint_depth[index, 0, 0].numpy(), expected.depth)


def _is(rooms: FilmedRooms, room: int, camera: int, picture: np.ndarray) -> bool:
    return any(np.array_equal(frame, picture) for frame in rooms.frames[room, camera])


def test_shares_are_kept(rooms: FilmedRooms) -> None:
    many = batches(rooms, 40, hint_share=0.5, clean_share=0.5)
    with_sensor = torch.cat([(b.source_depth.flatten(1) > 0).any(1) for b in many]).float().mean()
    assert 0.35 < with_sensor < 0.65
    without = batches(rooms, 5, hint_share=0.0)
    assert not any(b.hint.any() or b.hint_present.any() or b.source_depth.any() for b in without)
    faulty = batches(rooms, 10, hint_share=1.0, clean_share=0.0)
    clean = batches(rooms, 10, hint_share=1.0, clean_share=1.0)
    assert all(torch.equal(b.source_depth, b.source_true_depth) for b in clean)
    assert not any(torch.equal(b.source_depth, b.source_true_depth) for b in faulty)
