"""PLY files of point clouds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anyview_ros.rendering.ply import write_vertices
from anyview_ros.synthesis.by_products import PointCloud

_VERTEX = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("red", "u1"), ("green", "u1"), ("blue", "u1")])


def write_ply(path: Path, cloud: PointCloud) -> None:
    """Write a binary PLY (little endian) that MeshLab, CloudCompare and Open3D read; see ``write_vertices``.

    Coordinates are float32: of scenes farther than a kilometre from the origin, millimetres are lost.
    """
    vertices = np.empty(len(cloud), _VERTEX)
    for index, name in enumerate("xyz"):
        vertices[name] = cloud.points[:, index]
    for index, name in enumerate(("red", "green", "blue")):
        vertices[name] = cloud.colours[:, index]
    write_vertices(path, vertices, cloud.stamp_ns)
