from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyview_ros.errors import InvalidInputError
from anyview_ros.scenes import Arm

ARM = Arm()
angles = st.floats(-math.pi, math.pi)


def tool(joints: np.ndarray) -> np.ndarray:
    tree = {**ARM.frames(joints, 0.02), **ARM.fixed_frames()}
    pose, frame = np.eye(4), "tool0"
    while frame != "base_link":
        frame, to_parent = tree[frame]
        pose = to_parent @ pose
    return pose


def test_upright_the_tool_is_as_high_as_the_links_are_long() -> None:
    pose = tool(np.zeros(6))
    height = ARM.shoulder_height + ARM.upper_arm + ARM.forearm + ARM.hand
    np.testing.assert_allclose(
        pose, [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, height], [0, 0, 0, 1]], atol=1e-12
    )


@given(st.tuples(*[angles] * 6))
def test_links_keep_their_lengths_and_turn_about_their_axes(joints: tuple[float, ...]) -> None:
    tree = {**ARM.frames(np.array(joints), 0.02), **ARM.fixed_frames()}
    assert list(tree)[:6] == [f"link_{i}" for i in range(1, 7)]
    lengths = {name: np.linalg.norm(pose[:3, 3]) for name, (_, pose) in tree.items()}
    upright = {**ARM.frames(np.zeros(6), 0.02), **ARM.fixed_frames()}
    for name, (_, pose) in upright.items():
        assert lengths[name] == pytest.approx(np.linalg.norm(pose[:3, 3]))
    for i, axis in enumerate("zyyzyz"):
        rotation = tree[f"link_{i + 1}"][1][:3, :3]
        assert rotation["xyz".index(axis), "xyz".index(axis)] == pytest.approx(1)


@given(
    azimuth=st.floats(-3, 3),
    radius=st.floats(0.28, 0.5),
    height=st.floats(0.0, 0.4),
    pitch=st.floats(2.2, math.pi),
    roll=st.floats(-3, 3),
)
def test_forward_undoes_inverse(
    azimuth: float, radius: float, height: float, pitch: float, roll: float
) -> None:
    pose = tool(ARM.reach(azimuth, radius, height, pitch, roll))
    tip = pose @ [0, 0, ARM.fingertip, 1]
    expected = [radius * math.cos(azimuth), radius * math.sin(azimuth), height, 1]
    np.testing.assert_allclose(tip, expected, atol=1e-9)
    direction = [math.cos(azimuth) * math.sin(pitch), math.sin(azimuth) * math.sin(pitch), math.cos(pitch)]
    np.testing.assert_allclose(pose[:3, 2], direction, atol=1e-9)


def test_joints_come_in_batches() -> None:
    joints = ARM.reach(np.linspace(-1, 1, 5), 0.4, 0.1, math.pi, 0.0)
    frames = ARM.frames(joints, np.full(5, 0.02))
    assert joints.shape == (5, 6)
    assert frames["link_3"][1].shape == (5, 4, 4)
    np.testing.assert_allclose(frames["link_3"][1][2], ARM.frames(joints[2], 0.02)["link_3"][1])


def test_a_place_out_of_reach_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"beyond 0\.680 m"):
        ARM.reach(0.0, 2.0, 0.1, math.pi, 0.0)
