"""Settings of the video denoiser."""

from __future__ import annotations

from dataclasses import dataclass

from anyview_ros.errors import InvalidInputError
from anyview_ros.methods.network_settings import NetworkSettings


@dataclass(frozen=True)
class VideoConfig(NetworkSettings):
    """Size of the video denoiser.

    Attributes:
        frames: pictures of a pass, the two keyframes among them.
        picture_width, picture_height: pixels of its pictures, multiples of ``patch``.
        patch: edge of the squares that are a token each, pixels.
        width: channels of a token, a multiple of ``heads``.
        heads: of attention.
        blocks: of the transformer.

    Raises:
        InvalidInputError: numbers that do not fit each other.
    """

    frames: int = 8
    picture_width: int = 48
    picture_height: int = 32
    patch: int = 8
    width: int = 192
    heads: int = 6
    blocks: int = 4

    def __post_init__(self) -> None:
        if self.frames < 2:
            raise InvalidInputError(f"frames is {self.frames}; a pass has two keyframes, give 2 or more")
        for name in ("picture_width", "picture_height"):
            size = getattr(self, name)
            if self.patch < 1 or size < self.patch or size % self.patch:
                raise InvalidInputError(f"{name} is {size}; give a multiple of patch, {self.patch}")
        if self.heads < 1 or self.width % self.heads or self.width // self.heads % 2 or self.blocks < 1:
            raise InvalidInputError(
                f"width is {self.width}, heads {self.heads} and blocks {self.blocks}; give a width that is an even "
                "multiple of the heads, and a block or more"
            )

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the pictures, pixels."""
        return self.picture_width, self.picture_height
