"""That the training's films of tabletops are true: what they show, how deep, and from where."""

from __future__ import annotations

import numpy as np
import pytest

from anyview_ros.geometry.warp import co_visible, inverse_warp
from anyview_ros.metrics import psnr_db
from anyview_ros.scenes.tabletops.assets import Assets
from anyview_ros.training.filmed import FilmPlan, film_rooms


def test_pictures_depth_and_poses_belong_together(
    assets: Assets, opengl: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Assets, "installed", classmethod(lambda cls: assets))
    plan = FilmPlan(tabletops=True, supersampling=3, framed=True, instants=1)
    filmed = film_rooms(plan, 0, 6)
    compared = 0
    for scene in range(len(filmed)):
        (source, source_depth, source_camera), (target, target_depth, target_camera) = (
            (
                filmed.frames[scene, c, 0],
                filmed.depth[scene, c, 0].astype(np.float32),
                filmed.camera(scene, c),
            )
            for c in (0, 1)
        )
        poses = filmed.camera_to_world[scene, :2, 0]
        both = co_visible(
            target_depth, target_camera, poses[1], source_depth, source_camera, poses[0], tolerance=0.05
        )
        if both.mean() < 0.2:
            continue
        moved, valid = inverse_warp(source, target_depth, source_camera, poses[0], target_camera, poses[1])
        mask = valid & both
        assert psnr_db(moved, target, mask) > psnr_db(source, target, mask) + 3
        compared += 1
    assert compared >= 3
