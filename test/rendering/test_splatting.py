from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera, look_at
from anyview_ros.rendering.gaussians import Gaussians
from anyview_ros.rendering.se3 import rotation_from_quaternion
from anyview_ros.rendering.splatting import Splatted, splat

CAMERA = PinholeCamera(60.0, 58.0, 20.3, 13.6, 43, 29)  # no size is a multiple of a tile's
HERE = np.eye(4)


def ball(z: float, sigma: float, opacity: float, colour: tuple[float, float, float]) -> Gaussians:
    """A round Gaussian on the optical axis."""
    return Gaussians(
        torch.tensor([[0.0, 0.0, z]]),
        sigma * torch.eye(3)[None],
        torch.tensor([opacity]),
        torch.tensor([colour]),
    )


def together(*parts: Gaussians) -> Gaussians:
    return Gaussians(
        torch.cat([p.means for p in parts]),
        torch.cat([p.axes for p in parts]),
        torch.cat([p.opacities for p in parts]),
        torch.cat([p.features for p in parts]),
    )


def cloud(count: int, dtype: torch.dtype = torch.float64) -> Gaussians:
    """Random long and flat Gaussians, some behind the camera and some beside its image."""
    random = torch.Generator().manual_seed(3)

    def rand(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, generator=random, dtype=torch.float64)

    means = (rand(count, 3) - 0.5) * torch.tensor([3.0, 2.0, 4.0], dtype=torch.float64)
    means[:, 2] += 1.5
    sizes = 0.01 + 0.2 * rand(count, 3) ** 3
    axes = rotation_from_quaternion(rand(count, 4) - 0.5) * sizes[:, None, :]
    made = (means, axes, 0.02 + 0.97 * rand(count), rand(count, 2))
    return Gaussians(*(value.to(dtype) for value in made))


def brute_force(gaussians: Gaussians, camera: PinholeCamera, camera_to_world: np.ndarray) -> Splatted:
    """Every Gaussian at every pixel, one after the other from near to far, by the formulas as they are published."""
    inverse = torch.from_numpy(np.linalg.inv(camera_to_world)).to(gaussians.means)
    v, u = torch.meshgrid(torch.arange(camera.height), torch.arange(camera.width), indexing="ij")
    pixels = torch.stack([u, v], -1).to(gaussians.means)
    through = torch.ones(camera.height, camera.width).to(gaussians.means)
    total = torch.zeros(camera.height, camera.width, gaussians.features.shape[1] + 1).to(gaussians.means)
    places = gaussians.means @ inverse[:3, :3].T + inverse[:3, 3]
    for i in torch.argsort(places[:, 2]).tolist():
        x, y, z = places[i]
        if z <= 0.01:
            continue
        margin_x, margin_y = 0.15 * camera.width / camera.fx, 0.15 * camera.height / camera.fy
        sx = (x / z).clamp(
            -(camera.cx + 0.5) / camera.fx - margin_x, (camera.width - 0.5 - camera.cx) / camera.fx + margin_x
        )
        sy = (y / z).clamp(
            -(camera.cy + 0.5) / camera.fy - margin_y,
            (camera.height - 0.5 - camera.cy) / camera.fy + margin_y,
        )
        zero = torch.zeros_like(z)
        jacobian = torch.stack(
            [
                torch.stack([camera.fx / z, zero, -camera.fx * sx / z]),
                torch.stack([zero, camera.fy / z, -camera.fy * sy / z]),
            ]
        )
        covariance = inverse[:3, :3] @ gaussians.axes[i] @ gaussians.axes[i].T @ inverse[:3, :3].T
        flat = jacobian @ covariance @ jacobian.T + 0.3 * torch.eye(2).to(covariance)
        centre = torch.stack([camera.fx * x / z + camera.cx, camera.fy * y / z + camera.cy])
        away = pixels - centre
        power = -0.5 * ((away @ torch.linalg.inv(flat)) * away).sum(-1)
        alpha = (gaussians.opacities[i] * power.exp()).clamp(max=0.999)
        alpha = torch.where(alpha < 1 / 255, torch.zeros_like(alpha), alpha)
        total = total + (through * alpha)[..., None] * torch.cat([gaussians.features[i], z[None]])
        through = through * (1 - alpha)
    alpha = 1 - through
    return Splatted(total[..., :-1], alpha, total[..., -1] / alpha.clamp(min=1e-6))


def test_one_ball_is_a_bell_on_the_image() -> None:
    picture = splat(ball(2.0, 0.1, 0.8, (1.0, 0.5, 0.0)), CAMERA, HERE)
    spread_x, spread_y = (60 * 0.1 / 2) ** 2 + 0.3, (58 * 0.1 / 2) ** 2 + 0.3
    for u, v in ((20, 14), (24, 11), (16, 17)):
        away = (u - 20.3) ** 2 / spread_x + (v - 13.6) ** 2 / spread_y
        expected = 0.8 * math.exp(-away / 2)
        assert picture.alpha[v, u].item() == pytest.approx(expected, abs=1e-5)
        assert picture.features[v, u].tolist() == pytest.approx([expected, expected / 2, 0], abs=1e-5)
        assert picture.depth[v, u].item() == pytest.approx(2.0, abs=1e-5)
    assert picture.alpha[0, 0] == picture.depth[0, 0] == 0


def test_the_nearer_of_two_hides_the_farther() -> None:
    camera = PinholeCamera(60.0, 60.0, 20.0, 14.0, 43, 29)
    near, far = ball(1.0, 0.05, 0.75, (1.0, 0.0, 0.0)), ball(3.0, 0.4, 0.5, (0.0, 0.0, 1.0))
    picture = splat(together(far, near), camera, HERE)
    assert picture.features[14, 20].tolist() == pytest.approx([0.75, 0, 0.25 * 0.5], abs=1e-5)
    assert picture.alpha[14, 20].item() == pytest.approx(1 - 0.25 * 0.5, abs=1e-5)
    assert picture.depth[14, 20].item() == pytest.approx((0.75 * 1 + 0.125 * 3) / 0.875, abs=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_many_are_drawn_as_by_brute_force(dtype: torch.dtype) -> None:
    given, pose = cloud(150, dtype), look_at((0.4, -0.2, -0.8), (0.1, 0.1, 1.5), (0, -1, 0))
    ours, theirs = splat(given, CAMERA, pose), brute_force(given, CAMERA, pose)
    # A tile that is opaque to one part in ten thousand is left.
    assert (ours.features - theirs.features).abs().max() < 2e-4
    assert (ours.alpha - theirs.alpha).abs().max() < 2e-4
    assert theirs.alpha.max() > 0.9
    assert ((ours.depth - theirs.depth).abs() < 1e-3 + 1e-3 * theirs.depth).all()


def test_gradients_are_those_of_brute_force() -> None:
    given, pose = cloud(40), look_at((0.4, -0.2, -0.8), (0.1, 0.1, 1.5), (0, -1, 0))
    weight = torch.rand(29, 43, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def gradients(draw: object) -> list[torch.Tensor]:
        leaves = [
            value.clone().requires_grad_()
            for value in (given.means, given.axes, given.opacities, given.features)
        ]
        picture = draw(Gaussians(*leaves), CAMERA, pose)  # type: ignore[operator]
        values = torch.cat([picture.features, picture.alpha[..., None], picture.depth[..., None]], -1)
        (values * weight).sum().backward()
        return [leaf.grad for leaf in leaves]  # type: ignore[misc]

    for ours, theirs in zip(gradients(splat), gradients(brute_force), strict=True):
        assert theirs.abs().max() > 0.1
        assert (ours - theirs).abs().max() < 2e-3 * theirs.abs().max()


def test_the_picture_does_not_depend_on_the_world() -> None:
    given, moved = cloud(60), look_at((5.0, 1.0, 2.0), (0.0, 0.5, 0.3))
    turn, shift = torch.from_numpy(moved[:3, :3]), torch.from_numpy(moved[:3, 3])
    elsewhere = Gaussians(given.means @ turn.T + shift, turn @ given.axes, given.opacities, given.features)
    here, there = splat(given, CAMERA, HERE), splat(elsewhere, CAMERA, moved)
    assert (here.features - there.features).abs().max() < 1e-9


def test_nothing_is_drawn_of_nothing_and_of_what_is_behind() -> None:
    for given in (cloud(0), ball(-1.0, 0.1, 0.9, (1, 1, 1)), ball(0.005, 0.1, 0.9, (1, 1, 1))):
        picture = splat(given, CAMERA, HERE)
        assert picture.features.abs().max() == picture.alpha.max() == picture.depth.max() == 0
        assert picture.alpha.shape == (29, 43)


def test_gsplat_needs_cuda() -> None:
    pytest.importorskip("gsplat", reason="gsplat is not installed")
    with pytest.raises(InvalidInputError, match="on cpu"):
        splat(cloud(3), CAMERA, HERE, backend="gsplat")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA: gsplat is not compared with torch")
def test_gsplat_draws_the_same() -> None:
    pytest.importorskip("gsplat", reason="gsplat is not installed")
    given, pose = cloud(150, torch.float32), look_at((0.4, -0.2, -0.8), (0.1, 0.1, 1.5), (0, -1, 0))
    there = Gaussians(*(value.cuda() for value in vars(given).values()))
    ours = splat(there, CAMERA, pose, backend="torch")
    theirs = splat(there, CAMERA, pose, backend="gsplat")
    assert (ours.features - theirs.features).abs().max() < 1 / 255
    assert (ours.alpha - theirs.alpha).abs().max() < 1 / 255
