"""Colours that the source offers for the target's pixels, and their mixture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from anyview_ros.methods.anyview_small.cameras import in_full_precision
from anyview_ros.methods.anyview_small.sight import AHEAD_M, Seen, Sight, sample

GATES = 5
PLANES, WARP, SPLAT, FREE, FILL = range(GATES)
SHUT = -1e4
_LEAST_VALID = 1e-4
_STRONGEST = 5.0
_FILL_CELLS = 16


@dataclass(frozen=True, eq=False)
class Hint:
    """The source's depth image as the target sees it; all zeros where there is none.

    Attributes:
        colour: float32 (B, 3, H, W) in [0, 1], splatted, holes filled.
        depth: float32 (B, 1, H, W), metres, splatted; 0 in holes.
        support: float32 (B, 1, H, W) in [0, 1]: how well the source shows it, falling off into holes.
        present: float32 (B, 1, 1, 1): 1 where the source has depth, else 0.
    """

    colour: Tensor
    depth: Tensor
    support: Tensor
    present: Tensor

    @classmethod
    def none(cls, count: int, height: int, width: int, device: torch.device) -> Hint:
        """No hint for any of ``count`` targets."""
        one = torch.zeros(count, 1, height, width, device=device)
        return cls(one.expand(-1, 3, -1, -1), one, one, torch.zeros(count, 1, 1, 1, device=device))


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the network says of each target pixel, at its own resolution or stretched to another.

    Attributes:
        planes: (B, D, H, W), logits of the depth planes; D is 0 where these are no candidate.
        log_depth: (B, 1, H, W), logarithm of metres.
        gates: (B, 5, H, W), logits of the candidates.
        free: (B, 3, H, W), a colour of its own in [0, 1] or a little beyond.
        log_error: (B, 1, H, W), logarithm of the expected error of the mixture.
    """

    planes: Tensor
    log_depth: Tensor
    gates: Tensor
    free: Tensor
    log_error: Tensor

    def resized(self, height: int, width: int) -> Prediction:
        """The same for pictures of another size."""

        def stretched(values: Tensor) -> Tensor:
            if values.shape[-2:] == (height, width) or not values.shape[1]:
                return values
            return functional.interpolate(values, (height, width), mode="bilinear", align_corners=False)

        return Prediction(
            stretched(self.planes),
            -stretched(torch.exp(-self.log_depth)).log(),  # a plane's inverse depth is linear in the image
            stretched(self.gates),
            stretched(self.free),
            stretched(self.log_error),
        )

    def at_one_depth(self, depths: Tensor) -> Prediction:
        """The same, with one depth for each pixel, the median of its probabilities, in place of all the planes.

        What a mean over planes blurs and doubles stays sharp so, though not always in its place.

        Args:
            depths: (1, D, 1, 1), of the planes.
        """
        gates = self.gates.clone()
        gates[:, WARP] = torch.logaddexp(self.gates[:, PLANES], self.gates[:, WARP])
        gates[:, PLANES] = SHUT
        log_depth = _median(self.planes.softmax(1), depths.log())
        return Prediction(self.planes[:, :0], log_depth, gates, self.free, self.log_error)


def _median(shares: Tensor, values: Tensor) -> Tensor:
    """Where half of the shares (B, D, H, W) of evenly spaced values (1, D, 1, 1) lies below: (B, 1, H, W)."""
    below = shares.cumsum(1)
    index = (below < 0.5).sum(1, keepdim=True).clamp_max(shares.shape[1] - 1)
    share = shares.gather(1, index)
    part = (0.5 - below.gather(1, index) + share) / share  # of the value's own width, from its lower edge
    step = values[:, 1:2] - values[:, :1]
    return values[:, :1] + step * (index + part - 0.5).clamp(0, shares.shape[1] - 1)


@dataclass(frozen=True, eq=False)
class Mixture:
    """The picture.

    Attributes:
        colour: (B, 3, H, W) in [0, 1] or a little beyond.
        support: (B, 1, H, W) in [0, 1], the share of the mixture that was seen by the source.
        weights: (B, 5, H, W), the shares of the candidates.
    """

    colour: Tensor
    support: Tensor
    weights: Tensor


def plane_depths(count: int, nearest_m: float, farthest_m: float, device: torch.device) -> Tensor:
    """Depths (1, D, 1, 1) of the planes, metres."""
    ratio = torch.linspace(0, 1, count, device=device, dtype=torch.float64)
    return (nearest_m * (farthest_m / nearest_m) ** ratio).float()[None, :, None, None]


def sweep(picture: Tensor, seen: Seen) -> tuple[Tensor, Tensor]:
    """The source on each plane as the target sees it: colours (B, D, 3, H, W), validity (B, D, H, W)."""
    return sample(picture, seen.places) * seen.valid[:, :, None], seen.valid


@in_full_precision
def carried_depth(logits: Tensor, seen: Seen, depths: Tensor) -> Tensor:
    """What the source's guess of its own depth says of the target's planes, (B, D, H, W).

    Each point of each plane lies somewhere in the source's image, at some depth from there; the source gives that
    depth a probability. Returned is its logarithm, relative to that of an even guess; 0 where the source sees nothing.

    Args:
        logits: (B, D, h, w), of the source's own depth planes.
        seen: the target's planes.
        depths: (1, D, 1, 1), of the planes, for source and target alike.
    """
    count = logits.shape[1]
    low, high = depths[0, 0].log(), depths[0, -1].log()
    index = (seen.depth.clamp_min(AHEAD_M).log() - low) / (high - low) * (count - 1)
    along = (2 * index + 1) / count - 1
    places = torch.cat([seen.places, along.clamp(-2, 2)[..., None]], -1)
    relative_logs = functional.log_softmax(logits.float(), 1) + math.log(count)
    read = functional.grid_sample(relative_logs[:, None], places, padding_mode="border", align_corners=False)
    return read[:, 0].clamp(-_STRONGEST, _STRONGEST) * seen.valid


DepthRange = tuple[float, float]


def barred_planes(depth_range: DepthRange, seen: Seen, depths: Tensor) -> Tensor:
    """Which points of the target's planes cannot be, bool (B, D, H, W): the source sees them, not at these depths.

    Half a step between planes is allowed at either end, so that at least one plane fits any range that they span.

    Args:
        depth_range: nearest and farthest depth along the source's axis, metres.
        seen: the target's planes.
        depths: (1, D, 1, 1), of these.
    """
    near, far = depth_range
    half_step = float(depths[0, 1] / depths[0, 0]) ** 0.5
    outside = (seen.depth < near / half_step) | (seen.depth > far * half_step)
    barred: Tensor = (seen.valid > 0) & outside
    return barred


def within_planes(log_depth: Tensor, barred: Tensor, depths: Tensor) -> Tensor:
    """Logarithmic depth (B, 1, H, W) kept between the first and the last plane not barred, where there is one."""
    logs = depths.log().expand_as(barred)
    nearest = logs.masked_fill(barred, torch.inf).amin(1, keepdim=True)
    farthest = logs.masked_fill(barred, -torch.inf).amax(1, keepdim=True)
    return torch.where(
        nearest <= farthest, torch.minimum(torch.maximum(log_depth, nearest), farthest), log_depth
    )


@in_full_precision
def mix(
    prediction: Prediction,
    picture: Tensor,
    sight: Sight,
    hint: Hint,
    depths: Tensor | None,
    swept: tuple[Tensor, Tensor] | None = None,
) -> Mixture:
    """Mix the candidates as the network says.

    They are: the mean over the depth planes; the source at the predicted depth; the splat of the given depth; a colour
    of the network's own; and, for what lies off the source's image, its nearest border, blurred.

    Args:
        prediction: at the target's size.
        picture: the source (B, 3, h, w), any size.
        sight: of the source, at the target's size.
        hint: at the target's size.
        depths: of the planes; None if there are none.
        swept: what :func:`sweep` gave for this size, where it is at hand.
    """
    colours, valids = [], []
    shut = torch.full_like(prediction.gates[:, :1], SHUT)
    blank = torch.zeros_like(prediction.free)
    planes = blank, blank[:, :1]
    if depths is not None:
        if prediction.planes.shape[1]:
            planes = _plane_candidate(prediction.planes, picture, sight, depths, swept)
        colours.append(planes[0])
        valids.append(planes[1])
        seen = sight.at(prediction.log_depth.exp())
        colours.append(sample(picture, seen.places)[:, 0])
        valids.append(seen.valid)
        blurred = functional.adaptive_avg_pool2d(picture, (_FILL_CELLS, _FILL_CELLS))
        fill = sample(blurred, seen.places.clamp(-1, 1))[:, 0]
        fillable = torch.where(seen.depth > AHEAD_M, torch.zeros_like(shut), shut)
    else:
        colours += [planes[0], blank]
        valids += [planes[1], blank[:, :1]]
        fill, fillable = blank, shut
    colours += [hint.colour, prediction.free, fill]
    openness = [
        torch.where(valid > 0, (valid + _LEAST_VALID).log(), shut) if depths is not None else shut
        for valid in valids
    ]
    openness += [
        torch.where(hint.present > 0, torch.zeros_like(shut), shut),
        torch.zeros_like(shut),
        fillable,
    ]
    weights = (prediction.gates + torch.cat(openness, 1)).softmax(1)
    colour = sum(
        (weights[:, i : i + 1] * colours[i] for i in range(GATES)), torch.zeros_like(prediction.free)
    )
    support = weights[:, :1] * valids[0] + weights[:, 1:2] * valids[1] + weights[:, 2:3] * hint.support
    return Mixture(colour, support, weights)


def _plane_candidate(
    logits: Tensor,
    picture: Tensor,
    sight: Sight,
    depths: Tensor,
    swept: tuple[Tensor, Tensor] | None,
) -> tuple[Tensor, Tensor]:
    """The mean colour over the planes that the source sees, and how probable it is that it sees the point."""
    shares = logits.softmax(1)
    if swept is None:
        total = logits.new_zeros(len(logits), 3, *logits.shape[-2:])
        seen = torch.zeros_like(logits[:, :1])
        for number in range(logits.shape[1]):  # one at a time: at full resolution all would fill the memory
            plane = sight.at(depths[:, number : number + 1])
            visible = shares[:, number : number + 1] * plane.valid
            total = torch.addcmul(total, visible, sample(picture, plane.places)[:, 0])
            seen = seen + visible
    else:
        total = (shares[:, :, None] * swept[0]).sum(1)
        seen = (shares * swept[1]).sum(1, keepdim=True)
    return total / seen.clamp_min(_LEAST_VALID), seen
