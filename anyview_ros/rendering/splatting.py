"""Pictures of Gaussians: composited from front to back, tile by tile, in torch; by gsplat where CUDA and it are there.

The image is cut into tiles; each has its Gaussians in order of depth. All tiles are composited at once, 32 Gaussians
deep at a time; tiles that have no more, or that are opaque, drop out. The exponent of a Gaussian is a polynomial of the
pixel's place in its tile, so that all exponents of a tile are one product of matrices.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anyview_ros.errors import InvalidInputError, MissingDependencyError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.rendering.gaussians import (
    FAINTEST,
    LOW_PASS,
    NEAR_M,
    OPAQUE,
    Gaussians,
    Projected,
    project,
    world_to_camera,
)

Backend = Literal["torch", "gsplat"]

_TILE = 8
_DEPTH = 32  # Gaussians composited at a time
_OPAQUE_ENOUGH = 1e-4  # transmittance below which a tile is done
_NOTHING = -1e4  # exponent of an entry that stands for no Gaussian


@dataclass(frozen=True, eq=False)
class Splatted:
    """A picture of Gaussians.

    Attributes:
        features: (H, W, F), sums weighted by visibility, on black.
        alpha: (H, W) in [0, 1], how far the pixel is covered.
        depth: (H, W), metres: mean depth of what covers the pixel; 0 where nothing does.
    """

    features: Tensor
    alpha: Tensor
    depth: Tensor


def splat(
    gaussians: Gaussians,
    camera: PinholeCamera,
    camera_to_world: NDArray[np.float64],
    *,
    backend: Backend | None = None,
) -> Splatted:
    """Draw Gaussians as a camera sees them (Kerbl et al., 2023); differentiable in all their tensors.

    Args:
        gaussians: N of them, N may be 0.
        camera: intrinsics.
        camera_to_world: float64 (4, 4), metres, OpenCV axes.
        backend: "torch" or "gsplat"; None takes gsplat for tensors on CUDA where it is installed.

    Raises:
        InvalidInputError: gsplat for tensors that are not on CUDA.
        MissingDependencyError: gsplat is asked for and not installed.
    """
    chosen = backend or ("gsplat" if gaussians.means.is_cuda and _has_gsplat() else "torch")
    if chosen == "gsplat":
        return _by_gsplat(gaussians, camera, camera_to_world)
    projected = project(gaussians, camera, camera_to_world)
    features = torch.cat([gaussians.features[projected.index], projected.depth[:, None]], -1)
    drawn, transmittance = _composited(projected, gaussians.opacities[projected.index], features, camera)
    return _splatted(drawn, 1 - transmittance)


def _splatted(drawn: Tensor, alpha: Tensor) -> Splatted:
    covered = alpha > 1e-6
    depth = torch.where(covered, drawn[..., -1] / torch.where(covered, alpha, torch.ones_like(alpha)), 0.0)
    return Splatted(drawn[..., :-1], alpha, depth)


def _composited(
    projected: Projected, opacities: Tensor, features: Tensor, camera: PinholeCamera
) -> tuple[Tensor, Tensor]:
    """Features (H, W, F) and the transmittance (H, W) behind them."""
    columns, rows = -(-camera.width // _TILE), -(-camera.height // _TILE)
    lists = _tile_lists(projected, columns, rows)
    packed = torch.cat([_conics(projected, opacities), features], -1)
    monomials = _monomials(features)
    corner = (_TILE - 1) / 2
    tiles = torch.arange(columns * rows, device=features.device)
    middles = torch.stack([tiles % columns * _TILE + corner, tiles // columns * _TILE + corner], -1).to(
        packed
    )
    total = packed.new_zeros(columns * rows, _TILE * _TILE, features.shape[-1])
    through = packed.new_ones(columns * rows, _TILE * _TILE)
    active = torch.nonzero(lists.counts)[:, 0]
    done = 0
    while len(active):
        place = torch.arange(done, done + _DEPTH, device=active.device)
        there = place < lists.counts[active, None]
        which = lists.members[(lists.starts[active, None] + place).clamp(max=len(lists.members) - 1)]
        entries = packed[which]
        exponents = _exponents(entries[..., :6], middles[active, None], there)
        drawn, behind = _Composite.apply(  # type: ignore[no-untyped-call]
            exponents, entries[..., 6:], through[active], monomials
        )
        total = total.index_add(0, active, drawn)
        through = through.index_copy(0, active, behind)
        done += _DEPTH
        with torch.no_grad():
            active = active[(lists.counts[active] > done) & (behind.amax(1) > _OPAQUE_ENOUGH)]
    return _untiled(total, columns, rows, camera), _untiled(through[..., None], columns, rows, camera)[..., 0]


@dataclass(frozen=True, eq=False)
class _TileLists:
    """For each tile the Gaussians that may touch it, near to far: members[starts[t] : starts[t] + counts[t]]."""

    members: Tensor
    starts: Tensor
    counts: Tensor


@torch.no_grad()
def _tile_lists(projected: Projected, columns: int, rows: int) -> _TileLists:
    limits = torch.tensor([columns, rows], device=projected.index.device)
    low = ((projected.centres - projected.reach + 0.5) / _TILE).floor().long().clamp_(min=0)
    high = ((projected.centres + projected.reach + 0.5) / _TILE).floor().long().minimum(limits - 1)
    size = (high - low + 1).clamp_(min=0)
    number = size[:, 0] * size[:, 1]
    member = torch.repeat_interleave(number)
    ends = number.cumsum(0)
    place = torch.arange(len(member), device=member.device) - (ends - number)[member]
    width = size[member, 0]
    tile = (low[member, 1] + place // width) * columns + low[member, 0] + place % width
    order = torch.sort(tile.int(), stable=True).indices  # members of one tile stay in order of depth
    counts = torch.bincount(tile, minlength=columns * rows)
    return _TileLists(member[order], counts.cumsum(0) - counts, counts)


def _conics(projected: Projected, opacities: Tensor) -> Tensor:
    """Centres, inverse covariance (xx, xy, yy) and the logarithm of the opacity, (M, 6)."""
    xx, xy, yy = projected.covariance.unbind(-1)
    determinant = xx * yy - xy * xy
    inverse = torch.stack([yy / determinant, -xy / determinant, xx / determinant], -1)
    return torch.cat([projected.centres, inverse, opacities.log()[:, None]], -1)


def _exponents(conics: Tensor, middles: Tensor, there: Tensor) -> Tensor:
    """Coefficients (A, D, 6) of 1, x, y, xx, xy, yy, x and y being counted from the tile's middle."""
    u, v = (conics[..., :2] - middles).unbind(-1)
    a, b, c, opacity = conics[..., 2:].unbind(-1)
    constant = opacity - (a * u * u + c * v * v) / 2 - b * u * v
    constant = torch.where(there, constant, constant.new_tensor(_NOTHING))
    return torch.stack([constant, a * u + b * v, b * u + c * v, -a / 2, -b, -c / 2], -1)


def _monomials(like: Tensor) -> Tensor:
    """1, x, y, xx, xy, yy at the pixels of a tile, (6, P)."""
    steps = torch.arange(_TILE, dtype=like.dtype, device=like.device) - (_TILE - 1) / 2
    y, x = (grid.flatten() for grid in torch.meshgrid(steps, steps, indexing="ij"))
    return torch.stack([torch.ones_like(x), x, y, x * x, x * y, y * y])


def _untiled(values: Tensor, columns: int, rows: int, camera: PinholeCamera) -> Tensor:
    grid = values.reshape(rows, columns, _TILE, _TILE, values.shape[-1]).permute(0, 2, 1, 3, 4)
    whole = grid.reshape(rows * _TILE, columns * _TILE, values.shape[-1])
    return whole[: camera.height, : camera.width]


class _Composite(torch.autograd.Function):
    """A few Gaussians of each tile composited, with the gradient written out: that saves most of the memory."""

    @staticmethod
    def forward(
        ctx: Any, exponents: Tensor, features: Tensor, through: Tensor, monomials: Tensor
    ) -> tuple[Tensor, Tensor]:
        """From exponents (A, D, 6), features (A, D, F) and transmittance (A, P) to drawn (A, P, F) and what is left."""
        raw = (exponents @ monomials).exp_()
        alpha = raw.clamp(max=OPAQUE)
        alpha.masked_fill_(raw < FAINTEST, 0.0)
        left = torch.log1p(-alpha).cumsum_(1).exp_()
        before = torch.cat([torch.ones_like(left[:, :1]), left[:, :-1]], 1)
        share = alpha * before
        drawn = (share.transpose(1, 2) @ features) * through[..., None]
        behind = left[:, -1] * through
        ctx.save_for_backward(alpha, before, features, through, monomials, left[:, -1], raw < OPAQUE)
        return drawn, behind

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """The derivative of front-to-back compositing: each Gaussian adds its own colour and hides those behind."""
        for_drawn, for_behind = gradients
        alpha, before, features, through, monomials, last, free = ctx.saved_tensors
        share = alpha * before
        scaled = for_drawn * through[..., None]
        worth = features @ for_drawn.transpose(1, 2)
        mine = share * worth
        running = mine.cumsum(1)
        everything = running[:, -1:] + (last * for_behind)[:, None]
        hidden = (everything - running) / (1 - alpha)
        for_raw = (before * worth - hidden) * through[:, None] * alpha * free
        return for_raw @ monomials.T, share @ scaled, everything[:, 0], None


def _has_gsplat() -> bool:
    return importlib.util.find_spec("gsplat") is not None


def _by_gsplat(gaussians: Gaussians, camera: PinholeCamera, camera_to_world: NDArray[np.float64]) -> Splatted:
    if not _has_gsplat():
        raise MissingDependencyError("backend 'gsplat' needs the package gsplat: pip install gsplat")
    if not gaussians.means.is_cuda:
        raise InvalidInputError(
            f"backend 'gsplat' draws on CUDA, the Gaussians are on {gaussians.means.device}; take 'torch'"
        )
    rasterization = importlib.import_module("gsplat").rasterization
    rotation, translation = world_to_camera(camera_to_world, gaussians.means)
    view = torch.eye(4, dtype=gaussians.means.dtype, device=gaussians.means.device)
    view[:3, :3], view[:3, 3] = rotation, translation
    # Its pixel centres lie at halves, ours at integers.
    matrix = view.new_tensor([[camera.fx, 0, camera.cx + 0.5], [0, camera.fy, camera.cy + 0.5], [0, 0, 1]])
    depth = (gaussians.means @ rotation.T + translation)[:, 2:]
    identity = torch.zeros(len(gaussians), 4, dtype=view.dtype, device=view.device)
    identity[:, 0] = 1
    drawn, alpha, _ = rasterization(
        means=gaussians.means,
        quats=identity,  # not used: the covariances say all
        scales=torch.ones_like(gaussians.means),
        opacities=gaussians.opacities,
        colors=torch.cat([gaussians.features, depth], -1),
        viewmats=view[None],
        Ks=matrix[None],
        width=camera.width,
        height=camera.height,
        near_plane=NEAR_M,
        eps2d=LOW_PASS,
        covars=gaussians.axes @ gaussians.axes.transpose(1, 2),
    )
    return _splatted(drawn[0], alpha[0, ..., 0])
