from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anyview_ros.synthesis import MethodDescription
from anyview_ros.synthesis.request import check_request
from anyview_ros.synthesis.warm_up import warm_up_request


def method(**can: Any) -> MethodDescription:
    return MethodDescription(name="some", summary="Some.", generative=False, **can)


def test_it_is_the_smallest_that_a_method_takes() -> None:
    able = method(
        source_count=(2, 3),
        clip_frames=(5, 13),
        clip_frames_step=4,
        sizes=((32, 24), (8, 6)),
        default_steps=20,
    )
    asked = warm_up_request(able)
    check_request(asked, able)
    assert [source.frames.shape for source in asked.sources] == [(5, 24, 32, 3)] * 2
    (target,) = asked.targets
    assert (len(target), target.camera.size, asked.steps) == (1, (32, 24), 1)
    np.testing.assert_array_equal(target.camera_to_world[0], asked.sources[0].camera_to_world[-1])
    np.testing.assert_array_equal(target.stamps_ns, asked.sources[0].stamps_ns[-1:])
    assert np.ptp(asked.sources[0].camera_to_world[:, 0, 3]) > 0


def test_a_method_of_any_size_and_without_steps_is_asked_for_neither() -> None:
    asked = warm_up_request(method(warm_up_options={"scale": 1.0}))
    check_request(asked, method())
    assert asked.sources[0].camera.size == (64, 48)
    assert asked.steps is None
    assert asked.options == {"scale": 1.0}


@pytest.mark.parametrize(
    ("can", "given"), [({}, False), ({"uses_depth": True}, True), ({"needs_depth": True}, True)]
)
def test_depth_is_given_to_methods_that_use_it(can: dict[str, bool], *, given: bool) -> None:
    (source,) = warm_up_request(method(**can)).sources
    assert (source.depth is not None) is given
