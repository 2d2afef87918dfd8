from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from zeronvs_weights import TINY, tiny_network

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera, look_at, opencv_to_opengl
from anyview_ros.methods.zeronvs.conditioning import pose_vector
from anyview_ros.methods.zeronvs.config import ZeroConfig
from anyview_ros.methods.zeronvs.network import ZeroNetwork
from anyview_ros.methods.zeronvs.token_rays import RAY_NUMBERS, source_rays, target_rays


def asked(count: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    pictures, noisy = torch.rand(2, count, 3, 16, 16, generator=generator) * 2 - 1
    source = look_at((1.5, 0.0, 1.0), (0.0, 0.0, 0.0))
    targets = [look_at((np.cos(a), np.sin(a), 1.2), (0.0, 0.0, 0.0)) for a in 0.3 + np.arange(count)]
    poses = torch.from_numpy(pose_vector(source, np.stack(targets), 1.0)).float()
    return pictures, noisy, poses, torch.tensor([10, 500, 990])[:count]


@pytest.mark.parametrize("rays", [True, False])
def test_picture_pose_noise_and_level_each_have_a_say(rays: bool) -> None:
    network = tiny_network(replace(TINY, rays=rays))
    pictures, noisy, poses, levels = asked()
    seen = network.predict(noisy, levels, network.condition(pictures, poses))
    assert seen.shape == (3, 3, 16, 16)
    others = (
        network.predict(noisy, levels, network.condition(pictures.flip(0), poses)),
        network.predict(noisy, levels, network.condition(pictures, poses.flip(0))),
        network.predict(noisy.flip(0), levels, network.condition(pictures, poses)),
        network.predict(noisy, levels.flip(0), network.condition(pictures, poses)),
        network.predict(noisy, levels, None),
    )
    for other in others:
        assert float((seen - other).abs().mean()) > 0.01


def test_rows_do_not_see_each_other_and_conditions_can_be_kept() -> None:
    network = tiny_network()
    pictures, noisy, poses, levels = asked()
    condition = network.condition(pictures, poses)
    together = network.predict(noisy, levels, condition)
    alone = network.predict(noisy[1:2], levels[1:2], condition[1:2])
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=1e-4)


def test_a_dropped_row_is_one_without_condition() -> None:
    network = tiny_network()
    pictures, noisy, poses, levels = asked()
    condition = network.condition(pictures, poses)
    mixed = network.predict(noisy, levels, network.dropped(condition, torch.tensor([True, False, True])))
    torch.testing.assert_close(mixed[1], network.predict(noisy, levels, None)[1], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(mixed[0], network.predict(noisy, levels, condition)[0], atol=1e-5, rtol=1e-4)


def test_every_weight_gets_a_gradient() -> None:
    network = tiny_network().requires_grad_(True)
    pictures, noisy, poses, levels = asked()
    keep = torch.tensor([True, False, True])
    network.predict(
        noisy, levels, network.dropped(network.condition(pictures, poses), keep)
    ).square().sum().backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_a_new_network_predicts_grey() -> None:
    network = ZeroNetwork(TINY)
    pictures, noisy, poses, levels = asked()
    assert not network.predict(noisy, levels, network.condition(pictures, poses)).any()


def test_rays_are_those_of_the_target_camera_in_the_sources_axes() -> None:
    source, target = look_at((2.0, 0.5, 1.0), (0.0, 0.0, 0.0)), look_at((0.4, -1.5, 0.8), (0.1, 0.0, 0.0))
    fov, count, scale = 1.1, 4, 0.7
    poses = torch.from_numpy(pose_vector(source, target, fov, scale_m=scale))[None].float()
    plucker = target_rays(poses, count)[0, :, :6].numpy()
    camera = PinholeCamera.from_fov(count, count, horizontal_fov_deg=np.degrees(fov))
    pixels = np.stack(np.meshgrid(np.arange(count), np.arange(count)), -1).reshape(-1, 2)
    points = camera.unproject(pixels, np.ones(len(pixels)))
    change = np.linalg.inv(opencv_to_opengl(source)) @ target  # from OpenCV target to OpenGL source axes
    directions = (points / np.linalg.norm(points, axis=-1, keepdims=True)) @ change[:3, :3].T
    np.testing.assert_allclose(plucker[:, :3], directions, atol=1e-5)
    np.testing.assert_allclose(plucker[:, 3:], np.cross(change[:3, 3] / scale, directions), atol=1e-4)
    unmoved = source_rays(poses, count)[0]
    assert unmoved.shape == (count * count, RAY_NUMBERS)
    assert not unmoved[:, 3:6].any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patch": 5}, "side is 16"),
        ({"width": 50}, "width is 50 with 2 heads"),
        ({"mode": "3dof"}, "rays is set"),
        ({"mode": "4dof"}, "choose one of"),
        ({"layers": 0}, "layers is 0"),
        ({"source_layers": -1}, "source_layers is -1"),
        ({"condition_width": 5}, "give an even number"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        replace(TINY, **changes)


def test_settings_go_to_a_dictionary_and_back() -> None:
    assert ZeroConfig.from_dict(TINY.as_dict()) == TINY
    with pytest.raises(InvalidInputError, match="unknown network setting 'depth'"):
        ZeroConfig.from_dict({"depth": 3})
