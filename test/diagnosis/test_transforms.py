from __future__ import annotations

import numpy as np
import pytest
from evidence_maker import OPTICAL, START_NS, edge, tree

from anyview_ros.diagnosis import TransformTree
from anyview_ros.geometry import BODY_FROM_OPTICAL, invert_rigid, look_at


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
