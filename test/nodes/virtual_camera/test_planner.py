"""What a planner may ask of ``capture_view``."""

from __future__ import annotations

import pytest

pytest.importorskip("anyview_ros.msg", reason="needs the built interfaces: run through tools/with_ros")

from anyview_ros.errors import InvalidRequestError
from anyview_ros.nodes.virtual_camera.planner import _timeout_s


def test_time_limits() -> None:
    assert _timeout_s(0.0) == 0.0
    assert _timeout_s(2.5) == 2.5
    for asked_s in (-1.0, float("nan"), float("inf"), 1e11):
        with pytest.raises(
            InvalidRequestError, match=r"at most 86400 \(a day\), or 0 for the node's default"
        ):
            _timeout_s(asked_s)
