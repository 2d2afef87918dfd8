"""What both kinds of PLY file have in common."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anyview_ros.rendering.ply import write_vertices

VERTICES = np.array([(1.0, 2), (3.0, 4)], [("x", "<f4"), ("red", "u1")])


def test_the_header_tells_the_layout_the_instant_and_that_nobody_measured_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "scene.ply"
    write_vertices(path, VERTICES, 1_500_000_000)
    header, _, body = path.read_bytes().partition(b"end_header\n")
    assert header.decode().splitlines() == [
        "ply",
        "format binary_little_endian 1.0",
        "comment synthesised, not measured; stamp_ns 1500000000",
        "element vertex 2",
        "property float x",
        "property uchar red",
    ]
    assert body == VERTICES.tobytes()


def test_an_interruption_leaves_the_former_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "scene.ply"
    write_vertices(path, VERTICES, 0)
    before = path.read_bytes()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_vertices(path, VERTICES[:1], 0)
    assert path.read_bytes() == before
