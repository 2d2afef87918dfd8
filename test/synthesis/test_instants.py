from __future__ import annotations

import numpy as np
import pytest
from clips import box_clip, sideways

from anyview_ros.errors import InvalidRequestError
from anyview_ros.synthesis.instants import nearest_frame, request_instants
from anyview_ros.synthesis.request import SynthesisRequest


def test_targets_show_their_own_instants_or_those_of_the_first_source() -> None:
    first, second = box_clip(3), box_clip(2)
    instants = request_instants(
        SynthesisRequest((first, second), (sideways(3), sideways(2, stamps_ns=[3, 5])))
    )
    np.testing.assert_array_equal(instants[0], first.stamps_ns)
    np.testing.assert_array_equal(instants[1], [3, 5])


def test_the_target_without_instants_is_named() -> None:
    with pytest.raises(InvalidRequestError, match=r"targets\[1\] has 1 poses and no stamps_ns"):
        request_instants(SynthesisRequest((box_clip(3),), (sideways(3), sideways(1))))


@pytest.mark.parametrize(
    ("stamp_ns", "index"), [(-5, 0), (10, 0), (14, 0), (15, 0), (16, 1), (20, 1), (99, 2)]
)
def test_nearest_frame(stamp_ns: int, index: int) -> None:
    assert nearest_frame(np.array([10, 20, 30]), stamp_ns) == index
