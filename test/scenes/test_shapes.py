from __future__ import annotations

import math

import pytest

from anyview_ros.errors import InvalidInputError
from anyview_ros.scenes import box, capsule, cylinder, plane, sphere


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_extents_that_no_shape_has_are_refused(value: float) -> None:
    for make in (
        lambda: sphere(value),
        lambda: box(1, value, 1),
        lambda: capsule(value, 1),
        lambda: capsule(1, value),
        lambda: cylinder(value, 1),
    ):
        with pytest.raises(InvalidInputError, match="extents must be positive and finite"):
            make()


def test_bounding_spheres_hold_the_shapes() -> None:
    assert sphere(0.3).bounding_radius == pytest.approx(0.3)
    assert capsule(0.1, 1.0).bounding_radius == pytest.approx(0.6)
    assert cylinder(0.3, 0.8).bounding_radius == pytest.approx(0.5)
    assert box(2, 4, 4).bounding_radius == pytest.approx(3)
    assert plane().bounding_radius == math.inf
