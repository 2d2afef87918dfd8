"""Stamps."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from anyview_ros.messages import time_to_ns


@pytest.mark.parametrize(
    ("sec", "nanosec", "expected"),
    [(0, 0, 0), (2**31 - 1, 999_999_999, 2**31 * 10**9 - 1), (-1, 5, 5 - 10**9)],
)
def test_seconds_and_nanoseconds_add_up(sec: int, nanosec: int, expected: int) -> None:
    assert time_to_ns(SimpleNamespace(sec=sec, nanosec=nanosec)) == expected
