from __future__ import annotations

from pathlib import Path

import torch
from ply_files import columns_of, read_vertices

from anyview_ros.rendering.gaussian_ply import write_gaussian_ply
from anyview_ros.rendering.gaussians import Gaussians
from anyview_ros.rendering.se3 import rotation_from_quaternion


def gaussians(count: int = 5) -> Gaussians:
    random = torch.Generator().manual_seed(0)
    turned = rotation_from_quaternion(torch.randn(count, 4, generator=random))
    sizes = 0.01 + torch.rand(count, 3, generator=random)
    return Gaussians(
        torch.randn(count, 3, generator=random),
        turned * sizes[:, None],
        0.1 + 0.8 * torch.rand(count, generator=random),
        torch.rand(count, 4, generator=random),
    )


def test_what_is_written_says_the_same_gaussians(tmp_path: Path) -> None:
    given, path = gaussians(), tmp_path / "scene.ply"
    write_gaussian_ply(path, given, 7)
    found, stamp_ns = read_vertices(path)
    assert stamp_ns == 7
    names = "x y z nx ny nz f_dc_0 f_dc_1 f_dc_2 opacity scale_0 scale_1 scale_2 rot_0 rot_1 rot_2 rot_3"
    assert found.dtype.names == tuple(names.split())

    def columns(*chosen: str) -> torch.Tensor:
        return torch.from_numpy(columns_of(found, *chosen))

    assert torch.allclose(columns("x", "y", "z"), given.means)
    assert torch.allclose(columns("opacity")[:, 0].sigmoid(), given.opacities, atol=1e-6)
    colours = 0.5 + 0.28209479177387814 * columns("f_dc_0", "f_dc_1", "f_dc_2")
    assert torch.allclose(colours, given.features[:, :3], atol=1e-6)
    axes = rotation_from_quaternion(columns("rot_0", "rot_1", "rot_2", "rot_3"))
    axes = axes * columns("scale_0", "scale_1", "scale_2").exp()[:, None]
    covariance = given.axes @ given.axes.transpose(1, 2)
    assert torch.allclose(axes @ axes.transpose(1, 2), covariance, atol=1e-5)


def test_no_gaussians_make_an_empty_file(tmp_path: Path) -> None:
    write_gaussian_ply(tmp_path / "none.ply", gaussians(0), 0)
    assert len(read_vertices(tmp_path / "none.ply")[0]) == 0


def test_the_file_says_that_nobody_measured_it_and_when_it_is(tmp_path: Path) -> None:
    write_gaussian_ply(tmp_path / "scene.ply", gaussians(), 7)
    assert b"\ncomment synthesised, not measured; stamp_ns 7\n" in (tmp_path / "scene.ply").read_bytes()
