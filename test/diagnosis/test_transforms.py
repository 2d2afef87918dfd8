from __future__ import annotations

import numpy as np
import pytest
from evidence_maker import OPTICAL, START_NS, edge, tree
from hypothesis import given
from hypothesis import strategies as st
from strategies import poses

from anyview_ros.diagnosis import Edge, TransformTree
from anyview_ros.diagnosis import transforms as transforms_module
from anyview_ros.geometry import BODY_FROM_OPTICAL, interpolate_poses, invert_rigid, look_at


def test_lookups_go_up_and_down_the_tree() -> None:
    arm, eye = look_at((0, 0, 1), (1, 0, 0)), look_at((1, 1, 1), (0, 0, 0))
    transforms = TransformTree([edge("base", "arm", arm), edge("base", "eye", eye, rate_hz=50)])
    pose = transforms.lookup("eye", "arm", START_NS)
    assert pose is not None
    np.testing.assert_allclose(pose, invert_rigid(arm) @ eye, atol=1e-12)
    np.testing.assert_array_equal(transforms.lookup("elsewhere", "elsewhere", START_NS), np.eye(4))


def test_only_edges_on_the_way_are_between() -> None:
    way = tree(edge("base_link", "arm")).between(OPTICAL, "arm")
    assert way is not None
    assert {e.child for e in way} == {OPTICAL, "camera_link", "arm"}
    assert tree().between(OPTICAL, "nowhere") is None


def test_nothing_is_extrapolated() -> None:
    assert tree().lookup(OPTICAL, "map", START_NS + 10**10) is None
    assert tree().lookup(OPTICAL, "base_link", START_NS + 10**10) == pytest.approx(BODY_FROM_OPTICAL)


def test_loops_end_and_are_named() -> None:
    looped = TransformTree([edge("a", "b"), edge("b", "c"), edge("c", "a"), edge("a", "d")])
    assert set(looped.loop()) == {"a", "b", "c"}
    assert len(looped.chain("d")) <= 4
    assert tree().loop() == ()


def test_trees_are_told_apart_the_largest_first() -> None:
    apart = TransformTree([*tree().edges, edge("shelf", "box")])
    assert list(apart.trees) == ["map", "shelf"]
    assert apart.trees["shelf"] == {"shelf", "box"}


def test_many_instants_at_once_are_as_each_alone() -> None:
    transforms = tree(edge("base_link", "arm", look_at((0, 0, 1), (1, 0, 0)), rate_hz=30))
    instants = START_NS + np.linspace(-2, 20, 40).astype(np.int64) * 10**9 // 7
    for frame, fixed in (
        (OPTICAL, "map"),
        ("arm", "map"),
        (OPTICAL, "arm"),
        (OPTICAL, "base_link"),
        ("map", "map"),
    ):
        poses = transforms.lookup_all(frame, fixed, instants)
        assert poses is not None
        for pose, stamp_ns in zip(poses, instants, strict=True):
            alone = transforms.lookup(frame, fixed, int(stamp_ns))
            if alone is None:
                assert np.isnan(pose).any()
            else:
                np.testing.assert_allclose(pose, alone, atol=1e-12)
    assert transforms.lookup_all(OPTICAL, "nowhere", instants) is None


@st.composite
def moving_edges(draw: st.DrawFn) -> Edge:
    steps = draw(st.lists(st.integers(1, 50), max_size=8))
    stamps = START_NS + np.cumsum([0, *steps])
    turned = np.stack([draw(poses()) for _ in stamps])
    return Edge("map", "base_link", False, stamps, stamps, turned)


@given(moving_edges(), st.integers(0, 400))
def test_one_instant_is_as_of_all_transforms(moving: Edge, later_ns: int) -> None:
    stamp_ns = min(START_NS + later_ns, int(moving.stamps_ns[-1]))
    whole = interpolate_poses(moving.stamps_ns, moving.poses, np.int64(stamp_ns))
    np.testing.assert_array_equal(moving.at(stamp_ns), whole)


def test_one_instant_takes_the_two_transforms_around_it_however_many_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given_poses: list[int] = []

    def counted(stamps_ns: np.ndarray, known: np.ndarray, query_ns: np.ndarray) -> np.ndarray:
        given_poses.append(len(known))
        return interpolate_poses(stamps_ns, known, query_ns)

    monkeypatch.setattr(transforms_module, "interpolate_poses", counted)
    moving = edge("map", "base_link", rate_hz=1000)
    for stamp_ns in (moving.stamps_ns[0], moving.stamps_ns[7] + 5, moving.stamps_ns[-1]):
        assert moving.at(int(stamp_ns)) is not None
    assert given_poses == [2, 2, 2]
