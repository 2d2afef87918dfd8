"""How a surface looks, and what lights it."""

from __future__ import annotations

from dataclasses import dataclass

Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Material:
    """A surface: a texture that runs from one colour to another.

    Attributes:
        colour: sRGB in [0, 1] where the texture is white.
        ground: sRGB in [0, 1] where the texture is black. White ``colour`` and black ``ground`` show a
            photograph as it is.
        texture: name of an image of the scene's textures.
        tile_m: metres that one repetition of the texture covers.
        gloss: strength of the highlight, 0 (matt) to about 0.5.
        sharpness: exponent of the highlight; larger is smaller and harder.
    """

    colour: Rgb = (1.0, 1.0, 1.0)
    ground: Rgb = (0.0, 0.0, 0.0)
    texture: str = "plain"
    tile_m: float = 1.0
    gloss: float = 0.0
    sharpness: float = 40.0


@dataclass(frozen=True)
class Light:
    """A lamp that shines in all directions and throws shadows.

    Attributes:
        position: (x, y, z) in the world, metres.
        colour: linear RGB strength at ``reach_m``.
        reach_m: distance at which the lamp has its nominal strength; it falls off gently beyond.
        radius_m: the lamp's size; with supersampling, shadows soften accordingly.
    """

    position: tuple[float, float, float]
    colour: Rgb = (1.0, 1.0, 1.0)
    reach_m: float = 2.5
    radius_m: float = 0.0
