"""Steps of the fit: rays are drawn, rendered and compared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from anyview_ros.methods.ddr.cameras import LearnableCameras
from anyview_ros.methods.ddr.field import DdrField
from anyview_ros.methods.ddr.losses import before_surface_loss, depth_loss
from anyview_ros.methods.ddr.options import DdrOptions
from anyview_ros.methods.ddr.pixels import PixelBatch, PixelSource
from anyview_ros.methods.fit_run import smoothed
from anyview_ros.rendering.ray_marching import RenderedRays, render_rays
from anyview_ros.rendering.space import Space

_GRID_RATE = 0.06
_PLANE_RATE = 0.02
_HEAD_RATE = 0.01
_POSE_RATE = 5e-4
_FOCAL_RATE = 2e-4
_LAST_RATE = 0.1  # of the first, at the end
_STEADY_RATE = 0.3  # of the first, where there is no end
_UNREST_WEIGHT = 1e-3
_ROUGHNESS_WEIGHT = 1e-3
_HIDDEN_WEIGHT = 5e-3
_HIDDEN_POINTS = 8
_BEHIND = 1.1  # of the depth: from there on, what is seen hides the rest


@dataclass(frozen=True, eq=False)
class Rays:
    """Rays to render.

    Attributes:
        origins, directions: (R, 3), in the anchor's axes; directions have one metre along the optical axis.
        instants: (R,), places on the field's time axis.
    """

    origins: Tensor
    directions: Tensor
    instants: Tensor


def render_field(
    field: DdrField,
    space: Space,
    rays: Rays,
    samples: int,
    generator: torch.Generator | None = None,
) -> RenderedRays:
    """Render rays through a field at their instants; see :func:`anyview_ros.rendering.ray_marching.render_rays`."""

    def look_up(coordinates: Tensor) -> tuple[Tensor, Tensor]:
        times = rays.instants[:, None].expand(coordinates.shape[:2]).reshape(-1)
        density, colour = field(coordinates.reshape(-1, 3), times)
        return density.view(coordinates.shape[:2]), colour.view(coordinates.shape)

    return render_rays(look_up, space, rays.origins, rays.directions, samples, generator)


class Trainer:
    """The state of a fit.

    Args:
        field, cameras, space: what is fitted, and where.
        pixels: what was seen.
        instants: float (F,), place of each frame on the field's time axis.
        options: of the method.
        steps: over which the learning rates fall; None: they stay at a third.
        seed: of the draws.
    """

    def __init__(
        self,
        field: DdrField,
        cameras: LearnableCameras,
        space: Space,
        pixels: PixelSource,
        instants: NDArray[np.float64],
        options: DdrOptions,
        *,
        steps: int | None,
        seed: int,
    ) -> None:
        """Begin at step 0."""
        device = field.grids[0].device
        self.field, self.cameras, self.space, self.pixels = field, cameras, space, pixels
        self.instants = torch.as_tensor(instants, dtype=torch.float32, device=device)
        self.options, self.steps, self.step_count = options, steps, 0
        self.smooth_loss = math.nan
        self._generator = torch.Generator(device).manual_seed(seed)
        self._optimiser = _optimiser(field, cameras)
        self._rates = [group["lr"] for group in self._optimiser.param_groups]

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """What is fitted, by name."""
        return {"field": self.field, "cameras": self.cameras}

    @property
    def rank(self) -> float:
        """How good the present state is: the lower the better."""
        return self.smooth_loss

    def step(self) -> float:
        """Do one step and return its loss, which is not finite if the fit has diverged."""
        batch = self.pixels.draw(self.options.rays, self._generator)
        loss = self.loss(batch)
        value = float(loss.detach())
        if not math.isfinite(value):
            return value
        self._set_rates()
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        self.step_count += 1
        self.smooth_loss = smoothed(self.smooth_loss, value)
        return value

    def loss(self, batch: PixelBatch) -> Tensor:
        """The whole loss of a batch."""
        options = self.options
        rays = self.rays(batch)
        rendered = self.render(rays)
        shown = rendered.shown(batch.depth)
        batch = replace(batch, depth=torch.where(shown, batch.depth, torch.zeros_like(batch.depth)))
        difference = (rendered.colour - batch.colour).square().mean(-1)
        loss = (difference * shown).sum() / shown.sum().clamp_min(1)
        if options.depth_weight > 0 and options.depth_loss != "none":
            loss = loss + options.depth_weight * depth_loss(
                options.depth_loss,
                rendered.weights,
                rendered.depths,
                batch.depth,
                draws=options.draws,
                temperature=options.temperature,
                generator=self._generator,
            )
        if options.before_surface_weight > 0:
            loss = loss + options.before_surface_weight * before_surface_loss(
                rendered.weights, rendered.depths, batch.depth, options.before_surface_margin
            )
        loss = loss + _ROUGHNESS_WEIGHT * self.field.roughness()
        if self.field.head is not None:
            hidden = self._hidden_motion(batch, rays, rendered)
            loss = loss + _UNREST_WEIGHT * self.field.unrest() + _HIDDEN_WEIGHT * hidden
        return loss

    def rays(self, batch: PixelBatch) -> Rays:
        """The rays of a batch, through the cameras as they are by now."""
        origins, directions = self.cameras.rays(batch.frame, batch.columns, batch.rows)
        return Rays(origins, directions, self.instants[batch.frame])

    def render(self, rays: Rays) -> RenderedRays:
        """What the field shows along rays."""
        return render_field(self.field, self.space, rays, self.options.samples, self._generator)

    def _hidden_motion(self, batch: PixelBatch, rays: Rays, rendered: RenderedRays) -> Tensor:
        """How much moves behind what is seen: mean size of the moving part at places drawn by chance.

        Nothing tells what goes on there at this instant, but other instants may have shown it: it should be as then.
        """
        surface = torch.where(
            batch.depth > 0, batch.depth, rendered.weights.expected(rendered.depths).detach()
        )
        far = rendered.far.detach()
        behind = torch.minimum(surface * _BEHIND, far)[:, None]
        shape = (len(far), _HIDDEN_POINTS)
        share = torch.rand(shape, generator=self._generator, device=far.device)
        depths = behind + share * (far[:, None] - behind)
        points = rays.origins.detach()[:, None] + depths[..., None] * rays.directions.detach()[:, None]
        instants = rays.instants[:, None].expand(shape).reshape(-1)
        return self.field.motion(self.space.coordinates(points).reshape(-1, 3), instants).abs().mean()

    def forget_offset(self, group: int) -> None:
        """Begin anew with a camera offset that is used for another frame."""
        with torch.no_grad():
            self.cameras.offsets[group] = 0
            for value in self._optimiser.state.get(self.cameras.offsets, {}).values():
                if value.ndim:
                    value[group] = 0

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return {
            "field": self.field.state_dict(),
            "cameras": self.cameras.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "generator": self._generator.get_state(),
            "step": self.step_count,
            "smooth_loss": self.smooth_loss,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to what :meth:`state` gave."""
        self.field.load_state_dict(state["field"])
        self.cameras.load_state_dict(state["cameras"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._generator.set_state(state["generator"])
        self.step_count = int(state["step"])
        self.smooth_loss = float(state["smooth_loss"])

    def _set_rates(self) -> None:
        share = _STEADY_RATE if self.steps is None else _LAST_RATE ** min(1.0, self.step_count / self.steps)
        for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * share


def _optimiser(field: DdrField, cameras: LearnableCameras) -> torch.optim.Optimizer:
    groups: list[dict[str, Any]] = [{"params": list(field.grids), "lr": _GRID_RATE}]
    if field.head is not None:
        groups.append({"params": [*field.space_planes, *field.time_planes], "lr": _PLANE_RATE})
        groups.append({"params": list(field.head.parameters()), "lr": _HEAD_RATE})
    if cameras.offsets.requires_grad:
        groups.append({"params": [cameras.offsets], "lr": _POSE_RATE})
    if cameras.log_focal.requires_grad:
        groups.append({"params": [cameras.log_focal], "lr": _FOCAL_RATE})
    return torch.optim.Adam(groups, betas=(0.9, 0.99), eps=1e-15, fused=True)
