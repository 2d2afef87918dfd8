"""A scene: bodies, lights and textures, at one instant or at several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.scenes.material import Light, Material, Rgb
from anyview_ros.scenes.shapes import Shape
from anyview_ros.scenes.textures import TextureSet

WORLD = "world"
"""The frame that everything else hangs from: x and y along the floor, z up."""


@dataclass(frozen=True, eq=False)
class Body:
    """A primitive that is fixed in a frame.

    Attributes:
        shape: what it is.
        material: how it looks.
        pose: (4, 4) from the shape's axes to ``frame``, metres.
        frame: the frame that carries it.
        instance: name of the thing it belongs to; bodies of one name share one instance id.
        casts_shadow: whether lamps see it; rooms' walls do not need to.
    """

    shape: Shape
    material: Material
    pose: NDArray[np.float64]
    frame: str = WORLD
    instance: str = "background"
    casts_shadow: bool = True


@dataclass(frozen=True, eq=False)
class Scene:
    """Bodies where they are at each of B instants.

    Attributes:
        bodies: N bodies, ordered by the kind of their shape.
        poses: float64 (B, N, 4, 4), from each body's axes to the world, metres.
        lights: lamps, standing still.
        ambient: linear RGB of the light that comes from everywhere.
        background: sRGB of what no body covers.
        textures: images that the bodies' materials name.
        instances: names by instance id; id 0 is nothing.

    Raises:
        InvalidInputError: poses that do not fit the bodies, or bodies out of order.
    """

    bodies: tuple[Body, ...]
    poses: NDArray[np.float64]
    lights: tuple[Light, ...]
    ambient: Rgb
    background: Rgb
    textures: TextureSet
    instances: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.poses.ndim != 4 or self.poses.shape[1:] != (len(self.bodies), 4, 4) or not len(self.poses):
            raise InvalidInputError(
                f"poses must be (B, {len(self.bodies)}, 4, 4), one per instant and body, got {self.poses.shape}"
            )
        kinds = [body.shape.kind for body in self.bodies]
        if kinds != sorted(kinds):
            raise InvalidInputError("bodies must be ordered by shape kind; make the scene with scene_of()")

    def __len__(self) -> int:
        return len(self.poses)


def in_order(bodies: Sequence[Body]) -> tuple[Body, ...]:
    """Return ``bodies`` ordered by shape kind, otherwise as they came."""
    return tuple(sorted(bodies, key=lambda body: body.shape.kind))


def instance_names(bodies: Sequence[Body]) -> tuple[str, ...]:
    """Return the names by instance id: "nothing", then each body's instance in order of first appearance."""
    return ("nothing", *dict.fromkeys(body.instance for body in bodies))


def scene_of(
    bodies: Sequence[Body],
    *,
    textures: TextureSet,
    lights: Sequence[Light] = (Light((1.0, -1.5, 3.0)),),
    ambient: Rgb = (0.35, 0.35, 0.38),
    background: Rgb = (0.0, 0.0, 0.0),
) -> Scene:
    """Return a scene of one instant of bodies that all stand in the world frame.

    Raises:
        InvalidInputError: a body in another frame; those need a ``World``, which knows where its frames are.
    """
    for body in bodies:
        if body.frame != WORLD:
            raise InvalidInputError(
                f"a body hangs in frame {body.frame!r}; build a World and ask it at(time_s)"
            )
    ordered = in_order(bodies)
    poses = np.stack([body.pose for body in ordered])[None] if ordered else np.zeros((1, 0, 4, 4))
    return Scene(ordered, poses, tuple(lights), ambient, background, textures, instance_names(bodies))
