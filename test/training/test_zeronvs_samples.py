from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.zeronvs.conditioning import MODES
from anyview_ros.methods.zeronvs.scale import scale_of_depth
from anyview_ros.training import zeronvs_samples
from anyview_ros.training.filmed import FilmedRooms
from anyview_ros.training.zeronvs_samples import SamplePlan, Samples, SampleSource, scales_m

PLAN = SamplePlan(batch=6)
PLAIN = replace(PLAN, augment=False, scale_spread=0.0, wide_share=0.0)


def source_of(
    rooms: FilmedRooms, plan: SamplePlan = PLAN, mode: str = "viewer", seed: int = 0
) -> SampleSource:
    return SampleSource(rooms, plan, side=16, mode=mode, seed=seed)


def equal(a: Samples, b: Samples) -> bool:
    return all(torch.equal(value, getattr(b, name)) for name, value in vars(a).items())


def test_a_batch_depends_on_seed_and_step_alone(rooms: FilmedRooms) -> None:
    one, other = source_of(rooms), source_of(rooms)
    for step in (0, 3):
        other[7]
        assert equal(one[step], other[step])
    assert not equal(one[0], one[1])
    assert not equal(one[0], source_of(rooms, seed=1)[0])


def test_pictures_are_in_the_range_of_the_network(rooms: FilmedRooms) -> None:
    batch = source_of(rooms)[0]
    assert batch.source.shape == batch.target.shape == (6, 3, 16, 16)
    assert batch.poses.shape == (6, 19)
    source, target, poses = batch.pictures(torch.device("cpu"))
    assert float(torch.stack([source, target]).abs().max()) <= 1
    assert poses.dtype == torch.float32


def scaled(rooms: FilmedRooms, factor: float) -> FilmedRooms:
    poses = rooms.camera_to_world.copy()
    poses[..., :3, 3] *= factor
    depth = (rooms.depth.astype(np.float32) * factor).astype(np.float16)
    return replace(rooms, depth=depth, camera_to_world=poses, aim=rooms.aim * factor)


@pytest.mark.parametrize("mode", ["viewer", "aggregate"])
def test_the_scale_of_the_rooms_is_of_no_account_with_a_scale(rooms: FilmedRooms, mode: str) -> None:
    there, larger = (source_of(each, PLAIN, mode)[0] for each in (rooms, scaled(rooms, 4.0)))
    torch.testing.assert_close(there.poses, larger.poses, atol=2e-3, rtol=1e-3)
    assert torch.equal(there.target, larger.target)


def test_in_metres_it_counts(rooms: FilmedRooms) -> None:
    there, larger = (source_of(each, PLAIN, "6dof1")[0] for each in (rooms, scaled(rooms, 4.0)))
    assert float((there.poses - larger.poses).abs().max()) > 0.1


def test_scales_are_of_each_view_or_of_the_room(rooms: FilmedRooms) -> None:
    own, whole = scales_m(rooms, "viewer"), scales_m(rooms, "aggregate")
    assert own.shape == whole.shape == rooms.depth.shape[:3]
    assert own[1, 2, 0] == pytest.approx(scale_of_depth(rooms.depth[1, 2, 0]))
    np.testing.assert_allclose(whole[1], scale_of_depth(rooms.depth[1]))
    assert np.ptp(own[1]) > 0


def test_zero123s_numbers_leave_the_rest_empty(rooms: FilmedRooms) -> None:
    batch = source_of(rooms, PLAIN, "3dof")[0]
    assert not batch.poses[:, 4:].any()
    assert batch.poses[:, :4].any()


def test_all_modes_see_the_same_pictures(rooms: FilmedRooms) -> None:
    told = [source_of(rooms, mode=mode)[3] for mode in MODES]
    for other in told[1:]:
        assert torch.equal(other.source, told[0].source)
        assert torch.equal(other.target, told[0].target)


class Rigged:
    """A generator whose first draw from [0, 1) is told: whether a sample is mirrored."""

    def __init__(self, first: float) -> None:
        self._rng, self._first = np.random.default_rng(5), [first]

    def uniform(self, *bounds: float) -> float:
        drawn = self._rng.uniform(*bounds)
        return self._first.pop() if self._first and not bounds else drawn

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rng, name)


def test_mirrored_samples_have_mirrored_poses(rooms: FilmedRooms, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mirrored room is a room: what was to the right is to the left, in the pictures and in the way between them."""
    monkeypatch.setattr(zeronvs_samples, "Recolouring", lambda _: lambda frame: frame)
    samples = source_of(rooms, replace(PLAIN, augment=True))
    plain, mirrored = (samples._sample(Rigged(first)) for first in (0.9, 0.1))  # type: ignore[arg-type]
    for here, there in zip(plain[:2], mirrored[:2], strict=True):
        assert np.abs(here.astype(int) - here[:, ::-1]).max() > 20
        assert np.abs(here[:, ::-1].astype(int) - there).max() <= 4  # OpenCV rounds places to 1/32 pixel
    mirror = np.diag((-1.0, 1.0, 1.0, 1.0))
    np.testing.assert_allclose(
        mirrored[2][:16].reshape(4, 4), mirror @ plain[2][:16].reshape(4, 4) @ mirror, atol=1e-9
    )
    assert abs(plain[2][3]) > 0.05


def test_view_changes_come_in_the_shares_asked_for(rooms: FilmedRooms) -> None:
    turns = []
    for shares in ((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)):
        poses = source_of(rooms, replace(PLAIN, batch=32, view_change_shares=shares))[0].poses
        turns.append(float(torch.linalg.norm(poses[:, [3, 7, 11]], dim=-1).mean()))
    assert turns[0] < turns[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": 0}, "batch is 0"),
        ({"view_change_shares": (0.5, 0.5, 0.5)}, "add up to 1"),
        ({"nearest_zoom": 0.0}, "nearest_zoom is"),
        ({"wide_share": 1.5}, "wide_share is 1.5"),
        ({"scale_spread": -0.1}, "scale_spread is -0.1"),
    ],
)
def test_plans_that_cannot_be_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        replace(PLAN, **changes)
