"""How Gaussians move: the exponential of six frozen generators of se(3) and of learned ones."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from anyview_ros.rendering.se3 import se3_exp

MotionKind = Literal["hybrid", "learned", "fixed"]
FROZEN = 6


def frozen_count(kind: MotionKind, bases: int) -> int:
    """How many of ``bases`` generators are the frozen ones of se(3)."""
    return 0 if kind == "learned" else min(FROZEN, bases)


class HybridMotion(nn.Module):
    """The motion of N Gaussians: T_n(t) = exp(sum_i alpha_n,i(t) G_i + sum_j beta_n,j(t) H_j) (Any4D, 2511.18746).

    G_i are the six generators of se(3) and never change; H_j are learned elements of se(3). A coefficient is a weight
    of the Gaussian times a time course that all Gaussians share, c_n,b(t) = w_n,b (tau_b(t) - tau_b(reference)), so
    that T_n is the identity at the reference instant and what is kept does not grow with Gaussians times instants.
    Between its knots a time course is linear, before the first and after the last it is constant.

    ``free`` (N, 1) is 1 for Gaussians that may move and 0 for background, which stands still whatever its weights.
    Twists act on places counted from ``centre`` in units of ``scale``, so that turns and shifts have like sizes.

    Args:
        count: N.
        stamps_ns: int64 (K,), strictly increasing: the knots.
        reference: index of the knot where nothing has moved.
        bases: B, frozen and learned together.
        kind: "hybrid"; "learned" (no frozen ones) and "fixed" (no learned ones) are ablations.
        centre: (3,), metres, world.
        scale: metres.
        generator: source of chance for the learned generators.
    """

    frozen: Tensor
    centre: Tensor
    stamps: Tensor
    free: Tensor

    def __init__(
        self,
        count: int,
        stamps_ns: NDArray[np.int64],
        *,
        reference: int = 0,
        bases: int = 15,
        kind: MotionKind = "hybrid",
        centre: Tensor | None = None,
        scale: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> None:
        """Begin at rest."""
        super().__init__()
        fixed = frozen_count(kind, bases)
        free = 0 if kind == "fixed" else bases - fixed
        self.kind, self.reference, self.scale = kind, reference, float(scale)
        self.register_buffer("frozen", torch.eye(FROZEN)[:fixed])
        self.register_buffer("centre", torch.zeros(3) if centre is None else centre.detach().clone().float())
        self.register_buffer("stamps", torch.as_tensor(np.asarray(stamps_ns, np.int64)).clone())
        self.register_buffer("free", torch.ones(count, 1))
        self.learned = nn.Parameter(torch.randn(free, 6, generator=generator) / 6**0.5)
        self.weights = nn.Parameter(
            torch.cat([torch.ones(count, fixed), 0.3 * torch.randn(count, free, generator=generator)], 1)
        )
        self.courses = nn.Parameter(torch.zeros(len(self.stamps), fixed + free))

    @property
    def generators(self) -> Tensor:
        """All generators as twists, (B, 6): the frozen ones first."""
        return torch.cat([self.frozen, self.learned])

    def courses_at(self, stamp_ns: int) -> Tensor:
        """The time courses (B,) at an instant, counted from the reference."""
        here = torch.tensor(int(stamp_ns), device=self.stamps.device)
        after = int(torch.searchsorted(self.stamps, here, right=True).clamp(1, max(len(self.stamps) - 1, 1)))
        before = after - 1
        if len(self.stamps) == 1:
            return torch.zeros_like(self.courses[0])
        span = int(self.stamps[after]) - int(self.stamps[before])
        share = min(max((int(stamp_ns) - int(self.stamps[before])) / span, 0.0), 1.0)
        between = (1 - share) * self.courses[before] + share * self.courses[after]
        return between - self.courses[self.reference]

    def coefficients(self, stamp_ns: int) -> Tensor:
        """alpha and beta of every Gaussian at an instant, (N, B), those of frozen generators first."""
        return self.free * self.weights * self.courses_at(stamp_ns)

    def transforms(self, stamp_ns: int) -> tuple[Tensor, Tensor]:
        """Rotations (N, 3, 3) and translations (N, 3) from the reference instant, in the world, metres."""
        rotation, shift = se3_exp(self.coefficients(stamp_ns) @ self.generators)
        moved_centre = (rotation @ self.centre[:, None])[..., 0]
        return rotation, self.scale * shift + self.centre - moved_centre

    def preference(self) -> Tensor:
        """What the frozen generators cost little and the learned ones much: the loss L_c."""
        return coefficient_preference(
            self.free * self.weights, self.courses - self.courses[self.reference], len(self.frozen)
        )


def coefficient_preference(weights: Tensor, courses: Tensor, frozen: int, rigid_share: float = 0.8) -> Tensor:
    """L_c = mean of (1 - lambda) alpha² + lambda beta² over Gaussians, instants and generators, lambda = 0.8.

    Args:
        weights: (N, B), the Gaussians' weights.
        courses: (K, B), time courses counted from the reference.
        frozen: how many of the B generators are frozen: their coefficients are alpha, the others' beta.
        rigid_share: lambda.
    """
    cost = torch.full((weights.shape[1],), rigid_share, device=weights.device, dtype=weights.dtype)
    cost[:frozen] = 1 - rigid_share
    return (weights.square().mean(0) * courses.square().mean(0) * cost).mean()
