"""The network: one encoding per source frame, one decoding per target frame, each aware of what came before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from anyview_ros.methods.anyview_small.attention import Block, KeysValues, rotary_table
from anyview_ros.methods.anyview_small.cameras import (
    OWN_RAY_CHANNELS,
    PAIR_CHANNELS,
    Cameras,
    own_rays,
    pair_rays,
)
from anyview_ros.methods.anyview_small.candidates import (
    FILL,
    GATES,
    PLANES,
    SHUT,
    SPLAT,
    WARP,
    DepthRange,
    Hint,
    Prediction,
    barred_planes,
    carried_depth,
    plane_depths,
    sweep,
    within_planes,
)
from anyview_ros.methods.anyview_small.config import PATCH, SmallConfig
from anyview_ros.methods.anyview_small.flow import FlowHead
from anyview_ros.methods.anyview_small.sight import Sight

_HINT_CHANNELS = 7
_SOURCE_DEPTH_CHANNELS = 2
SOURCE_DEPTH_CELLS = 2
"""The source's depth is predicted for so many by so many cells of each token."""
_START_FROM_SPLAT = 4.0
_FIRST_ERROR = 0.15


@dataclass(frozen=True, eq=False)
class FrameTokens:
    """What later frames may look at of one frame: its camera, and keys and values of each block."""

    camera: Cameras
    blocks: tuple[KeysValues, ...]

    def repeated(self, times: int) -> FrameTokens:
        """Those of each sample ``times`` times in a row."""
        return FrameTokens(self.camera.repeated(times), tuple(kv.repeated(times) for kv in self.blocks))


@dataclass(frozen=True, eq=False)
class EncodedSource:
    """One source frame.

    Attributes:
        picture: (B, 3, H, W) in [0, 1].
        tokens: what targets and later frames look at.
        planes: logits of its own depth, (B, D, H/4, W/4), or twice as fine with those of its parts; None for a network
            without planes.
    """

    picture: Tensor
    tokens: FrameTokens
    planes: Tensor | None

    def repeated(self, times: int) -> EncodedSource:
        """Each sample ``times`` times in a row."""
        planes = None if self.planes is None else self.planes.repeat_interleave(times, 0)
        return EncodedSource(self.picture.repeat_interleave(times, 0), self.tokens.repeated(times), planes)


@dataclass(frozen=True, eq=False)
class DecodedTarget:
    """One target frame.

    Attributes:
        prediction: what its picture is mixed by, at the network's size.
        tokens: what later targets look at.
        sight: of the source, at this size.
        swept: the plane sweep at this size; None without planes.
        features: (B, F, H, W), what the prediction was read from.
        grid: (B, C, H/8, W/8), the tokens as a picture.
    """

    prediction: Prediction
    tokens: FrameTokens
    sight: Sight
    swept: tuple[Tensor, Tensor] | None
    features: Tensor
    grid: Tensor


class Stem(nn.Module):
    """Three strided convolutions: pictures to tokens, with what lies between them for the decoder."""

    def __init__(self, channels: int, stem: int, width: int) -> None:
        """Read pictures of ``channels``."""
        super().__init__()
        self.first = nn.Conv2d(channels, stem, 3, 2, 1)
        self.second = nn.Conv2d(stem, 2 * stem, 3, 2, 1)
        self.third = nn.Conv2d(2 * stem, width, 3, 2, 1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return features at a half, a quarter and an eighth of the size."""
        half = functional.silu(self.first(pictures))
        quarter = functional.silu(self.second(half))
        return half, quarter, self.third(quarter)


def decoder_features(config: SmallConfig) -> int:
    """Channels of the decoder at full size."""
    return max(config.stem // 2, 8)


class Decoder(nn.Module):
    """Tokens back to pixels, by convolutions that see the stem's features and the hint again."""

    def __init__(self, config: SmallConfig) -> None:
        """Make the decoder."""
        super().__init__()
        stem, fine = config.stem, decoder_features(config)
        self.to_quarter = nn.Conv2d(config.width + 2 * stem, 2 * stem, 3, 1, 1)
        self.to_half = nn.Conv2d(3 * stem, stem, 3, 1, 1)
        self.to_full = nn.Conv2d(stem, 4 * fine, 3, 1, 1)
        self.to_pixels = nn.Conv2d(fine + _HINT_CHANNELS, config.planes + GATES + 5, 3, 1, 1)
        nn.init.normal_(self.to_pixels.weight, std=1e-3)
        start = torch.zeros(config.planes + GATES + 5)
        start[config.planes + SPLAT] = _START_FROM_SPLAT
        start[-1] = math.log(_FIRST_ERROR)
        self.to_pixels.bias = nn.Parameter(start)

    def forward(self, tokens: Tensor, quarter: Tensor, half: Tensor, hint: Tensor) -> tuple[Tensor, Tensor]:
        """Return raw outputs at full size, and the features that they were read from."""
        coarse = functional.interpolate(tokens, scale_factor=2.0, mode="nearest")
        coarse = functional.silu(self.to_quarter(torch.cat([coarse, quarter], 1)))
        middle = functional.interpolate(coarse, scale_factor=2.0, mode="nearest")
        middle = functional.silu(self.to_half(torch.cat([middle, half], 1)))
        fine = functional.pixel_shuffle(functional.silu(self.to_full(middle)), 2)
        out: Tensor = self.to_pixels(torch.cat([fine, hint], 1))
        return out, fine


class SmallNetwork(nn.Module):
    """See the package's documentation for the design. All pictures have sides that are multiples of 8."""

    def __init__(self, config: SmallConfig) -> None:
        """Make a network with random weights."""
        super().__init__()
        self.config = config
        self.source_stem = Stem(3 + OWN_RAY_CHANNELS + _SOURCE_DEPTH_CHANNELS, config.stem, config.width)
        self.target_stem = Stem(
            OWN_RAY_CHANNELS + PAIR_CHANNELS + 5 * config.planes + _HINT_CHANNELS, config.stem, config.width
        )
        self.roles = nn.Parameter(torch.randn(2, config.width) * 0.02)
        self.blocks = nn.ModuleList(
            Block(config.width, config.heads, config.mlp_ratio) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(config.width)
        self.decoder = Decoder(config)
        if config.planes:
            self.source_depth = nn.Linear(config.width, config.planes * SOURCE_DEPTH_CELLS**2)
            self.source_detail = nn.Conv2d(2 * config.stem, config.planes, 3, 1, 1)
            self.carry = nn.Parameter(torch.ones(1))
            nn.init.zeros_(self.source_detail.weight)
        self.flow = FlowHead(config.flow, decoder_features(config), config.width) if config.flow else None

    def depths(self, device: torch.device) -> Tensor | None:
        """Depths (1, D, 1, 1) of the planes, metres; None if there are none."""
        config = self.config
        if not config.planes:
            return None
        return plane_depths(config.planes, config.nearest_m, config.farthest_m, device)

    def encode(
        self, picture: Tensor, depth: Tensor, camera: Cameras, past: Sequence[FrameTokens]
    ) -> EncodedSource:
        """Encode one source frame.

        Args:
            picture: (B, 3, H, W) in [0, 1].
            depth: (B, 1, H, W), metres; 0 where unknown.
            camera: of that frame.
            past: earlier source frames, at most ``memory_frames`` - 1.
        """
        height, width = picture.shape[-2:]
        known = (depth > 0) & self.config.depth_hint
        log_depth = torch.where(known, depth.clamp_min(1e-3).log(), 0.0)
        rays = own_rays(camera, height, width)
        _, quarter, grid = self.source_stem(
            torch.cat([picture - 0.5, rays, log_depth, known.to(picture.dtype)], 1)
        )
        tokens = grid.flatten(2).transpose(1, 2) + self.roles[0]
        tokens, blocks = self._attend(tokens, camera, camera, (height, width), past)
        logits = None
        if self.config.planes:
            cells = self.source_depth(self.norm(tokens)).transpose(1, 2)
            cells = cells.reshape(len(cells), -1, height // PATCH, width // PATCH)
            logits = functional.pixel_shuffle(cells, SOURCE_DEPTH_CELLS) + self.source_detail(quarter)
        return EncodedSource(picture, FrameTokens(camera, blocks), logits)

    def decode(
        self,
        target: Cameras,
        source: EncodedSource,
        hint: Hint,
        past_sources: Sequence[FrameTokens],
        past_targets: Sequence[FrameTokens],
        size: tuple[int, int],
        depth_range: DepthRange | None = None,
    ) -> DecodedTarget:
        """Decode one target frame of the source frame's instant.

        Args:
            target: its camera.
            source: the source frame.
            hint: the source's depth as the target sees it, at ``size``.
            past_sources, past_targets: earlier frames, at most ``memory_frames`` - 1 of each.
            size: (height, width) of the prediction.
            depth_range: nearest and farthest depth of what the source shows, metres, where that is known.
        """
        height, width = size
        camera = source.tokens.camera
        depths = self.depths(source.picture.device)
        told = self._hint_channels(hint)
        parts = [own_rays(target, height, width), pair_rays(target, camera, height, width), told]
        sight = Sight.between(target, camera, size)
        swept = carried = barred = None
        if depths is not None and source.planes is not None:
            seen = sight.at(depths)
            swept = sweep(source.picture, seen)
            carried = carried_depth(source.planes, seen, depths)
            if depth_range is not None:
                barred = barred_planes(depth_range, seen, depths)
            parts += [(swept[0] - 0.5 * swept[1][:, :, None]).flatten(1, 2), swept[1], carried]
        half, quarter, grid = self.target_stem(torch.cat(parts, 1))
        tokens = grid.flatten(2).transpose(1, 2) + self.roles[1]
        others = [*past_sources, source.tokens, *past_targets]
        tokens, blocks = self._attend(tokens, target, camera, size, others)
        grid = grid + self.norm(tokens).transpose(1, 2).reshape(grid.shape)
        raw, features = self.decoder(grid, quarter, half, told)
        prediction = self._prediction(raw.float(), source.picture, depths, carried, barred)
        return DecodedTarget(prediction, FrameTokens(target, blocks), sight, swept, features, grid)

    def _attend(
        self,
        tokens: Tensor,
        camera: Cameras,
        gauge: Cameras,
        size: tuple[int, int],
        others: Sequence[FrameTokens],
    ) -> tuple[Tensor, tuple[KeysValues, ...]]:
        projection, inverse = camera.projections(gauge)
        inverses = [other.camera.projections(gauge)[1] for other in others]
        channels = self.config.width // self.config.heads // 2
        table = rotary_table(size[0] // PATCH, size[1] // PATCH, channels, tokens.device)
        kept = []
        for index, block in enumerate(self.blocks):
            seen = [(other.blocks[index], inv) for other, inv in zip(others, inverses, strict=True)]
            tokens, own = block(tokens, projection, inverse, table, seen)
            kept.append(own)
        return tokens, tuple(kept)

    def _hint_channels(self, hint: Hint) -> Tensor:
        present = hint.present.expand_as(hint.depth) * float(self.config.depth_hint)
        covered = (hint.depth > 0).to(hint.depth.dtype) * present
        log_depth = torch.where(covered > 0, hint.depth.clamp_min(1e-3).log(), 0.0)
        return torch.cat(
            [(hint.colour - 0.5) * present, covered, log_depth, hint.support * present, present], 1
        )

    def _prediction(
        self,
        raw: Tensor,
        picture: Tensor,
        depths: Tensor | None,
        carried: Tensor | None,
        barred: Tensor | None,
    ) -> Prediction:
        config = self.config
        planes, gates, delta, free, log_error = torch.split(raw, [config.planes, GATES, 1, 3, 1], 1)
        if carried is not None:
            planes = planes + self.carry * carried
        if barred is not None:
            planes = torch.where(barred, SHUT, planes)
        if depths is None:
            log_depth = delta
        else:
            low, high = math.log(config.nearest_m / 2), math.log(config.farthest_m * 2)
            log_depth = ((planes.softmax(1) * depths.log()).sum(1, keepdim=True) + delta).clamp(low, high)
            if barred is not None:
                log_depth = within_planes(log_depth, barred, depths)
        shut = torch.zeros(GATES, device=raw.device)
        if depths is None:
            shut[PLANES] = shut[FILL] = -torch.inf
        if not config.continuous_warp:
            shut[WARP] = -torch.inf
        if not config.depth_hint:
            shut[SPLAT] = -torch.inf
        gates = gates + shut.nan_to_num(neginf=-1e4)[None, :, None, None]
        mean = picture.mean((2, 3), keepdim=True)
        return Prediction(planes, log_depth, gates, mean + free, log_error)
