"""The primitives that scenes are made of. Each is centred on its own frame, with its axis along its own z."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum

from anyview_ros.errors import InvalidInputError


class ShapeKind(IntEnum):
    """What a primitive is; the numbers only order primitives inside a scene."""

    SPHERE = 0
    CAPSULE = 1
    CYLINDER = 2
    BOX = 3
    PLANE = 4


@dataclass(frozen=True)
class Shape:
    """A primitive in its own frame, metres.

    Attributes:
        kind: what it is.
        size: sphere (radius, 0, 0); capsule and cylinder (radius, half length along z, 0), where the capsule's
            length excludes its round ends; box (half x, half y, half z); plane (inf, inf, 0), spanning x and y.

    Raises:
        InvalidInputError: an extent that is not positive, or not finite where it must be.
    """

    kind: ShapeKind
    size: tuple[float, float, float]

    def __post_init__(self) -> None:
        used = {
            ShapeKind.SPHERE: self.size[:1],
            ShapeKind.CAPSULE: self.size[:2],
            ShapeKind.CYLINDER: self.size[:2],
            ShapeKind.BOX: self.size,
            ShapeKind.PLANE: (),
        }[self.kind]
        if any(not math.isfinite(extent) or extent <= 0 for extent in used):
            raise InvalidInputError(
                f"{self.kind.name.lower()} has size {self.size}; its extents must be positive and finite, in metres"
            )

    @property
    def bounding_radius(self) -> float:
        """Radius of the sphere around the origin that holds the shape, metres; inf for a plane."""
        radius, half_length = self.size[0], self.size[1]
        match self.kind:
            case ShapeKind.SPHERE:
                return radius
            case ShapeKind.CAPSULE:
                return radius + half_length
            case ShapeKind.CYLINDER:
                return math.hypot(radius, half_length)
            case _:
                return math.hypot(*self.size)


def sphere(radius: float) -> Shape:
    """Return a ball of ``radius`` metres."""
    return Shape(ShapeKind.SPHERE, (radius, 0.0, 0.0))


def capsule(radius: float, length: float) -> Shape:
    """Return a rod along z with round ends; ``length`` is the distance between the ends' centres, metres."""
    return Shape(ShapeKind.CAPSULE, (radius, length / 2, 0.0))


def cylinder(radius: float, length: float) -> Shape:
    """Return a closed cylinder along z, metres."""
    return Shape(ShapeKind.CYLINDER, (radius, length / 2, 0.0))


def box(x: float, y: float, z: float) -> Shape:
    """Return a box with whole edge lengths ``x``, ``y``, ``z``, metres."""
    return Shape(ShapeKind.BOX, (x / 2, y / 2, z / 2))


def plane() -> Shape:
    """Return the infinite plane z = 0, seen from both sides."""
    return Shape(ShapeKind.PLANE, (math.inf, math.inf, 0.0))
