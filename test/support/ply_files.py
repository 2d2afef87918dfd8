"""Binary PLY files read back, knowing nothing of what wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_KINDS = {"float": "<f4", "uchar": "u1"}


def read_vertices(path: Path) -> tuple[NDArray[Any], int]:
    """The vertices, structured (N,), and the instant that the comment tells, nanoseconds."""
    head, _, body = path.read_bytes().partition(b"end_header\n")
    lines = [line.split() for line in head.decode("ascii").splitlines()]
    assert lines[:2] == [["ply"], ["format", "binary_little_endian", "1.0"]]
    (count,) = (int(words[2]) for words in lines if words[:2] == ["element", "vertex"])
    (stamp_ns,) = (int(words[-1]) for words in lines if words[0] == "comment")
    vertices = np.frombuffer(
        body, [(words[2], _KINDS[words[1]]) for words in lines if words[0] == "property"]
    )
    assert len(vertices) == count
    return vertices, stamp_ns


def columns_of(vertices: NDArray[Any], *names: str) -> NDArray[Any]:
    """Some fields beside each other, (N, fields)."""
    return np.stack([vertices[name] for name in names], -1)
