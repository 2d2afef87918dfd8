"""Settings of the panorama denoiser."""

from __future__ import annotations

from dataclasses import dataclass

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.network_settings import NetworkSettings


@dataclass(frozen=True)
class PanoramaConfig(NetworkSettings):
    """Size of the panorama denoiser. The paper's DiT-XL/2 is height 32, patch 2, width 1152, heads 16, blocks 28.

    Attributes:
        height: rows of the panorama that it draws; twice as many columns.
        patch: edge of the squares that are a token each, pixels.
        width: channels of a token, a multiple of 4 per head.
        heads: of attention.
        blocks: of the transformer.
        condition_width: length of the embedding of the noise level, even.
        circular: tell places by longitudes that close after a full turn, so that the seam is a column like any other;
            otherwise, as in the paper, by absolute places, which only the rolled pictures and the seam loss close.
        refine_width: channels of the convolutions that join patches' pixels to each other and to what came in, across
            the seam too; 0, as in the paper, for none.
        source_width, source_height: pixels to which the source picture is brought for its encoder, multiples of
            ``source_patch``.
        source_patch: edge of the encoder's squares, pixels.

    Raises:
        InvalidInputError: numbers that do not fit each other.
    """

    height: int = 32
    patch: int = 4
    width: int = 160
    heads: int = 5
    blocks: int = 6
    condition_width: int = 96
    circular: bool = True
    refine_width: int = 24
    source_width: int = 64
    source_height: int = 48
    source_patch: int = 16

    def __post_init__(self) -> None:
        for name, patch in (
            ("height", self.patch),
            ("source_width", self.source_patch),
            ("source_height", self.source_patch),
        ):
            size = getattr(self, name)
            if patch < 1 or size < patch or size % patch:
                raise InvalidInputError(f"{name} is {size}; give a multiple of its patch, {patch}")
        if self.heads < 1 or self.blocks < 1 or self.width < 1 or self.width % (4 * self.heads):
            raise InvalidInputError(
                f"width is {self.width}, heads {self.heads} and blocks {self.blocks}; give a width that is a multiple "
                "of 4 per head, and a block or more"
            )
        if self.refine_width < 0:
            raise InvalidInputError(f"refine_width is {self.refine_width}; give 0 for none, or more")
        if self.condition_width < 2 or self.condition_width % 2:
            raise InvalidInputError(f"condition_width is {self.condition_width}; give an even number")

    @property
    def grid(self) -> tuple[int, int]:
        """Tokens down and across."""
        return self.height // self.patch, 2 * self.height // self.patch
