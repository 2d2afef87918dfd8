"""What a small network is made of; the ablations are settings."""

from __future__ import annotations

from dataclasses import dataclass

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.network_settings import NetworkSettings
from anyview_ros.methods.setting_checks import check_least

PATCH = 8
"""Edge length of a token in network pixels: three strided convolutions of the stem."""


@dataclass(frozen=True)
class SmallConfig(NetworkSettings):
    """Sizes and parts of :class:`SmallNetwork`.

    Attributes:
        side: longer side of the pictures that the network works on at most, pixels; a multiple of 8.
        smallest_side: the same at least; smaller pictures are enlarged.
        width: channels of a token; a multiple of 16 per head.
        layers: transformer blocks.
        heads: attention heads.
        mlp_ratio: hidden channels of a block's perceptron per channel.
        stem: channels at half resolution; twice that at a quarter.
        planes: depth planes of the target that the source is swept over; 0: none.
        nearest_m, farthest_m: depth of the first and last plane; evenly spaced in the logarithm.
        continuous_warp: offer the source warped by the predicted depth as a candidate.
        depth_hint: offer the source's depth image, splatted and filled, as a candidate.
        memory_frames: instants that attention reaches back to, the present one included.
        flow: channels of the flow head at half the size, a multiple of 4; 0: none, so that there are no steps.

    With ``planes`` 0, ``continuous_warp`` and ``depth_hint`` off, rays alone are left (the LVSM-like ablation).

    Raises:
        InvalidInputError: sizes that do not fit each other.
    """

    side: int = 64
    smallest_side: int = 64
    width: int = 192
    layers: int = 5
    heads: int = 6
    mlp_ratio: int = 3
    stem: int = 40
    planes: int = 16
    nearest_m: float = 0.25
    farthest_m: float = 8.0
    continuous_warp: bool = True
    depth_hint: bool = True
    memory_frames: int = 2
    flow: int = 0

    def __post_init__(self) -> None:
        if self.side < 2 * PATCH or self.side % PATCH:
            raise InvalidInputError(
                f"side is {self.side}; give a multiple of {PATCH} of at least {2 * PATCH}"
            )
        if not 2 * PATCH <= self.smallest_side <= self.side or self.smallest_side % PATCH:
            raise InvalidInputError(
                f"smallest_side is {self.smallest_side}; give a multiple of {PATCH} from {2 * PATCH} to "
                f"side, {self.side}"
            )
        if self.heads < 1 or self.width % (16 * self.heads):
            raise InvalidInputError(
                f"width is {self.width} with {self.heads} heads; give a multiple of {16 * max(self.heads, 1)}"
            )
        check_least(self, 1, "layers", "mlp_ratio", "stem", "memory_frames")
        if self.planes == 1 or self.planes < 0:
            raise InvalidInputError(f"planes is {self.planes}; give 0 for none, or 2 or more")
        if self.flow < 0 or self.flow % 4:
            raise InvalidInputError(f"flow is {self.flow}; give 0 for none, or a multiple of 4")
        if not 0 < self.nearest_m < self.farthest_m:
            raise InvalidInputError(
                f"nearest_m is {self.nearest_m} and farthest_m {self.farthest_m}; give 0 < nearest_m < farthest_m"
            )
        if self.continuous_warp and not self.planes:
            raise InvalidInputError(
                "continuous_warp needs planes, which its depth starts from; set planes too"
            )
