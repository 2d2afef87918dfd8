from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from plain_messages import info_message

from anyview_ros.geometry import PinholeCamera
from anyview_ros.offline.gathering import CameraGatherer, TransformGatherer

SECOND = 10**9
START_S = 1000


def header(stamp_ns: int, frame: str = "eye") -> Any:
    return SimpleNamespace(
        stamp=SimpleNamespace(sec=stamp_ns // SECOND, nanosec=stamp_ns % SECOND), frame_id=frame
    )


def picture(stamp_ns: int, pixels: np.ndarray[Any, Any], encoding: str) -> Any:
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels).tobytes()
    return SimpleNamespace(
        header=header(stamp_ns),
        encoding=encoding,
        width=width,
        height=height,
        step=len(data) // height,
        is_bigendian=0,
        data=data,
    )


RGB = np.zeros((4, 6, 3), np.uint8)
DEPTH = np.full((4, 6), 1500, np.uint16)


@pytest.mark.parametrize("seconds", [1, 60, 3600])
def test_few_pictures_are_kept_of_any_length_and_in_bursts(seconds: int) -> None:
    gatherer = CameraGatherer("/eye/image", "", "")
    for index in range(seconds * 10):
        stamp_ns = START_S * SECOND + index * SECOND // 10
        gatherer.take_image(picture(stamp_ns, RGB, "rgb8"), stamp_ns)
    camera = gatherer.evidence()
    assert len(camera.images) == seconds * 10
    stamps = np.array([p.stamp_ns for p in camera.pictures])
    assert 3 <= len(stamps) <= 24
    steps = np.diff(stamps) / SECOND
    assert np.sum(np.isclose(steps, 0.2)) >= len(stamps) // 3
    if seconds >= 60:
        assert len(stamps) >= 9
        assert stamps[-1] - stamps[0] > 0.6 * seconds * SECOND
        between = steps[steps > 1]
        assert between.max() < 2.5 * between.min()


def test_each_picture_gets_the_depth_nearest_to_it() -> None:
    gatherer = CameraGatherer("/eye/image", "", "/eye/depth")
    for index in range(20):
        stamp_ns = START_S * SECOND + index * SECOND // 10
        gatherer.take_depth(picture(stamp_ns - 30_000_000, DEPTH, "16UC1"), stamp_ns)
        gatherer.take_image(picture(stamp_ns, RGB, "rgb8"), stamp_ns)
        gatherer.take_depth(picture(stamp_ns + 7_000_000, DEPTH, "16UC1"), stamp_ns)
    camera = gatherer.evidence()
    assert {p.depth_stamp_ns - p.stamp_ns for p in camera.pictures if p.depth_stamp_ns} == {7_000_000}
    assert camera.depth is not None
    assert (camera.depth.known_share, camera.depth.median_value) == (1.0, 1500.0)
    assert camera.pictures[0].depth_m is not None
    np.testing.assert_allclose(camera.pictures[0].depth_m, 1.5, rtol=1e-6)


def test_depth_of_another_time_is_not_taken() -> None:
    gatherer = CameraGatherer("/eye/image", "", "/eye/depth")
    for index in range(10):
        stamp_ns = START_S * SECOND + index * SECOND // 10
        gatherer.take_image(picture(stamp_ns, RGB, "rgb8"), stamp_ns)
        gatherer.take_depth(picture(stamp_ns - 9 * SECOND, DEPTH, "16UC1"), stamp_ns)
    camera = gatherer.evidence()
    assert all(p.depth_m is None for p in camera.pictures)
    assert camera.depth is not None
    assert camera.depth.median_value == 1500.0


@pytest.mark.parametrize(
    ("topic", "rectified"),
    [
        ("/camera/image_rect", True),
        ("/camera/image_rect_color", True),
        ("/camera/rectified/image", True),
        ("/camera/image_raw", False),
        ("/direct/rectangle/image", False),
    ],
)
def test_names_tell_whether_pictures_are_rectified(topic: str, *, rectified: bool) -> None:
    assert CameraGatherer(topic, "", "").rectified is rectified


def transforms(parent: str, child: str, stamp_ns: int, x: float, w: float = 1.0) -> Any:
    moved = SimpleNamespace(
        translation=SimpleNamespace(x=x, y=0.0, z=0.0), rotation=SimpleNamespace(x=0.0, y=0.0, z=0.0, w=w)
    )
    stamped = SimpleNamespace(header=header(stamp_ns, parent), child_frame_id=child, transform=moved)
    return SimpleNamespace(transforms=[stamped])


def test_transforms_are_put_in_order_and_the_last_said_counts() -> None:
    gatherer = TransformGatherer()
    for stamp_ms, x in ((1300, 3.0), (300, 1.0), (800, 9.0), (800, 2.0)):
        gatherer.take(transforms("/map", "base", stamp_ms * SECOND // 1000, x), 0, static=False)
    tree = gatherer.tree()
    pose = tree.lookup("base", "map", 1050 * SECOND // 1000)
    assert pose is not None
    assert pose[0, 3] == pytest.approx(2.5)
    assert tree.lookup("base", "map", 4 * SECOND) is None
    assert gatherer.losses == ()


def test_transforms_of_a_run_that_begins_again_are_left_out() -> None:
    gatherer = TransformGatherer()
    for place_m in (0.0, 7.0):  # of the first run and of the second
        for stamp_s in range(1, 6):
            gatherer.take(transforms("map", "base", stamp_s * SECOND, place_m), 0, static=False)
            gatherer.take(transforms("base", "arm", stamp_s * SECOND, place_m), 0, static=False)
            gatherer.take(transforms("arm", "eye", SECOND // stamp_s, place_m), 0, static=True)
    base, arm, eye = gatherer.tree().edges
    assert [edge.poses[:, 0, 3].tolist() for edge in (base, arm)] == [[0.0] * 5] * 2
    assert eye.poses[:, 0, 3].tolist() == [7.0] * 5
    (told,) = gatherer.losses
    assert told == (
        "stamps of the transform map → base and of 1 other fall back by 4.0 s, as where a simulation starts over; "
        "10 transforms behind the newest left out; record each run alone, or cut the bag there"
    )


def test_a_transform_that_comes_very_late_is_left_out_alone() -> None:
    gatherer = TransformGatherer()
    for stamp_s in (1, 2, 3, 4, 1, 5, 6):
        gatherer.take(transforms("map", "base", stamp_s * SECOND, float(stamp_s)), 0, static=False)
    (edge,) = gatherer.tree().edges
    assert edge.poses[:, 0, 3].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert "fall back by 3.0 s" in gatherer.losses[0]
    assert "1 transform behind the newest left out" in gatherer.losses[0]


@pytest.mark.parametrize(("x", "w", "said"), [(0.0, 0.0, "length 0"), (float("nan"), 1.0, "not finite")])
def test_transforms_that_are_none_are_told(x: float, w: float, said: str) -> None:
    gatherer = TransformGatherer()
    gatherer.take(transforms("map", "base", SECOND, x, w), 0, static=True)
    (edge,) = gatherer.tree().edges
    assert said in edge.invalid
    assert edge.at(SECOND) is None


def test_pictures_and_depths_without_a_stamp_count_when_they_came() -> None:
    gatherer = CameraGatherer("/eye/image", "", "/eye/depth")
    for index in range(20):
        receipt_ns = START_S * SECOND + index * SECOND // 10
        gatherer.take_depth(picture(0, DEPTH, "16UC1"), receipt_ns - 7_000_000)
        gatherer.take_image(picture(0, RGB, "rgb8"), receipt_ns)
    pictures = gatherer.evidence().pictures
    assert [p.stamp_ns - START_S * SECOND for p in pictures[:3]] == [0, SECOND // 5, 3 * SECOND // 5]
    assert {p.stamp_ns - p.depth_stamp_ns for p in pictures if p.depth_stamp_ns} == {7_000_000}


def test_a_depth_may_be_as_far_as_one_period_of_a_slow_depth_camera() -> None:
    gatherer = CameraGatherer("/eye/image", "", "/eye/depth")
    for index in range(40):
        stamp_ns = START_S * SECOND + index * SECOND // 10
        if index % 5 == 3:  # twice a second; the first comes 0.3 s after the first picture
            gatherer.take_depth(picture(stamp_ns, DEPTH, "16UC1"), stamp_ns)
        gatherer.take_image(picture(stamp_ns, RGB, "rgb8"), stamp_ns)
    first = gatherer.evidence().pictures[0]
    assert first.stamp_ns == START_S * SECOND
    assert first.depth_stamp_ns is not None
    assert first.depth_stamp_ns - first.stamp_ns == 3 * SECOND // 10


def test_known_depth_is_counted_and_its_median_leaves_out_what_is_unknown() -> None:
    gatherer = CameraGatherer("/eye/image", "", "/eye/depth")
    depth = DEPTH.copy()
    depth[:, :3] = 0
    for index in range(3):
        stamp_ns = START_S * SECOND + index * SECOND // 10
        gatherer.take_depth(picture(stamp_ns, depth, "16UC1"), stamp_ns)
        gatherer.take_image(picture(stamp_ns, RGB, "rgb8"), stamp_ns)
    found = gatherer.evidence().depth
    assert found is not None
    assert (found.known_share, found.median_value) == (0.5, 1500.0)


def test_a_leading_slash_makes_no_other_frame() -> None:
    gatherer = TransformGatherer()
    gatherer.take(transforms("/map", "/base", SECOND, 1.0), 0, static=False)
    gatherer.take(transforms("map", "base", 2 * SECOND, 2.0), 0, static=False)
    (edge,) = gatherer.tree().edges
    assert (edge.parent, edge.child) == ("map", "base")
    assert edge.stamps_ns.tolist() == [SECOND, 2 * SECOND]


def test_receipts_stay_with_their_stamps() -> None:
    gatherer = TransformGatherer()
    for stamp_s, receipt_s in ((3, 13), (2, 14), (2, 15)):
        gatherer.take(transforms("map", "base", stamp_s * SECOND, 0.0), receipt_s * SECOND, static=False)
    (edge,) = gatherer.tree().edges
    assert edge.stamps_ns.tolist() == [2 * SECOND, 3 * SECOND]
    assert edge.receipts_ns.tolist() == [15 * SECOND, 13 * SECOND]


@pytest.mark.parametrize(
    ("length", "taken"), [(0.9985, True), (1.0015, True), (0.9975, False), (1.0025, False)]
)
def test_quaternions_of_nearly_unit_length_are_made_so(length: float, *, taken: bool) -> None:
    gatherer = TransformGatherer()
    gatherer.take(transforms("map", "base", SECOND, 1.0, w=length), 0, static=True)
    (edge,) = gatherer.tree().edges
    assert len(edge.poses) == taken
    assert (edge.invalid == "") is taken
    if taken:
        np.testing.assert_allclose(edge.poses[0, :3, :3], np.eye(3), atol=1e-12)


def test_calibrations_are_noted_once_each_and_their_stamps_all() -> None:
    gatherer = CameraGatherer("/eye/image", "/eye/camera_info", "")
    for index, width in enumerate((6, 6, 8)):
        told = info_message(PinholeCamera(5.0, 5.0, 2.5, 1.5, width, 4), header=header(index * SECOND))
        gatherer.take_info(told, index * SECOND + 7)
    found = gatherer.evidence()
    assert [calibration.width for calibration in found.calibrations] == [6, 8]
    assert found.infos is not None
    assert found.infos.stamps_ns.tolist() == [0, SECOND, 2 * SECOND]
    assert found.infos.receipts_ns.tolist() == [7, SECOND + 7, 2 * SECOND + 7]


def test_without_their_topics_calibration_and_depth_are_no_evidence() -> None:
    gatherer = CameraGatherer("/eye/image", "", "")
    gatherer.take_image(picture(SECOND, RGB, "rgb8"), SECOND)
    gatherer.take_depth(picture(SECOND, DEPTH, "16UC1"), SECOND)
    gatherer.take_info(info_message(PinholeCamera(5.0, 5.0, 2.5, 1.5, 6, 4)), SECOND)
    found = gatherer.evidence()
    assert (found.infos, found.depth, found.calibrations) == (None, None, ())
    assert [p.depth_m for p in found.pictures] == [None]
