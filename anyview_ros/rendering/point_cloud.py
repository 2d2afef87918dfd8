"""PLY files of point clouds."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anyview_ros.errors import InvalidInputError
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


def read_ply(path: Path) -> PointCloud:
    """Read what :func:`write_ply` wrote.

    Raises:
        InvalidInputError: another kind of PLY, or a file that is cut off.
    """
    raw = path.read_bytes()
    head, found, body = raw.partition(b"end_header\n")
    lines = head.decode("ascii", "replace").splitlines()
    counts = [int(line.split()[-1]) for line in lines if line.startswith("element vertex ")]
    stamps = [int(line.split()[-1]) for line in lines if line.startswith("comment") and "stamp_ns" in line]
    names = tuple(line.split()[-1] for line in lines if line.startswith("property "))
    if not found or len(counts) != 1 or len(stamps) != 1 or names != _VERTEX.names:
        raise InvalidInputError(f"{path} is no PLY that write_ply wrote; convert it")
    if len(body) != counts[0] * _VERTEX.itemsize:
        raise InvalidInputError(f"{path} is cut off: {len(body)} bytes for {counts[0]} points; copy it again")
    vertices = np.frombuffer(body, _VERTEX)
    points = np.stack([vertices[name] for name in "xyz"], -1)
    colours = np.stack([vertices[name] for name in ("red", "green", "blue")], -1)
    return PointCloud(points, colours, stamps[0])
