from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from anyview_ros.evaluation.charts import line_chart, reliability_chart


def polylines(svg: str) -> list[list[tuple[float, float]]]:
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own
    lines = [each.attrib["points"].split() for each in root.iter() if each.tag.endswith("polyline")]
    return [[tuple(map(float, point.split(","))) for point in line] for line in lines]


def test_points_lie_where_their_values_say() -> None:
    """720 x 200 with margins of 64, 8 and 26: the end of x is at 712, the top at 0, zero at (64, 174)."""
    (line,) = polylines(line_chart({"a": [(0, 0), (2, 5), (4, 10)]}, x_unit="s", y_unit="ms", top=10))
    assert line == [(64.0, 174.0), (388.0, 87.0), (712.0, 0.0)]


def test_numbers_stand_where_asked() -> None:
    svg = line_chart({"a": [(1, 1), (13, 2)]}, x_unit="frames", y_unit="ms", x_ticks=[1, 13])
    assert re.findall(r">(\d+) frames<", svg) == ["1", "13"]
    evenly = line_chart({"a": [(1, 1), (10, 2)]}, x_unit="s", y_unit="ms")
    assert re.findall(r">(\d+) s<", evenly) == ["0", "2", "4", "6", "8", "10"]


def test_names_are_escaped_and_nothing_is_no_chart() -> None:
    svg = line_chart({"<b>": [(1, 1)]}, x_unit="s", y_unit="ms")
    assert "<b>" not in svg
    assert "&lt;b&gt;" in svg
    assert line_chart({"a": []}, x_unit="s", y_unit="ms") == ""


def test_a_reliability_diagram_has_the_ideal_beside_each_method() -> None:
    svg = reliability_chart({"a": [(0.5, 0.25)], "b": [(1.0, 1.0)]})
    ideal, a, b = polylines(svg)
    assert ideal[-1] == b[0] == (472.0, 0.0)
    assert a[0] == (pytest.approx(268.0), pytest.approx(294 * 0.75))
    assert len(re.findall("<circle", svg)) == 4
