from __future__ import annotations

import numpy as np
import pytest
from std_msgs.msg import Header

from anyview_ros.errors import InvalidInputError
from anyview_ros.nodes.conversions.points import points_to_cloud


def test_points_and_colours_are_laid_out_as_the_fields_say() -> None:
    points = np.array([[0.5, -1.0, 2.0], [3.0, 4.0, 5.0]], np.float32)
    colours = np.array([[255, 128, 1], [0, 0, 255]], np.uint8)
    message = points_to_cloud(points, colours, Header(frame_id="world"))
    assert [(f.name, f.offset, f.datatype, f.count) for f in message.fields] == [
        ("x", 0, 7, 1),
        ("y", 4, 7, 1),
        ("z", 8, 7, 1),
        ("rgb", 12, 7, 1),
    ]
    assert (message.height, message.width, message.point_step, message.row_step) == (1, 2, 16, 32)
    assert message.is_dense
    assert not message.is_bigendian
    assert message.header.frame_id == "world"
    raw = np.frombuffer(bytes(message.data), np.uint8).reshape(2, 16)
    assert np.array_equal(raw[:, :12].copy().view("<f4"), points)
    assert raw[:, 12:15].tolist() == [[1, 128, 255], [255, 0, 0]]  # blue, green, red


def test_no_points_make_an_empty_cloud() -> None:
    message = points_to_cloud(np.empty((0, 3), np.float32), np.empty((0, 3), np.uint8), Header())
    assert message.width == len(message.data) == 0


def test_points_that_are_not_finite_are_told() -> None:
    points = np.array([[np.nan, 0, 0]], np.float32)
    assert not points_to_cloud(points, np.zeros((1, 3), np.uint8), Header()).is_dense


@pytest.mark.parametrize(("shape", "colour"), [((2, 2), (2, 3)), ((2, 3), (3, 3)), ((6,), (6,))])
def test_arrays_that_do_not_fit_are_refused(shape: tuple[int, ...], colour: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInputError, match="must be"):
        points_to_cloud(np.zeros(shape, np.float32), np.zeros(colour, np.uint8), Header())
