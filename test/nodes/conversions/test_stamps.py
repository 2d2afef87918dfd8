"""Stamps and nanoseconds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("builtin_interfaces", reason="needs ROS messages: run through tools/with_ros")

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.conversions import ns_to_duration, ns_to_time, time_to_ns

LIMIT = (2**31 - 1) * 10**9


@given(st.integers(0, LIMIT))
def test_times_round_trip(stamp_ns: int) -> None:
    assert time_to_ns(ns_to_time(stamp_ns)) == stamp_ns


@given(st.integers(-LIMIT, LIMIT))
def test_durations_round_trip(duration_ns: int) -> None:
    assert time_to_ns(ns_to_duration(duration_ns)) == duration_ns


@pytest.mark.parametrize("stamp_ns", [-1, LIMIT + 10**9])
def test_times_out_of_range(stamp_ns: int) -> None:
    with pytest.raises(InvalidInputError, match=f"stamp_ns is {stamp_ns}"):
        ns_to_time(stamp_ns)


def test_durations_out_of_range_are_clamped() -> None:
    assert time_to_ns(ns_to_duration(10 * LIMIT)) == LIMIT
