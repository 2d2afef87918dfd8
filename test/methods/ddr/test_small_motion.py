"""What the losses are for: cameras that hardly move. Small here; `benchmarks/ddr.py` has the measured version."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from ddr_scenes import CAMERA, QUICK, poses_at, small_clip

from anyview_ros.clips import PosedClip
from anyview_ros.methods.ddr import DdrFitter, DdrOptions
from anyview_ros.methods.ddr.inspection import ray_profiles
from anyview_ros.methods.ddr.renderer import SceneRenderer
from anyview_ros.methods.ddr.scene import DdrScene
from anyview_ros.metrics import psnr_db

OPTIONS = replace(
    QUICK,
    fit_steps=130,
    rays=192,
    static_scene=True,
    start_from_depth=False,
    before_surface_weight=0.0,
)


def fitted(clip: PosedClip, options: DdrOptions):
    return DdrFitter(device="cpu").fit([clip], options=options).scene


def along_rays(scene, clip: PosedClip) -> tuple[float, float]:
    """Spread and optical thickness before the surface, means over the first picture."""
    v, u = np.mgrid[1:24:4, 1:32:4].reshape(2, -1)
    depth = clip.depth[0][v, u]
    pose, stamp_ns = clip.camera_to_world[0], int(clip.stamps_ns[0])
    profiles = ray_profiles(
        DdrScene.unpacked(scene, torch.device("cpu")), CAMERA, pose, stamp_ns, np.stack([u, v], -1)
    )
    return float(profiles.spread(depth).mean()), float(profiles.thickness_before(depth).mean())


def held_out(scene) -> tuple[float, float]:
    """PSNR and depth error from 25 cm aside."""
    truth = small_clip(offsets=[(0.25, 0, 0), (-0.25, 0.1, 0)])
    renderer = SceneRenderer(DdrScene.unpacked(scene, torch.device("cpu")))
    scores, errors = [], []
    for index, pose in enumerate(truth.camera_to_world):
        picture = renderer.render(CAMERA, pose, 0)
        scores.append(psnr_db(picture.image, truth.frames[index]))
        errors.append(np.median(np.abs(picture.depth - truth.depth[index])))
    return float(np.mean(scores)), float(np.mean(errors))


def test_drawn_depths_gather_the_weights_that_the_plain_loss_leaves_apart() -> None:
    clip = small_clip()
    plain, ddr = (fitted(clip, replace(OPTIONS, depth_loss=loss)) for loss in ("plain", "ddr"))
    assert along_rays(ddr, clip)[0] < 0.3 * along_rays(plain, clip)[0]
    (plain_psnr, plain_error), (ddr_psnr, ddr_error) = held_out(plain), held_out(ddr)
    assert ddr_psnr > plain_psnr
    assert ddr_error < plain_error


def test_the_before_surface_loss_empties_what_lies_before_the_surface() -> None:
    clip = small_clip()
    options = replace(OPTIONS, depth_loss="none", fit_steps=90)
    without, with_it = fitted(clip, options), fitted(clip, replace(options, before_surface_weight=0.05))
    assert along_rays(with_it, clip)[1] < 0.1 * along_rays(without, clip)[1]


def test_a_pose_that_is_off_is_found_again() -> None:
    clip = small_clip(offsets=[(0, 0, 0), (0.1, 0, 0), (-0.1, 0, 0)])
    wrong = clip.camera_to_world.copy()
    wrong[1:] = poses_at([(0.1, 0.03, 0), (-0.1, -0.03, 0)])
    off = PosedClip(clip.frames, clip.camera, wrong, clip.stamps_ns, clip.depth)
    options = replace(OPTIONS, refine_poses=True, before_surface_weight=0.01)
    (camera,) = fitted(off, options).cameras
    np.testing.assert_allclose(camera.refined_camera_to_world[0], clip.camera_to_world[0], atol=1e-9)
    before = np.linalg.norm((wrong - clip.camera_to_world)[1:, :3, 3], axis=1).mean()
    after = np.linalg.norm((camera.refined_camera_to_world - clip.camera_to_world)[1:, :3, 3], axis=1).mean()
    assert after < 0.75 * before


@pytest.mark.long
def test_all_that_is_claimed_holds_for_three_seeds() -> None:
    from benchmarks.ddr import measure, table, verdicts

    found = measure((0, 1, 2), 400)
    sys.stdout.write("\n".join(table(found)) + "\n")
    assert [(what, worst, bar) for what, worst, bar, met in verdicts(found) if not met] == []
