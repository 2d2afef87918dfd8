from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ply_files import columns_of, read_vertices

from anyview_ros.errors import InvalidInputError
from anyview_ros.rendering.point_cloud import write_ply
from anyview_ros.synthesis.by_products import PointCloud


def a_cloud(count: int = 7) -> PointCloud:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(count, 3)).astype(np.float32)
    return PointCloud(points, rng.integers(0, 256, (count, 3), np.uint8), 123_456_789_012)


@pytest.mark.parametrize("count", [0, 1, 7])
def test_a_cloud_survives_a_file(tmp_path: Path, count: int) -> None:
    cloud = a_cloud(count)
    write_ply(tmp_path / "new" / "cloud.ply", cloud)
    vertices, stamp_ns = read_vertices(tmp_path / "new" / "cloud.ply")
    np.testing.assert_array_equal(columns_of(vertices, *"xyz"), cloud.points)
    np.testing.assert_array_equal(columns_of(vertices, "red", "green", "blue"), cloud.colours)
    assert (stamp_ns, len(vertices)) == (cloud.stamp_ns, count)


def test_the_header_is_what_other_programs_read(tmp_path: Path) -> None:
    write_ply(tmp_path / "cloud.ply", a_cloud(2))
    raw = (tmp_path / "cloud.ply").read_bytes()
    head = raw[: raw.index(b"end_header\n")].decode().splitlines()
    assert head[:2] == ["ply", "format binary_little_endian 1.0"]
    assert head[3:] == [
        "element vertex 2",
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {channel}" for channel in ("red", "green", "blue")),
    ]
    assert len(raw) - raw.index(b"end_header\n") - 11 == 2 * 15


def test_what_is_no_cloud_is_refused() -> None:
    good = a_cloud()
    with pytest.raises(InvalidInputError, match="float32"):
        PointCloud(good.points.astype(np.float64), good.colours, 0)
    with pytest.raises(InvalidInputError, match=r"uint8 \(7, 3\)"):
        PointCloud(good.points, good.colours[:3], 0)
    with pytest.raises(InvalidInputError, match="not finite"):
        PointCloud(np.full((7, 3), np.nan, np.float32), good.colours, 0)
