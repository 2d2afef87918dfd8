"""Views and provenance through their messages."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("anyview_ros.msg", reason="needs the built interfaces: run through tools/with_ros")

from asking import small_camera

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.conversions import time_to_ns
from anyview_ros.nodes.conversions.interfaces import (
    provenance_from_msg,
    provenance_to_msg,
    view_from_msgs,
    view_to_msgs,
)
from anyview_ros.synthesis import Provenance, SynthesizedView


def make_view(*, depth: bool = True) -> SynthesizedView:
    rng = np.random.default_rng(0)
    camera = small_camera()
    shape = (2, camera.height, camera.width)
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[1, 0, 3] = 0.5
    return SynthesizedView(
        rng.integers(0, 256, (*shape, 3), dtype=np.uint8),
        camera,
        poses,
        np.array([100, 200]),
        rng.random(shape, dtype=np.float32),
        depth=rng.random(shape, dtype=np.float32) if depth else None,
    )


def test_round_trip() -> None:
    view = make_view()
    messages = view_to_msgs(view, name="overhead")
    assert [message.name for message in messages] == ["overhead", "overhead"]
    assert [time_to_ns(message.image.header.stamp) for message in messages] == [100, 200]
    got = view_from_msgs(messages)
    assert got.camera == view.camera
    np.testing.assert_array_equal(got.frames, view.frames)
    np.testing.assert_allclose(got.camera_to_world, view.camera_to_world)
    np.testing.assert_array_equal(got.stamps_ns, view.stamps_ns)
    np.testing.assert_allclose(got.confidence, view.confidence, atol=0.5 / 255 + 1e-6)
    np.testing.assert_array_equal(got.depth, view.depth)


def test_full_and_no_confidence_are_exact() -> None:
    view = make_view()
    view.confidence[0], view.confidence[1] = 0, 1
    got = view_from_msgs(view_to_msgs(view, name=""))
    np.testing.assert_array_equal(got.confidence, view.confidence)


def test_depth_is_left_out_on_demand_and_where_there_is_none() -> None:
    assert view_from_msgs(view_to_msgs(make_view(), name="", with_depth=False)).depth is None
    assert view_from_msgs(view_to_msgs(make_view(depth=False), name="")).depth is None


def test_messages_that_do_not_fit() -> None:
    with pytest.raises(InvalidInputError, match="holds no picture"):
        view_from_msgs([])
    messages = view_to_msgs(make_view(), name="overhead")
    messages[1].intrinsics.width += 1
    assert len(view_from_msgs(messages)) == 2, "the first message's intrinsics count"
    messages[0].intrinsics.width += 1
    with pytest.raises(InvalidInputError, match="view 'overhead' holds an image of 48x32"):
        view_from_msgs(messages)


@pytest.mark.parametrize(
    "provenance",
    [
        Provenance("anyview", "abc", 2**64 - 1, 5),
        Provenance("zeronvs", "abc", 1, 5, scale_m=1.25, scale_origin="look-at"),
    ],
)
def test_provenance_round_trip(provenance: Provenance) -> None:
    message = provenance_to_msg(
        provenance, server="/anyview/synthesis_server", source_stamp_ns=12_000_000_034
    )
    assert provenance_from_msg(message) == provenance
    assert message.server == "/anyview/synthesis_server"
    assert (message.source_stamp.sec, message.source_stamp.nanosec) == (12, 34)
    assert not message.fallback
