from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
from hypothesis import given
from hypothesis import strategies as st

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import CameraTrajectory, PinholeCamera, look_at
from anyview_ros.methods.anyview.codec import VideoCodec, frames_from_video, video_from_frames
from anyview_ros.methods.anyview.confidence import agreement
from anyview_ros.methods.anyview.memory import MemoryModel, Workload, fitting_batch
from anyview_ros.methods.anyview.options import AnyViewOptions
from anyview_ros.methods.anyview.plan import plan_target
from anyview_ros.methods.anyview.rays import in_target_gauge, plucker_videos
from anyview_ros.methods.anyview.sizes import resize_frames, stretched, working_size


@pytest.mark.parametrize(
    ("native", "size"),
    [
        ((1920, 1080), (576, 304)),  # in one stage it would be 576x320
        ((1280, 720), (576, 304)),
        ((640, 480), (576, 432)),
        ((1800, 1200), (576, 384)),
        ((480, 640), (432, 576)),
        ((100, 100), (576, 576)),
    ],
)
def test_working_sizes(native: tuple[int, int], size: tuple[int, int]) -> None:
    assert working_size(native) == size


@given(st.integers(64, 4000), st.integers(64, 4000))
def test_working_sizes_are_multiples_with_the_long_side_fixed(width: int, height: int) -> None:
    if max(width, height) > 20 * min(width, height):
        return
    size = working_size((width, height))
    assert max(size) == 576
    assert all(side % 16 == 0 and side > 0 for side in size)
    assert working_size((height, width)) == size[::-1]


def test_too_narrow() -> None:
    with pytest.raises(InvalidRequestError, match="2000x20 is too narrow"):
        working_size((2000, 20))


def test_intrinsics_keep_the_corner_pixel_and_not_the_edge() -> None:
    camera = PinholeCamera(500.0, 480.0, 319.5, 239.5, 640, 480)
    made = stretched(camera, (576, 432))
    assert (made.fx, made.fy, made.cx, made.cy) == (500 * 0.9, 480 * 0.9, 319.5 * 0.9, 239.5 * 0.9)
    assert made.cx != camera.resized(576, 432).cx


def test_resizing_is_lanczos_that_averages() -> None:
    checks = np.indices((64, 64)).sum(axis=0) % 2 * 255
    frames = np.repeat(checks[None, ..., None], 3, axis=3).astype(np.uint8)
    small = resize_frames(frames, (16, 16))
    assert small.shape == (1, 16, 16, 3)
    assert np.abs(small[0, 2:-2, 2:-2].astype(int) - 127).max() <= 2  # without averaging it would be 0 or 255
    edge = np.zeros((1, 8, 8, 3), np.uint8)
    edge[:, :, 4:] = 200
    assert resize_frames(edge, (32, 8)).max() > 200  # it overshoots
    assert resize_frames(edge, (8, 8)) is edge


def test_rays_by_hand() -> None:
    camera = PinholeCamera(20.0, 25.0, 3.0, 2.0, 8, 6)
    pose = look_at((1.0, -2.0, 0.5), (0.2, 0.1, 0.3))
    videos = plucker_videos(camera, pose[None], 1 / 8)
    assert videos.shape == (2, 3, 1, 6, 8)
    assert videos.dtype == torch.bfloat16
    world_to_camera = np.linalg.inv(pose)
    R, t = world_to_camera[:3, :3], world_to_camera[:3, 3]
    ray = R.T @ np.linalg.inv(camera.matrix) @ [5, 1, 1]  # pixel (5, 1), no half added
    ray /= np.linalg.norm(ray)
    moment = np.cross(-R.T @ t, ray) / 8
    for part, expected in ((0, ray), (1, moment)):
        assert torch.equal(videos[part, :, 0, 1, 5], torch.tensor(expected).bfloat16())
    shifted = R.T @ np.linalg.inv(camera.matrix) @ [5.5, 1.5, 1]
    assert not torch.equal(videos[0, :, 0, 1, 5], torch.tensor(shifted / np.linalg.norm(shifted)).bfloat16())


def test_moments_are_clamped_with_a_warning_that_tells_the_distance() -> None:
    camera = PinholeCamera(20.0, 20.0, 3.5, 3.5, 8, 8)
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[1, 0, 3] = 12.0
    with pytest.warns(RuntimeWarning, match=r"up to 12\.0 m .* no more than 8 m"):
        videos = plucker_videos(camera, poses, 1 / 8)
    assert float(videos.abs().max()) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plucker_videos(camera, poses, 1 / 16)


def test_gauge_makes_the_first_target_camera_the_identity() -> None:
    poses = look_at(np.array([[1.0, 2, 3], [2, 2, 3]]), (0, 0, 0))
    gauged = in_target_gauge(poses, poses)
    assert np.allclose(gauged[0], np.eye(4), atol=1e-12)
    assert np.allclose(gauged[1], np.linalg.inv(poses[0]) @ poses[1])


@pytest.fixture(scope="module")
def autoencoder() -> AutoencoderKLWan:
    torch.manual_seed(0)
    return AutoencoderKLWan(base_dim=8).eval()


def test_latents_are_normalised_means(autoencoder: AutoencoderKLWan) -> None:
    video = torch.rand(2, 3, 5, 16, 24) * 2 - 1
    latents = VideoCodec(autoencoder).encode(video)
    assert latents.shape == (2, 16, 2, 2, 3)
    with torch.no_grad():
        means = autoencoder.encode(video).latent_dist.mode()
    mean, std = (torch.tensor(autoencoder.config[key]) for key in ("latents_mean", "latents_std"))
    assert torch.allclose(latents, ((means.movedim(1, -1) - mean) / std).movedim(-1, 1), atol=1e-5)
    assert not torch.allclose(latents, means, atol=0.1)


def test_decoding_undoes_the_normalisation(autoencoder: AutoencoderKLWan) -> None:
    latents = torch.randn(1, 16, 2, 2, 3)
    mean, std = (
        torch.tensor(autoencoder.config[key]).view(1, -1, 1, 1, 1) for key in ("latents_mean", "latents_std")
    )
    with torch.no_grad():
        expected = autoencoder.decode(latents * std + mean).sample
    assert torch.equal(VideoCodec(autoencoder).decode(latents), expected)


def test_pictures_survive_the_way_to_video_and_back() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3), dtype=np.uint8)
    video = video_from_frames(frames)
    assert video.shape == (1, 3, 2, 4, 6)
    assert float(video.min()) >= -1
    assert float(video.max()) <= 1
    assert np.array_equal(frames_from_video(video[0]), frames)


def test_agreement() -> None:
    same = np.full((3, 1, 2, 2, 3), 90, np.uint8)
    assert np.array_equal(agreement(same), np.ones((1, 2, 2), np.float32))
    assert not agreement(same[:1]).any()
    apart = same.copy()
    apart[0] += 35
    assert 0.5 < agreement(apart).max() < 0.7
    apart[0] = 255
    assert not agreement(apart).any()


def test_a_target_is_held_at_instants_that_were_not_asked() -> None:
    camera = PinholeCamera(10.0, 10.0, 3.5, 3.5, 8, 8)
    source = PosedClip(
        np.zeros((5, 8, 8, 3), np.uint8), camera, np.tile(np.eye(4), (5, 1, 1)), 10 * np.arange(1, 6)
    )
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[:, 0, 3] = 1, 2
    plan = plan_target(CameraTrajectory(camera, poses, np.array([19, 50])), source, 0, (16, 16))
    assert plan.frames.tolist() == [1, 4]
    assert plan.camera_to_world[:, 0, 3].tolist() == [1, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"domain": "space"}, "domain is 'space'"),
        ({"domain": "ego", "scale": 1.0}, "give one of them"),
        ({"scale": 0.0}, "scale is 0.0"),
        ({"scale": float("nan")}, "scale is nan"),
        ({"scale": "big"}, "scale is 'big'"),
        ({"sampler": "ddim"}, "sampler is 'ddim'"),
        ({"source_size": (570, 304)}, "source_size is"),
        ({"target_size": 576}, "target_size is"),
        ({"target_size": (576, 0)}, "target_size is"),
        ({"samples": 0}, "samples is 0"),
        ({"samples": True}, "samples is True"),
        ({"resize_to_target": 1}, "resize_to_target is 1"),
    ],
)
def test_options_that_cannot_be(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(InvalidRequestError, match=complaint):
        AnyViewOptions(**options)


def test_scales() -> None:
    assert AnyViewOptions(domain="robotics").moment_scale() == 1 / 8
    assert AnyViewOptions(domain="driving").moment_scale() == 1 / 16
    assert AnyViewOptions(domain="kubric").moment_scale() == 1 / 32
    assert AnyViewOptions(scale=0.3).moment_scale() == 0.3
    assert AnyViewOptions(source_size=[32, 16]).source_size == (32, 16)  # as JSON gives it


def test_tokens_of_the_published_sizes() -> None:
    assert Workload(41, (576, 432), (576, 432)).tokens() == 21_384
    assert Workload(41, (576, 304), (576, 304)).tokens() == 15_048
    assert Workload(13, (576, 304), (576, 304)).tokens() == 5_472


def test_what_would_fit_is_said_and_fits() -> None:
    model = MemoryModel(width=2048, autoencoder_width=96, item_bytes=2)
    work = Workload(41, (576, 432), (576, 432))
    needed = model.bytes_needed(work)
    assert fitting_batch(model, Workload(41, (576, 432), (576, 432), 3), None, "cuda:0") == 3
    assert fitting_batch(model, work, needed, "cuda:0") == 1
    with pytest.raises(InvalidRequestError, match=r"options source_size=\(\d+, \d+\) and target_size"):
        fitting_batch(model, work, needed // 2, "cuda:0")
    with pytest.raises(InvalidRequestError, match=r"37 frames would fit|33 frames would fit"):
        fitting_batch(
            MemoryModel(20_000, 8, 2), work, MemoryModel(20_000, 8, 2).bytes_needed(work) - 1, "cpu"
        )
    with pytest.raises(InvalidRequestError, match="another device"):
        fitting_batch(model, work, 1000, "cuda:0")
