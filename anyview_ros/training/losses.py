"""What the small network is asked to do well."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from anyview_ros.methods.anyview_small.cameras import Cameras
from anyview_ros.methods.anyview_small.candidates import Hint, Mixture, Prediction, mix
from anyview_ros.methods.anyview_small.flow import FlowHead, Told, spread
from anyview_ros.methods.anyview_small.network import DecodedTarget, FrameTokens, SmallNetwork
from anyview_ros.training.batches import Batch
from anyview_ros.training.small_config import LossConfig
from anyview_ros.training.source_pictures import PictureBatch

_FLOW_CENTRE, _FLOW_SPREAD = 0.4, 1.2
"""Noise levels tau are drawn logit-normal around a little more noise than picture."""
_FLOW_FULL_WEIGHT, _FLOW_LEAST_WEIGHT = 0.2, 0.05


@dataclass(frozen=True, eq=False)
class Instant:
    """What the network made of one instant of a batch.

    Attributes:
        index: which instant.
        mixture: the targets' pictures (B·K).
        decoded: what they were mixed by.
        source_planes: logits of the sources' own depth (B), or None.
        depths: of the planes, or None.
    """

    index: int
    mixture: Mixture
    decoded: DecodedTarget
    source_planes: Tensor | None
    depths: Tensor | None


def run_batch(network: SmallNetwork, batch: Batch) -> Iterator[Instant]:
    """Run a batch's clips in order of time, as streams would, with as much memory as the network has."""
    clips, instants = batch.source.shape[:2]
    count = len(batch.target) // clips
    kept = network.config.memory_frames - 1
    past_sources: list[FrameTokens] = []
    past_targets: list[FrameTokens] = []
    size = (batch.target.shape[-2], batch.target.shape[-1])
    for t in range(instants):
        source = Cameras(batch.source_intrinsics, batch.source_to_world[:, t])
        target = Cameras(batch.target_intrinsics, batch.target_to_world[:, t])
        picture = batch.source[:, t].float() / 255
        encoded = network.encode(picture, batch.source_depth[:, t], source, past_sources)
        each = encoded.repeated(count)
        hint = Hint(
            batch.hint[:, t].float() / 255,
            batch.hint_depth[:, t],
            batch.hint_support[:, t],
            batch.hint_present[:, t],
        )
        decoded = network.decode(
            target,
            each,
            hint,
            [frame.repeated(count) for frame in past_sources],
            past_targets,
            size,
        )
        depths = network.depths(picture.device)
        mixture = mix(decoded.prediction, each.picture, decoded.sight, hint, depths, decoded.swept)
        yield Instant(t, mixture, decoded, encoded.planes, depths)
        past_sources = [*past_sources, encoded.tokens][max(0, len(past_sources) + 1 - kept) :]
        past_targets = [*past_targets, decoded.tokens][max(0, len(past_targets) + 1 - kept) :]


def batch_loss(
    network: SmallNetwork, batch: Batch, weights: LossConfig, generator: torch.Generator | None = None
) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """Run a batch and compare with the truth.

    Args:
        network: to be fitted.
        batch: to fit it to.
        weights: of the parts.
        generator: of the noise for the flow head; None for torch's own.

    Returns:
        the loss; its parts, detached; and the last instant's pictures (B·K, 3, H, W), detached.
    """
    instants = batch.source.shape[1]
    total: dict[str, Tensor] = {}
    colour = batch.target[:, 0].float()
    for instant in run_batch(network, batch):
        t, colour = instant.index, instant.mixture.colour
        prediction, shown = instant.decoded.prediction, batch.target[:, t].float() / 255
        parts = _picture_parts(colour, shown, prediction)
        if network.flow is not None:
            parts["flow"] = flow_loss(network.flow, FlowSample.of(instant, shown), generator)
        if instant.depths is not None and instant.source_planes is not None:
            truth = batch.target_depth[:, t]
            parts |= _source_parts(instant.source_planes, batch.source_true_depth[:, t], instant.depths)
            parts["planes"] = _plane_loss(prediction.planes, truth, instant.depths)
            parts["depth"] = _depth_loss(prediction.log_depth, truth)
        for name, value in parts.items():
            total[name] = total.get(name, value.new_zeros(())) + value / instants
    loss = sum((getattr(weights, name) * value for name, value in total.items()), colour.new_zeros(()))
    return loss, {name: value.detach() for name, value in total.items()}, colour.detach()


def picture_loss(
    network: SmallNetwork, batch: PictureBatch, weights: LossConfig
) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """Encode pictures and compare the depth that is read from them with the truth.

    Args:
        network: to be fitted; it has planes.
        batch: to fit it to.
        weights: of the parts.

    Returns:
        the loss; its parts, detached; and the expected log depth (B, 1, h, w), detached.
    """
    depths = network.depths(batch.picture.device)
    poses = torch.eye(4, dtype=batch.intrinsics.dtype, device=batch.picture.device)
    camera = Cameras(batch.intrinsics, poses.expand(len(batch.picture), 4, 4))
    planes = network.encode(batch.picture.float() / 255, batch.depth, camera, []).planes
    assert depths is not None and planes is not None  # noqa: S101, PT018 - the configuration sees to it
    parts = _source_parts(planes, batch.true_depth, depths)
    loss = sum((getattr(weights, name) * value for name, value in parts.items()), depths.new_zeros(()))
    log_depth = _expected_log_depth(planes.detach().float(), depths)
    return loss, {name: value.detach() for name, value in parts.items()}, log_depth


def _source_parts(planes: Tensor, truth: Tensor, depths: Tensor) -> dict[str, Tensor]:
    """Parts of the loss for logits (B, D, h, w) of the source's own depth, whose truth (B, 1, H, W) is finer."""
    planes = planes.float()
    step = max(truth.shape[-2] // planes.shape[-2], 1)
    own = truth[..., step // 2 :: step, step // 2 :: step]
    return {
        "source_planes": _plane_loss(planes, own, depths),
        "source_depth": _depth_loss(_expected_log_depth(planes, depths), own),
    }


def _expected_log_depth(planes: Tensor, depths: Tensor) -> Tensor:
    return (planes.softmax(1) * depths.log()).sum(1, keepdim=True)


def _picture_parts(colour: Tensor, truth: Tensor, prediction: Prediction) -> dict[str, Tensor]:
    difference = colour - truth
    across = (difference[..., :, 1:] - difference[..., :, :-1]).abs().mean()
    down = (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean()
    actual = difference.detach().abs().mean(1, keepdim=True)
    expected = prediction.log_error.clamp(math.log(3e-3), math.log(1.0))
    return {
        "absolute": difference.abs().mean(),
        "squared": (difference * difference).mean(),
        "gradient": across + down,
        "error": (actual * torch.exp(-expected) + expected).mean(),  # likelihood of a Laplace distribution
    }


@dataclass(frozen=True, eq=False)
class FlowSample:
    """What the flow head learns from: the regression's answer, and what the truth differs from it.

    Attributes:
        told: of the regression's answer.
        difference: (B, 3, H, W), in units of ``unit``.
        unit: (B, 1, H, W), see :func:`spread`.
    """

    told: Told
    difference: Tensor
    unit: Tensor

    @classmethod
    def of(cls, instant: Instant, truth: Tensor) -> FlowSample:
        """Gather it for an instant whose targets' true pictures (B, 3, H, W) in [0, 1] are these; no gradient."""
        decoded = instant.decoded
        told = Told.of(decoded.prediction, instant.mixture, decoded.features, decoded.grid)
        unit = spread(decoded.prediction).detach()
        return cls(told, (truth - instant.mixture.colour.detach()) / unit, unit)

    def to(self, dtype: torch.dtype) -> FlowSample:
        """The same numbers of another type."""
        told = Told(self.told.pixels.to(dtype), self.told.tokens.to(dtype))
        return FlowSample(told, self.difference.to(dtype), self.unit.to(dtype))


def flow_loss(head: FlowHead, sample: FlowSample, generator: torch.Generator | None) -> Tensor:
    """How far the flow is off at random noise levels, most where the regression expects to be."""
    difference = sample.difference

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, device=difference.device)

    tau = (_FLOW_CENTRE + _FLOW_SPREAD * normal(len(difference))).sigmoid()
    noise, level = normal(*difference.shape), tau[:, None, None, None]
    predicted = head((1 - level) * difference + level * noise, tau, head.prepared(sample.told)).float()
    weight = (sample.unit / _FLOW_FULL_WEIGHT).clamp(_FLOW_LEAST_WEIGHT, 1.0)
    error: Tensor = (predicted - noise + difference).square().mean(1, keepdim=True)
    return (error * weight).mean()


def _plane_loss(logits: Tensor, depth: Tensor, depths: Tensor) -> Tensor:
    """Cross-entropy against the two planes around the true depth (B, 1, h, w), by nearness."""
    count = logits.shape[1]
    low, high = depths[0, 0].log(), depths[0, -1].log()
    place = (depth.clamp_min(1e-3).log() - low) / (high - low) * (count - 1)
    place = place.clamp(0, count - 1)
    lower = place.floor().clamp(max=count - 2)
    share = place - lower
    logs = functional.log_softmax(logits, 1)
    index = lower.long()
    score = logs.gather(1, index) * (1 - share) + logs.gather(1, index + 1) * share
    known = (depth > 0).to(score.dtype)
    return -(score * known).sum() / known.sum().clamp_min(1)


def _depth_loss(log_depth: Tensor, depth: Tensor) -> Tensor:
    known = (depth > 0).to(log_depth.dtype)
    return ((log_depth - depth.clamp_min(1e-3).log()).abs() * known).sum() / known.sum().clamp_min(1)
