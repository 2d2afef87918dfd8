"""Steps of a distillation: the field should show the input, and elsewhere what the denoiser expects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.fit_run import smoothed
from anyview_ros.methods.zeronvs.denoiser import Denoiser
from anyview_ros.methods.zeronvs.distillation.anchors import Anchors, PoseTeller
from anyview_ros.methods.zeronvs.distillation.guidance import sds_gradient, with_gradient
from anyview_ros.methods.zeronvs.distillation.input_view import InputPixels, InputView, pixel_directions
from anyview_ros.methods.zeronvs.distillation.options import DistillOptions
from anyview_ros.methods.zeronvs.distillation.orbit import Orbit
from anyview_ros.methods.zeronvs.distillation.schedules import ANCHOR_USE, Ramp, TimestepRange
from anyview_ros.methods.zeronvs.levels import NoiseLevels
from anyview_ros.rendering.grids import GridField, decoded
from anyview_ros.rendering.ray_marching import RenderedRays, render_rays
from anyview_ros.rendering.space import Space

Array = NDArray[np.float64]

_RATE = 0.06
_LAST_RATE = 0.1  # of the first, at the end
_MOST_RENDER_SIDE = 128
_MOST_GRADIENT = 10.0  # length of the whole gradient


class Distiller:
    """The state of a distillation; see :class:`anyview_ros.methods.fit_run.SteppedFit`.

    Args:
        denoiser: what is distilled.
        view: the input.
        anchors: the input and what was drawn around it.
        orbit: around what cameras are drawn.
        teller: of poses.
        field, space: what is fitted, and where it lives.
        options: of the fit.
        steps: of the whole fit.
        seed: of the draws.
        timesteps: from which noise levels are drawn.
        anchor_use: the chance that a step is conditioned on the nearest view rather than on the input.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        view: InputView,
        anchors: Anchors,
        orbit: Orbit,
        teller: PoseTeller,
        field: GridField,
        space: Space,
        options: DistillOptions,
        *,
        steps: int,
        seed: int,
        timesteps: TimestepRange | None = None,
        anchor_use: Ramp = ANCHOR_USE,
    ) -> None:
        """Begin at step 0."""
        device = field.grids[0].device
        self.denoiser, self.view, self.anchors = denoiser, view, anchors
        self.orbit, self.teller, self.field, self.space = orbit, teller, field, space
        self.options, self.steps = options, steps
        self.timesteps, self.anchor_use = timesteps or TimestepRange(), anchor_use
        self.step_count, self.smooth_loss = 0, math.nan
        self._levels = NoiseLevels(denoiser.scheduler_config, denoiser.device)
        self._pixels = InputPixels(view, space.to_anchor(view.frame.camera_to_world), device)
        side = options.render_side or min(denoiser.side, _MOST_RENDER_SIDE)
        self._camera = view.square.resized(side, side)
        self._generator = torch.Generator(device).manual_seed(seed)
        self._optimiser = torch.optim.Adam(field.parameters(), lr=_RATE, betas=(0.9, 0.99), eps=1e-15)

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """What is fitted, by name."""
        return {"field": self.field}

    @property
    def rank(self) -> float:
        """Later is better: the loss of distillation does not tell how good a scene is."""
        return -float(self.step_count)

    def step(self) -> float:
        """Do one step and return the loss of the input view, which is not finite if the fit has diverged."""
        seen, loss = self._input_loss()
        if self.options.sds_weight > 0:
            loss = loss + self.options.sds_weight * self._distillation_loss()
        loss = loss + self.options.roughness_weight * self.field.roughness()
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        length = nn.utils.clip_grad_norm_(self.field.parameters(), _MOST_GRADIENT)
        value = float(seen.detach())
        if not (
            math.isfinite(float(loss.detach())) and math.isfinite(float(length)) and math.isfinite(value)
        ):
            return math.nan
        for group in self._optimiser.param_groups:
            group["lr"] = _RATE * _LAST_RATE ** min(1.0, self.step_count / self.steps)
        self._optimiser.step()
        self.step_count += 1
        self.smooth_loss = smoothed(self.smooth_loss, value)
        return value

    @property
    def share(self) -> float:
        """Part of the fit that is done."""
        return self.step_count / self.steps

    def drawn_camera(self) -> Array:
        """The pose (4, 4) of a camera drawn by chance; early in the fit near the input camera."""
        options = self.options
        wide = 1.0 if options.widening == 0 else min(1.0, self.share / options.widening)
        middle = self.orbit.elevation_deg
        azimuth = wide * self._between(*options.azimuth_deg)
        elevation = middle + wide * (self._between(*options.elevation_deg) - middle)
        distance = 1 + wide * (self._between(*options.distance) - 1)
        return self.orbit.pose(azimuth, float(np.clip(elevation, -89, 89)), distance * self.orbit.look_at_m)

    def picture(self, camera: PinholeCamera, camera_to_world: Array) -> Tensor:
        """What the field shows, differentiably: (3, H, W) in [0, 1].

        Args:
            camera: intrinsics.
            camera_to_world: (4, 4).
        """
        pose = self.space.to_anchor(camera_to_world)
        directions = pixel_directions(camera, pose, self.field.grids[0].device)
        origins = torch.from_numpy(pose[:3, 3]).to(directions).expand_as(directions)
        colour = self._render(origins, directions).colour
        return colour.T.view(3, camera.height, camera.width)

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on."""
        return {
            "field": self.field.state_dict(),
            "anchors": {"pictures": self.anchors.pictures},
            "optimiser": self._optimiser.state_dict(),
            "generator": self._generator.get_state(),
            "step": self.step_count,
            "smooth_loss": self.smooth_loss,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to what :meth:`state` gave; anchors are told to the constructor."""
        self.field.load_state_dict(state["field"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._generator.set_state(state["generator"])
        self.step_count = int(state["step"])
        self.smooth_loss = float(state["smooth_loss"])

    def _render(self, origins: Tensor, directions: Tensor) -> RenderedRays:
        def look_up(coordinates: Tensor) -> tuple[Tensor, Tensor]:
            density, colour = decoded(self.field.still_values(coordinates.reshape(-1, 3)))
            return density.view(coordinates.shape[:2]), colour.view(coordinates.shape)

        return render_rays(look_up, self.space, origins, directions, self.options.samples, self._generator)

    def _input_loss(self) -> tuple[Tensor, Tensor]:
        """Mean squared difference to the input's colours, and the loss of colours and depth."""
        options = self.options
        origins, directions, colours, depths = self._pixels.draw(options.rays, self._generator)
        rendered = self._render(origins, directions)
        shown = rendered.shown(depths)
        difference = (rendered.colour - colours).square().mean(-1)
        seen = (difference * shown).sum() / shown.sum().clamp_min(1)
        loss = options.rgb_weight * seen
        known = shown & (depths > 0)
        if options.depth_weight > 0 and bool(known.any()):
            share = rendered.weights.log_normalised.exp()
            error = (share * (rendered.depths - depths[:, None]).abs()).sum(-1) / depths.clamp_min(1e-6)
            loss = loss + options.depth_weight * error[known].mean()
        return seen, loss

    def _distillation_loss(self) -> Tensor:
        cameras = [self.drawn_camera() for _ in range(self.options.views)]
        shown = torch.stack([self.picture(self._camera, pose) for pose in cameras])
        side = self.denoiser.side
        if shown.shape[-1] != side:
            shown = functional.interpolate(shown, (side, side), mode="bilinear", align_corners=False)
        latents = self.denoiser.encode(2 * shown.to(self.denoiser.device) - 1)
        low, high = self.timesteps.at(self.share, len(self._levels))
        shape, device = latents.shape, self._generator.device
        timesteps = torch.randint(low, high + 1, (len(cameras),), generator=self._generator, device=device)
        noise = torch.randn(shape, generator=self._generator, device=device)
        sources = [self._source(pose) for pose in cameras]
        vectors = [
            self.teller.vector(self.anchors.camera_to_world[source], pose)
            for source, pose in zip(sources, cameras, strict=True)
        ]
        with torch.no_grad():
            told = torch.as_tensor(np.stack(vectors), dtype=torch.float32, device=latents.device)
            condition = self.denoiser.condition(self.anchors.pictures[sources], told)
        gradient = sds_gradient(
            self.denoiser,
            self._levels,
            latents,
            noise.to(latents),
            timesteps.to(latents.device),
            condition,
            self.options.guidance,
        )
        return with_gradient(latents, gradient)

    def _source(self, camera_to_world: Array) -> int:
        """The view that a step is conditioned on: by chance the nearest, or the input."""
        if self.anchors.count == 0:
            return 0
        nearest = self._between(0.0, 1.0) < self.anchor_use.at(self.share)
        return self.anchors.chosen(camera_to_world, nearest=nearest)

    def _between(self, low: float, high: float) -> float:
        chance = torch.rand((), generator=self._generator, device=self._generator.device)
        return low + float(chance) * (high - low)
