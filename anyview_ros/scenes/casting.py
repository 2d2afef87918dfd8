"""Where rays meet primitives first.

All rays of a picture leave one point, and so do all shadow rays of a lamp when they are traced from the lamp. What
depends on the origin alone is therefore computed once per primitive, in float64; what is left per ray and primitive
is a few products, laid out (frame, primitive, ray).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from anyview_ros.scenes.scene import Scene
from anyview_ros.scenes.shapes import ShapeKind

_OFFSET, _AXIS, _SIZE, _RADIUS, _HALF = slice(0, 3), slice(3, 6), slice(6, 9), 6, 7
_ALONG, _SQUARE, _LOCAL, _ROWS, _BOUND = 9, 10, slice(11, 14), slice(14, 23), 23
_TINY = 1e-12
_FAR, _LARGE = 1e9, 1e30
_NEVER_SEEN = 1e-20  # lost in the rounding of any direction's component that is not zero


@dataclass(frozen=True, eq=False)
class Geometry:
    """The bodies of B scenes as tensors.

    Attributes:
        rotation: float64 (B, N, 3, 3), body to world.
        centre: float64 (B, N, 3), in the world.
        size: float64 (N, 3), see ``Shape``.
        bound: float64 (N,), radii of bounding spheres.
        counts: how many bodies of each kind, in the order of ``ShapeKind``.
        index: int64 (N,), which body of the scene each one is.
    """

    rotation: Tensor
    centre: Tensor
    size: Tensor
    bound: Tensor
    counts: tuple[int, ...]
    index: Tensor

    @classmethod
    def of(cls, scene: Scene, device: torch.device, *, only_shadows: bool = False) -> Geometry:
        """Return the tensors of ``scene``, or of its bodies that throw shadows."""
        keep = [i for i, b in enumerate(scene.bodies) if b.casts_shadow or not only_shadows]
        kinds = [scene.bodies[i].shape.kind for i in keep]
        poses = torch.from_numpy(scene.poses[:, keep]).to(device)
        shapes = [scene.bodies[i].shape for i in keep]
        return cls(
            rotation=poses[..., :3, :3],
            centre=poses[..., :3, 3],
            size=torch.tensor([s.size for s in shapes], dtype=torch.float64, device=device).reshape(-1, 3),
            bound=torch.tensor([s.bounding_radius for s in shapes], dtype=torch.float64, device=device),
            counts=tuple(kinds.count(kind) for kind in ShapeKind),
            index=torch.tensor(keep, dtype=torch.int64, device=device),
        )

    def frames(self, start: int, stop: int) -> Geometry:
        """Return scenes ``start`` to ``stop``."""
        return Geometry(
            self.rotation[start:stop], self.centre[start:stop], self.size, self.bound, self.counts, self.index
        )


@dataclass(frozen=True, eq=False)
class Bundle:
    """Primitives as seen from one origin per frame.

    Attributes:
        packed: float32 (B, N, 24): origin − centre, axis, size, offset·axis, |offset|², the offset and the rows of
            the rotation in the body's axes, bounding radius.
        counts: how many of each kind.
        index: int64 (N,), which body of the scene each one is.
    """

    packed: Tensor
    counts: tuple[int, ...]
    index: Tensor

    @classmethod
    def of(cls, geometry: Geometry, origin: Tensor) -> Bundle:
        """Return ``geometry`` as seen from ``origin``, float64 (B, 3)."""
        frames, count = geometry.centre.shape[:2]
        offset = origin[:, None] - geometry.centre
        axis = geometry.rotation[..., 2]
        rows = geometry.rotation.transpose(-1, -2)
        local = (rows @ offset[..., None])[..., 0]
        packed = torch.cat(
            [
                offset,
                axis,
                geometry.size.expand(frames, count, 3),
                (offset * axis).sum(-1, keepdim=True),
                (offset * offset).sum(-1, keepdim=True),
                local,
                rows.reshape(frames, count, 9),
                geometry.bound.expand(frames, count)[..., None],
            ],
            dim=-1,
        )
        return cls(packed.float(), geometry.counts, geometry.index)

    def within(self, directions: Tensor, reach: float | None = None) -> Bundle:
        """Return the primitives that a single frame's rays can meet: a cone around them, and a sphere.

        Args:
            directions: float32 (1, 3, P).
            reach: rays end at this multiple of their direction; None: they do not end.
        """
        rays = directions[0]
        lengths = (rays * rays).sum(0).sqrt()
        units = rays / lengths
        middle = units.mean(dim=1)
        middle = middle / middle.norm().clamp_min(1e-6)
        widest = torch.arccos((middle @ units).min().clamp(-1, 1))
        towards = -self.packed[0, :, _OFFSET]
        bound = self.packed[0, :, _BOUND]
        distance = towards.norm(dim=1).clamp_min(1e-9)
        angle = torch.arccos(((towards @ middle) / distance).clamp(-1, 1))
        apparent = torch.arcsin((bound / distance).clamp(max=1))
        keep = (angle <= widest + apparent + 1e-3) | (bound >= distance)
        if reach is not None:
            keep &= distance - bound <= reach * lengths.max()
        counts = [int(part.sum()) for part in keep.split(list(self.counts))]
        chosen = keep.nonzero()[:, 0]
        return Bundle(self.packed[:, chosen], tuple(counts), self.index[chosen])


def nearest(bundle: Bundle, directions: Tensor, near: float) -> tuple[Tensor, Tensor]:
    """Return where rays meet something first.

    Args:
        bundle: the primitives as seen from the rays' origin, which is in none of them: bodies are seen from outside.
        directions: float32 (B, 3, P), of any length.
        near: multiple of the direction before which nothing is met.

    Returns:
        float32 (B, P), the multiple of the direction (inf where nothing is met), and int64 (B, P), the body's index
        in the scene (any where nothing is met).
    """
    hits = list(_hits(bundle, directions, near))
    if not hits:
        nothing = directions.new_full((directions.shape[0], directions.shape[2]), torch.inf)
        return nothing, torch.zeros_like(nothing, dtype=torch.int64)
    distances = torch.cat(hits, dim=1)
    best = distances.amin(dim=1)
    # The winner's number, without the slow argmin: whoever is farther gets a number that is out of the question.
    numbers = torch.arange(distances.shape[1], dtype=torch.float32, device=best.device)[None, :, None]
    winner = torch.add(numbers, distances - best[:, None], alpha=_LARGE).amin(dim=1).long()
    return torch.where(best < _FAR, best, torch.inf), bundle.index[winner]


def reached(bundle: Bundle, directions: Tensor, near: float) -> Tensor:
    """Return whether rays get to the end of their ``directions``, bool (B, P); arguments as for :func:`nearest`."""
    first = directions.new_full((directions.shape[0], directions.shape[2]), _FAR)
    for hits in _hits(bundle, directions, near):
        first = torch.minimum(first, hits.amin(dim=1))
    return first >= 1


def _hits(bundle: Bundle, directions: Tensor, near: float) -> Iterator[Tensor]:
    """Where rays meet each primitive (B, n, P), kind by kind; at least _FAR, but finite or inf, where they do not."""
    start = 0
    for intersect, count in zip(_INTERSECTIONS, bundle.counts, strict=True):
        if count:
            yield intersect(bundle.packed[:, start : start + count], directions, near)
        start += count


# What follows avoids torch.where, comparisons and square roots of negative numbers on whole (B, n, P) tensors: on a
# CPU each costs as much as ten to fifty products. Rays that miss carry "not a number" to the end instead.


def _column(packed: Tensor, which: int) -> Tensor:
    return packed[..., which, None]


def _beyond(t: Tensor, near: float) -> Tensor:
    """``t`` where it lies beyond ``near``, else _FAR or more."""
    return torch.nn.functional.threshold(t.nan_to_num(_FAR, _FAR), near, _FAR)


def _entered(entry: Tensor, leave: Tensor, near: float) -> Tensor:
    """Where a convex body is entered, unless it is missed (entry > leave) or left behind."""
    return _beyond(torch.add(entry, (entry - leave).clamp_min(0), alpha=_LARGE), near)


def _root(square: Tensor) -> Tensor:
    """The square root; not a number for what is not positive."""
    return square * square.rsqrt()


def _sphere(packed: Tensor, rays: Tensor, near: float) -> Tensor:
    a = (rays * rays).sum(1, keepdim=True)
    b = packed[..., _OFFSET] @ rays
    c = _column(packed, _SQUARE) - _column(packed, _RADIUS) ** 2
    return _beyond(-(b + _root(b * b - a * c)) / a, near)


def _tube(packed: Tensor, rays: Tensor) -> tuple[Tensor, ...]:
    """The endless cylinder around the axis: a t² + 2 b t + c; ray·axis and ray·offset.

    Returns 1/a, b, the root of its discriminant, ray·axis and ray·offset.
    """
    along = packed[..., _AXIS] @ rays
    towards = packed[..., _OFFSET] @ rays
    start = _column(packed, _ALONG)
    a = ((rays * rays).sum(1, keepdim=True) - along * along).clamp_min(_TINY)
    b = towards - start * along
    c = _column(packed, _SQUARE) - start**2 - _column(packed, _RADIUS) ** 2
    return a.reciprocal(), b, _root(b * b - a * c), along, towards


def _capsule(packed: Tensor, rays: Tensor, near: float) -> Tensor:
    """A ray enters a capsule where it enters the ball around the axis's point nearest to where it enters the tube."""
    inverse, b, root, along, towards = _tube(packed, rays)
    start, half = _column(packed, _ALONG), _column(packed, _HALF)
    height = start - (b + root) * inverse * along
    end = torch.minimum(torch.maximum(height, -half), half)
    ball_a = (rays * rays).sum(1, keepdim=True)
    ball_b = towards - end * along
    fixed = _column(packed, _SQUARE) - _column(packed, _RADIUS) ** 2
    ball_c = end * (end - 2 * start) + fixed
    return _beyond(-(ball_b + _root(ball_b * ball_b - ball_a * ball_c)) / ball_a, near)


def _cylinder(packed: Tensor, rays: Tensor, near: float) -> Tensor:
    inverse, b, root, along, _ = _tube(packed, rays)
    start, half = _column(packed, _ALONG), _column(packed, _HALF)
    across = _inverse(along)
    middle, reach = -start * across, half * across.abs()
    entry = torch.maximum(-(b + root) * inverse, middle - reach)
    leave = torch.minimum((root - b) * inverse, middle + reach)
    return _entered(entry, leave, near)


def _box(packed: Tensor, rays: Tensor, near: float) -> Tensor:
    slabs = [_slab(packed, rays, i) for i in range(3)]
    entry = torch.maximum(torch.maximum(slabs[0][0], slabs[1][0]), slabs[2][0])
    leave = torch.minimum(torch.minimum(slabs[0][1], slabs[1][1]), slabs[2][1])
    return _entered(entry, leave, near)


def _slab(packed: Tensor, rays: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    inverse = _inverse(packed[..., _ROWS.start + 3 * axis : _ROWS.start + 3 * axis + 3] @ rays)
    middle = -_column(packed, _LOCAL.start + axis) * inverse
    reach = _column(packed, _SIZE.start + axis) * inverse.abs()
    return middle - reach, middle + reach


def _plane(packed: Tensor, rays: Tensor, near: float) -> Tensor:
    return _beyond(-_column(packed, _ALONG) * _inverse(packed[..., _AXIS] @ rays), near)


def _inverse(values: Tensor) -> Tensor:
    """One over values; zero gives a number so large that it acts as infinity, yet times zero is zero."""
    return (values + _NEVER_SEEN).reciprocal()


_INTERSECTIONS: tuple[Callable[[Tensor, Tensor, float], Tensor], ...] = (
    _sphere,
    _capsule,
    _cylinder,
    _box,
    _plane,
)
