from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ply_files import read_vertices

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.methods.any4d import Any4D, Any4DFitter
from anyview_ros.methods.any4d.export import point_cloud, write_ply
from anyview_ros.methods.any4d.model import MovingGaussians
from anyview_ros.synthesis import load_synthesizer
from anyview_ros.synthesis.fitting import FitBudget
from anyview_ros.synthesis.scene_file import write_scene


def test_points_lie_on_what_was_seen_at_the_instant(clip: PosedClip, tmp_path: Path) -> None:
    outcome = Any4DFitter(device="cpu").fit([clip], budget=FitBudget(1), options={"gaussians": 1500})
    write_scene(tmp_path / "box.scene", outcome.scene)
    scene = MovingGaussians.load(outcome.scene.tensors, outcome.scene.settings)
    middles = []
    for frame in (0, 4):
        stamp_ns = int(clip.stamps_ns[frame])
        cloud = point_cloud(scene, stamp_ns)
        assert cloud.points.dtype == np.float32
        assert cloud.colours.dtype == np.uint8
        assert len(cloud.points) == len(cloud.colours) > 800
        red = (
            (cloud.colours[:, 0] > 150)
            & (cloud.colours[:, 2] < 70)
            & (np.abs(cloud.points[:, 2] - 1.2) < 0.03)
        )
        assert red.sum() > 30
        middles.append(float(np.median(cloud.points[red, 0])))
        path = tmp_path / f"{frame}.ply"
        write_ply(path, scene, stamp_ns)
        assert len(read_vertices(path)[0]) == len(scene)
        loaded = load_synthesizer("any4d", device="cpu", scene=str(tmp_path / "box.scene"))
        assert np.array_equal(loaded.point_cloud(stamp_ns).points, cloud.points)  # type: ignore[attr-defined]
    assert middles[1] - middles[0] > 0.2
    with pytest.raises(InvalidRequestError, match="no fitted scene"):
        Any4D(device="cpu").point_cloud(1)
