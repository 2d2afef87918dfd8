"""What the small network of ZeroNVS is made of."""

from __future__ import annotations

from dataclasses import dataclass

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.network_settings import NetworkSettings
from anyview_ros.methods.setting_checks import check_least
from anyview_ros.methods.zeronvs.conditioning import check_mode


@dataclass(frozen=True)
class ZeroConfig(NetworkSettings):
    """Sizes of :class:`~anyview_ros.methods.zeronvs.network.ZeroNetwork`, and what it is told.

    Attributes:
        side: pictures are square, so many pixels wide; a multiple of ``patch``.
        patch: edge length of a token, pixels.
        width: channels of a token; a multiple of 12 per head.
        layers: blocks that take noise away.
        source_layers: blocks that read the source picture.
        heads: attention heads.
        condition_width: length of the vector of noise level, picture and pose that steers the blocks.
        mlp_ratio: hidden channels of a block's perceptron per channel.
        refine: channels of the convolutions that take the seams between tokens away; 0: none.
        rays: tell each token its rays, worked out from the 19 numbers; not in mode "3dof", where they do not tell them.
        mode: what the 19 numbers are, one of :data:`~anyview_ros.methods.zeronvs.conditioning.MODES`.

    Raises:
        InvalidInputError: sizes that do not fit each other, or an unknown mode.
    """

    side: int = 64
    patch: int = 8
    width: int = 240
    layers: int = 6
    source_layers: int = 2
    heads: int = 5
    condition_width: int = 96
    mlp_ratio: int = 3
    refine: int = 24
    rays: bool = True
    mode: str = "viewer"

    def __post_init__(self) -> None:
        check_least(self, 1, "side", "patch", "width", "layers", "heads", "condition_width", "mlp_ratio")
        check_least(self, 0, "source_layers", "refine")
        if self.side % self.patch:
            raise InvalidInputError(f"side is {self.side}; give a multiple of patch, {self.patch}")
        if self.width % (12 * self.heads):
            raise InvalidInputError(
                f"width is {self.width} with {self.heads} heads; give a multiple of {12 * self.heads}"
            )
        if self.condition_width % 2:
            raise InvalidInputError(f"condition_width is {self.condition_width}; give an even number")
        check_mode(self.mode)
        if self.rays and self.mode == "3dof":
            raise InvalidInputError("rays is set but mode '3dof' does not tell them; set rays to false")
