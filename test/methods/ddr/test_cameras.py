"""Learnable cameras: their rays, what is held, and that they find their way back."""

from __future__ import annotations

import numpy as np
import torch
from ddr_scenes import CAMERA, poses_at

from anyview_ros.geometry import PinholeCamera, ray_directions
from anyview_ros.methods.ddr.cameras import LearnableCameras, place_frames, pose_groups

OFFSETS = ((0.0, 0, 0), (0.1, 0, 0), (0.1, 0, 0), (0, 0.2, 0.1))


def cameras(**what: bool) -> LearnableCameras:
    frames = place_frames([CAMERA], [poses_at(OFFSETS)], [4])
    return LearnableCameras(frames, **{"refine_poses": False, "refine_focal": False, **what})


def test_rays_are_those_of_the_geometry() -> None:
    v, u = np.mgrid[: CAMERA.height, : CAMERA.width]
    frame = torch.full((u.size,), 3)
    origins, directions = cameras().rays(frame, torch.from_numpy(u.ravel()), torch.from_numpy(v.ravel()))
    pose = poses_at(OFFSETS)[3]
    wanted = ray_directions(CAMERA).reshape(-1, 3) @ pose[:3, :3].T
    np.testing.assert_allclose(directions.numpy(), wanted, atol=1e-6)
    np.testing.assert_allclose(origins.numpy(), np.broadcast_to(pose[:3, 3], wanted.shape), atol=1e-6)


def test_frames_of_one_pose_share_an_offset_but_clips_do_not() -> None:
    frames = place_frames([CAMERA, CAMERA], [poses_at(OFFSETS), poses_at(OFFSETS[:2])], [4, 2])
    assert pose_groups(frames).tolist() == [0, 1, 1, 2, 3, 4]


def test_the_first_frame_never_moves_and_offsets_are_in_the_cameras_axes() -> None:
    found = cameras(refine_poses=True)
    with torch.no_grad():
        found.offsets[1:, 3] = 0.05  # to the right
    refined = found.refined_camera_to_anchor()
    expected = poses_at([(0, 0, 0), (0.15, 0, 0), (0.15, 0, 0), (0.05, 0.2, 0.1)])
    np.testing.assert_allclose(refined, expected, atol=1e-7)
    ray = found.rays(torch.tensor([0, 1]), torch.zeros(2), torch.zeros(2))
    ray[0].sum().backward()
    assert found.offsets.grad[0].abs().max() == 0
    assert found.offsets.grad[1].abs().max() > 0


def test_what_is_held_can_be_changed() -> None:
    found = cameras(refine_poses=True)
    with torch.no_grad():
        found.offsets[0, 3] = 0.1
    found.hold(1)
    origins, _ = found.rays(torch.tensor([0, 1]), torch.zeros(2), torch.zeros(2))
    origins.sum().backward()
    assert found.offsets.grad[1].abs().max() == 0
    assert found.offsets.grad[0].abs().max() > 0


def test_a_focal_factor_changes_the_rays_and_the_intrinsics() -> None:
    found = cameras(refine_focal=True)
    with torch.no_grad():
        found.log_focal[0] = np.log(2.0)
    (camera,) = found.refined_cameras()
    np.testing.assert_allclose([camera.fx, camera.fy], [2 * CAMERA.fx, 2 * CAMERA.fy], rtol=1e-6)
    assert (camera.cx, camera.width) == (CAMERA.cx, CAMERA.width)
    _, wide = cameras().rays(torch.tensor([0]), torch.tensor([0.0]), torch.tensor([0.0]))
    _, narrow = found.rays(torch.tensor([0]), torch.tensor([0.0]), torch.tensor([0.0]))
    np.testing.assert_allclose(narrow[0, 1:].detach() / wide[0, 1:], 0.5, rtol=1e-5)


def test_poses_and_focal_length_come_back_from_the_pixels_of_known_points() -> None:
    generator = torch.Generator().manual_seed(0)
    frame = torch.randint(0, 4, (400,), generator=generator)
    columns, rows = 31 * torch.rand(400, generator=generator), 23 * torch.rand(400, generator=generator)
    origins, directions = cameras().rays(frame, columns, rows)
    points = origins + (1 + torch.rand(400, 1, generator=generator)) * directions

    wrong = poses_at(OFFSETS)
    wrong[1:, :3, 3] += (0.01, -0.02, 0.015)
    camera = PinholeCamera(CAMERA.fx * 1.05, CAMERA.fy * 1.05, CAMERA.cx, CAMERA.cy, 32, 24)
    found = LearnableCameras(place_frames([camera], [wrong], [4]), refine_poses=True, refine_focal=True)
    optimiser = torch.optim.Adam(found.parameters(), lr=3e-3)
    for _ in range(400):
        o, d = found.rays(frame, columns, rows)
        along = ((points - o) * d).sum(-1, keepdim=True) / (d * d).sum(-1, keepdim=True)
        loss = (o + along * d - points).square().sum(-1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    np.testing.assert_allclose(found.refined_camera_to_anchor(), poses_at(OFFSETS), atol=2e-3)
    assert abs(found.refined_cameras()[0].fx / CAMERA.fx - 1) < 5e-3


def test_nothing_moves_unless_asked() -> None:
    found = cameras()
    assert not [name for name, value in found.named_parameters() if value.requires_grad]
    np.testing.assert_array_equal(found.refined_camera_to_anchor(), poses_at(OFFSETS))
    assert found.refined_cameras() == (CAMERA,)
