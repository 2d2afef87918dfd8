"""The tree of frames: what TF users rely on. Runs against the upstream tf2_ros as well."""

from __future__ import annotations

import math

import numpy as np
import pytest
from geometry_msgs.msg import TransformStamped
from hypothesis import given
from hypothesis import strategies as st
from rclpy.duration import Duration
from rclpy.time import Time
from tf2_ros import (
    Buffer,
    ConnectivityException,
    ExtrapolationException,
    InvalidArgumentException,
    LookupException,
    TransformException,
)

LATEST = Time()


def link(
    parent: str, child: str, at_s: float, xyz=(0.0, 0.0, 0.0), xyzw=(0.0, 0.0, 0.0, 1.0)
) -> TransformStamped:
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    message.header.stamp = Time(seconds=at_s).to_msg()
    t, q = message.transform.translation, message.transform.rotation
    t.x, t.y, t.z = map(float, xyz)
    q.x, q.y, q.z, q.w = map(float, xyzw)
    return message


def yaw(angle: float) -> tuple[float, float, float, float]:
    return (0.0, 0.0, math.sin(angle / 2), math.cos(angle / 2))


def xyz(message: TransformStamped) -> tuple[float, float, float]:
    t = message.transform.translation
    return (t.x, t.y, t.z)


def yaw_of(message: TransformStamped) -> float:
    q = message.transform.rotation
    return math.atan2(2 * (q.w * q.z + q.x * q.y), 1 - 2 * (q.y * q.y + q.z * q.z))


def buffer_with(*messages: TransformStamped, static=(), cache_s: float = 10.0) -> Buffer:
    buffer = Buffer(cache_time=Duration(seconds=cache_s))
    for message in messages:
        buffer.set_transform(message, "test")
    for message in static:
        buffer.set_transform_static(message, "test")
    return buffer


def test_a_lookup_maps_points_of_the_source_into_the_target() -> None:
    buffer = buffer_with(link("map", "robot", 1.0, (10.0, 0.0, 0.0), yaw(math.pi / 2)))
    to_map = buffer.lookup_transform("map", "robot", LATEST)
    assert (to_map.header.frame_id, to_map.child_frame_id) == ("map", "robot")
    assert Time.from_msg(to_map.header.stamp) == Time(seconds=1, clock_type=to_map_clock(to_map))
    assert xyz(to_map) == pytest.approx((10.0, 0.0, 0.0))
    to_robot = buffer.lookup_transform("robot", "map", LATEST)
    assert xyz(to_robot) == pytest.approx((0.0, 10.0, 0.0))
    assert yaw_of(to_robot) == pytest.approx(-math.pi / 2)


def to_map_clock(message: TransformStamped):
    return Time.from_msg(message.header.stamp).clock_type


def test_between_samples_translation_is_straight_and_rotation_even() -> None:
    buffer = buffer_with(
        link("map", "robot", 1.0, (0.0, 0.0, 0.0), yaw(0.0)),
        link("map", "robot", 2.0, (1.0, 2.0, -4.0), yaw(1.0)),
    )
    between = buffer.lookup_transform("map", "robot", Time(seconds=1.25))
    assert xyz(between) == pytest.approx((0.25, 0.5, -1.0))
    assert yaw_of(between) == pytest.approx(0.25)


def test_samples_may_come_in_any_order() -> None:
    samples = [link("map", "robot", float(i), (float(i), 0.0, 0.0)) for i in (3, 1, 5, 2, 4)]
    buffer = buffer_with(*samples)
    for at_s in (1.0, 2.5, 3.75, 5.0):
        assert xyz(buffer.lookup_transform("map", "robot", Time(seconds=at_s)))[0] == pytest.approx(at_s)


def test_outside_the_samples_is_extrapolation() -> None:
    buffer = buffer_with(link("map", "robot", 1.0), link("map", "robot", 2.0))
    for at_s in (0.5, 2.5):
        with pytest.raises(ExtrapolationException, match="extrapolation"):
            buffer.lookup_transform("map", "robot", Time(seconds=at_s))
        assert not buffer.can_transform("map", "robot", Time(seconds=at_s))
    single = buffer_with(link("map", "robot", 1.0))
    assert single.can_transform("map", "robot", Time(seconds=1.0))
    with pytest.raises(ExtrapolationException):
        single.lookup_transform("map", "robot", Time(seconds=1.5))


def test_unknown_frames_two_trees_and_bad_names_are_told_apart() -> None:
    buffer = buffer_with(link("map", "robot", 1.0), link("lab", "table", 1.0))
    with pytest.raises(LookupException, match="camera"):
        buffer.lookup_transform("map", "camera", LATEST)
    with pytest.raises(LookupException, match="camera"):
        buffer.lookup_transform("camera", "map", LATEST)
    for at in (LATEST, Time(seconds=1.0)):
        with pytest.raises(ConnectivityException, match="robot"):
            buffer.lookup_transform("table", "robot", at)
    for bad in ("", "/robot"):
        with pytest.raises(InvalidArgumentException):
            buffer.lookup_transform("map", bad, LATEST)
    for error in (
        LookupException,
        ConnectivityException,
        ExtrapolationException,
        InvalidArgumentException,
    ):
        assert issubclass(error, TransformException)


def test_a_frame_seen_from_itself_needs_no_tree() -> None:
    buffer = buffer_with(link("map", "robot", 3.0))
    assert xyz(buffer.lookup_transform("nowhere", "nowhere", Time(seconds=7.0))) == (0.0, 0.0, 0.0)
    assert buffer.lookup_transform("robot", "robot", LATEST).header.stamp == Time(seconds=3).to_msg()


def test_static_links_hold_at_all_times_and_outlive_a_clear() -> None:
    buffer = buffer_with(
        link("map", "robot", 1.0),
        link("map", "robot", 2.0),
        static=[link("robot", "camera", 0.0, (0.0, 0.0, 1.5))],
    )
    for at_s in (0.001, 1.0, 99.0):
        assert xyz(buffer.lookup_transform("robot", "camera", Time(seconds=at_s))) == (0.0, 0.0, 1.5)
    assert xyz(buffer.lookup_transform("map", "camera", Time(seconds=1.5)))[2] == pytest.approx(1.5)
    buffer.clear()
    assert buffer.can_transform("robot", "camera", LATEST)
    with pytest.raises(ExtrapolationException):
        buffer.lookup_transform("map", "camera", Time(seconds=1.5))
    with pytest.raises(ConnectivityException):
        buffer.lookup_transform("map", "camera", LATEST)


def test_latest_is_the_latest_instant_that_all_links_know() -> None:
    buffer = buffer_with(
        *[link("map", "robot", at_s) for at_s in (1.0, 2.0, 3.0)],
        *[link("robot", "arm", at_s, (at_s, 0.0, 0.0)) for at_s in (1.0, 2.0, 2.5)],
        *[link("robot", "head", at_s) for at_s in (1.0, 2.0)],
        static=[link("arm", "wrist", 0.0)],
    )
    latest = buffer.lookup_transform("map", "wrist", LATEST)
    assert latest.header.stamp == Time(seconds=2.5).to_msg()
    assert xyz(latest)[0] == pytest.approx(2.5)
    assert buffer.get_latest_common_time("head", "wrist").nanoseconds == 2_000_000_000
    assert buffer.get_latest_common_time("arm", "wrist").nanoseconds == 0
    assert buffer.lookup_transform("wrist", "head", LATEST).header.stamp == Time(seconds=2).to_msg()


def test_missing_data_above_the_common_ancestor_does_not_matter() -> None:
    buffer = buffer_with(
        link("map", "robot", 1.0),
        *[link("robot", "left", at_s, (0.0, 1.0, 0.0)) for at_s in (4.0, 6.0)],
        *[link("robot", "right", at_s, (0.0, -1.0, 0.0)) for at_s in (4.0, 6.0)],
    )
    assert xyz(buffer.lookup_transform("left", "right", Time(seconds=5.0))) == pytest.approx((0.0, -2.0, 0.0))
    with pytest.raises(ExtrapolationException):
        buffer.lookup_transform("map", "right", Time(seconds=5.0))


def test_a_lookup_between_two_instants_goes_through_the_fixed_frame() -> None:
    buffer = buffer_with(
        *[link("map", "robot", at_s, (at_s, 0.0, 0.0)) for at_s in (1.0, 2.0, 3.0)],
        static=[link("robot", "camera", 0.0, (0.0, 0.0, 1.0))],
    )
    moved = buffer.lookup_transform_full("robot", Time(seconds=3.0), "camera", Time(seconds=1.0), "map")
    assert xyz(moved) == pytest.approx((-2.0, 0.0, 1.0))
    assert moved.header.stamp == Time(seconds=3).to_msg()
    assert (moved.header.frame_id, moved.child_frame_id) == ("robot", "camera")
    assert buffer.can_transform_full("robot", Time(seconds=3.0), "camera", Time(seconds=1.5), "map")
    assert not buffer.can_transform_full("robot", Time(seconds=4.0), "camera", Time(seconds=1.0), "map")
    with pytest.raises(LookupException):
        buffer.lookup_transform_full("robot", Time(seconds=3.0), "camera", Time(seconds=1.0), "moon")


def test_the_cache_forgets_what_is_older_than_its_time() -> None:
    samples = [link("map", "robot", at_s, (at_s, 0.0, 0.0)) for at_s in range(1, 101)]
    buffer = buffer_with(*samples, cache_s=5.0)
    for at_s in (95.0, 96.5, 99.0, 100.0):
        assert xyz(buffer.lookup_transform("map", "robot", Time(seconds=at_s)))[0] == pytest.approx(at_s)
    assert not buffer.can_transform("map", "robot", Time(seconds=90.0))
    buffer.set_transform(link("map", "robot", 3.0), "test")
    assert not buffer.can_transform("map", "robot", Time(seconds=3.0))


@pytest.mark.parametrize(
    "bad",
    [
        link("map", "map", 1.0),
        link("", "robot", 1.0),
        link("map", "", 1.0),
        link("map", "robot", 1.0, (math.nan, 0.0, 0.0)),
        link("map", "robot", 1.0, xyzw=(0.0, 0.0, 0.0, 0.0)),
        link("map", "robot", 1.0, xyzw=(0.0, 0.0, 0.0, math.inf)),
        link("map", "robot", 1.0, xyzw=(0.0, math.nan, 0.0, 1.0)),
    ],
)
def test_bad_transforms_are_ignored(bad: TransformStamped) -> None:
    buffer = buffer_with(bad, static=[bad])
    assert buffer.all_frames_as_string() == ""
    with pytest.raises(LookupException):
        buffer.lookup_transform("map", "robot", LATEST)


def test_quaternions_are_scaled_to_length_one() -> None:
    buffer = buffer_with(link("map", "robot", 1.0, (1.0, 0.0, 0.0), [2.0 * part for part in yaw(0.5)]))
    found = buffer.lookup_transform("robot", "map", LATEST)
    assert xyz(found) == pytest.approx((-math.cos(0.5), math.sin(0.5), 0.0))
    assert found.transform.rotation.w == pytest.approx(math.cos(0.25))


def test_a_leading_slash_is_stripped_from_what_is_sent() -> None:
    buffer = buffer_with(link("/map", "/robot", 1.0))
    assert buffer.can_transform("map", "robot", LATEST)


def test_a_loop_is_reported_and_not_walked_for_ever() -> None:
    buffer = buffer_with(link("a", "b", 1.0), link("b", "c", 1.0), link("c", "a", 1.0), link("x", "y", 1.0))
    for at in (LATEST, Time(seconds=1.0)):
        with pytest.raises(LookupException, match="loop"):
            buffer.lookup_transform("y", "b", at)


def test_a_frame_may_change_its_parent() -> None:
    buffer = buffer_with(
        link("table", "cup", 1.0, (1.0, 0.0, 0.0)),
        link("gripper", "cup", 3.0, (0.0, 2.0, 0.0)),
        link("gripper", "cup", 4.0, (0.0, 4.0, 0.0)),
        static=[link("map", "table", 0.0), link("map", "gripper", 0.0, (5.0, 0.0, 0.0))],
    )
    assert xyz(buffer.lookup_transform("map", "cup", Time(seconds=2.9))) == pytest.approx((1.0, 0.0, 0.0))
    assert xyz(buffer.lookup_transform("map", "cup", Time(seconds=3.0))) == pytest.approx((5.0, 2.0, 0.0))


def test_a_static_link_replaces_a_moving_one_and_back() -> None:
    buffer = buffer_with(link("map", "robot", 1.0, (1.0, 0.0, 0.0)))
    buffer.set_transform_static(link("map", "robot", 0.0, (2.0, 0.0, 0.0)), "test")
    assert xyz(buffer.lookup_transform("map", "robot", Time(seconds=50.0)))[0] == 2.0
    buffer.set_transform(link("map", "robot", 60.0, (3.0, 0.0, 0.0)), "test")
    assert not buffer.can_transform("map", "robot", Time(seconds=50.0))


def test_frames_are_described_for_people() -> None:
    yaml = pytest.importorskip("yaml")
    buffer = buffer_with(
        link("map", "robot", 1.0), link("map", "robot", 3.0), static=[link("robot", "camera", 0.0)]
    )
    frames = yaml.safe_load(buffer.all_frames_as_yaml())
    assert set(frames) == {"robot", "camera"}
    assert frames["robot"]["parent"] == "map"
    assert frames["robot"]["broadcaster"] == "test"
    assert frames["robot"]["rate"] == pytest.approx(1.0)
    assert frames["robot"]["most_recent_transform"] == 3.0
    assert frames["robot"]["oldest_transform"] == 1.0
    assert frames["robot"]["buffer_length"] == 2.0
    assert "Frame camera exists with parent robot." in buffer.all_frames_as_string()
    assert Buffer().all_frames_as_yaml() == "[]"


def test_why_a_transform_is_not_there_is_said() -> None:
    possible, reason = buffer_with().can_transform("map", "robot", LATEST, return_debug_tuple=True)
    assert not possible
    assert "map" in reason
    with pytest.raises(TypeError, match="nanosec"):
        buffer_with(link("map", "robot", 1.0)).lookup_transform("map", "robot", 1.0)


@given(st.data())
def test_every_lookup_is_the_product_of_the_links_on_the_way(data: st.DataObject) -> None:
    """A random static tree, against 4x4 matrices."""
    count = data.draw(st.integers(2, 8))
    numbers = st.floats(-1.0, 1.0)
    to_root = [np.eye(4)]
    buffer = Buffer()
    for child in range(1, count):
        parent = data.draw(st.integers(0, child - 1))
        q = np.array(data.draw(st.tuples(numbers, numbers, numbers))) * 0.5
        w = math.sqrt(1.0 - q @ q)
        t = data.draw(st.tuples(numbers, numbers, numbers))
        buffer.set_transform_static(link(f"f{parent}", f"f{child}", 0.0, t, (*q, w)), "test")
        to_root.append(to_root[parent] @ matrix(t, (*q, w)))
    target, source = data.draw(st.integers(0, count - 1)), data.draw(st.integers(0, count - 1))
    found = buffer.lookup_transform(f"f{target}", f"f{source}", LATEST)
    q = found.transform.rotation
    np.testing.assert_allclose(
        matrix(xyz(found), (q.x, q.y, q.z, q.w)), np.linalg.inv(to_root[target]) @ to_root[source], atol=1e-9
    )


def matrix(t, xyzw) -> np.ndarray:
    x, y, z, w = xyzw
    skew = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    result = np.eye(4)
    result[:3, :3] += 2.0 * w * skew + 2.0 * skew @ skew
    result[:3, 3] = t
    return result
