"""How much each of two keyframes counts for a picture between them (Algorithm 1 of arXiv 2509.00843).

The denoiser is run twice, forward from the first keyframe and in reverse from the last, and the noises that both see
are mixed: ``w · forward + (1 - w) · flip(reverse)``. The spatial weight w follows the cameras' poses; the temporal one,
its ablation, the number of the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidInputError, InvalidPoseError
from anyview_ros.geometry import check_rigid, relative
from anyview_ros.geometry.rigid import rotation_angle_deg

Array = NDArray[np.float64]

_SAME_PLACE_M, _SAME_ANGLE_RAD = 1e-6, 1e-6


@dataclass(frozen=True)
class Temperatures:
    """How fast a keyframe's weight falls with the camera's distance from it: to 1/e at each.

    Attributes:
        rotation_rad: tau_q, radians; infinite: turning does not matter.
        translation_m: tau_T, metres; infinite: moving does not matter.

    Raises:
        InvalidInputError: a temperature that is not positive.
    """

    rotation_rad: float = 1.0
    translation_m: float = 1.0

    def __post_init__(self) -> None:
        for name in ("rotation_rad", "translation_m"):
            if not getattr(self, name) > 0:
                raise InvalidInputError(f"{name} is {getattr(self, name)}; give a positive number")

    @classmethod
    def between(cls, first: ArrayLike, last: ArrayLike, share: float) -> Temperatures:
        """Temperatures that are a share of the angle and of the distance between two keyframes (4, 4).

        Of keyframes that only turn, moving does not matter, and the reverse. The weights are then the same at every
        scale of the world.
        """
        angle, distance = _distances(check_rigid(last, name="last")[None], check_rigid(first, name="first"))
        return cls(
            share * float(angle[0]) if angle[0] > _SAME_ANGLE_RAD else math.inf,
            share * float(distance[0]) if distance[0] > _SAME_PLACE_M else math.inf,
        )


def similarity(camera_to_world: ArrayLike, anchor: ArrayLike, temperatures: Temperatures) -> Array:
    """A keyframe's weight w_q · w_t before it is shared out, (N,): 1 at its own pose, falling to 0 with distance.

    Args:
        camera_to_world: (N, 4, 4), metres.
        anchor: (4, 4), the keyframe's.
        temperatures: tau_q and tau_T.
    """
    return np.exp(-_exponent(camera_to_world, anchor, temperatures))


def spatial_weights(
    camera_to_world: ArrayLike,
    first: ArrayLike,
    last: ArrayLike,
    temperatures: Temperatures,
    *,
    hold_anchors: bool = True,
) -> Array:
    """The first keyframe's weight at each pose, (N,) in [0, 1]; the last one has the rest.

    The paper's is w_first / (w_first + w_last) with w = exp(-angle / tau_q) · exp(-|t - t_k| / tau_T), t the camera's
    position. At its own pose a keyframe's weight is therefore 1 / (1 + exp(-D)), D the exponent of the way to the
    other: not quite 1. A picture taken from a keyframe's own pose is that keyframe, so ours holds the weight there at
    exactly 1 (between two keyframes of one pose it is half).

    Args:
        camera_to_world: (N, 4, 4), metres.
        first, last: (4, 4), the keyframes'.
        temperatures: tau_q and tau_T; as they grow, all weights but the held ones go to 1/2.
        hold_anchors: False gives the paper's weights as they are.
    """
    to_first = _exponent(camera_to_world, first, temperatures)
    to_last = _exponent(camera_to_world, last, temperatures)
    weights = 1 / (1 + np.exp(np.clip(to_first - to_last, -700, 700)))
    if hold_anchors:
        at_first, at_last = _at(camera_to_world, first), _at(camera_to_world, last)
        weights = np.where(at_first & ~at_last, 1.0, np.where(at_last & ~at_first, 0.0, weights))
    return np.asarray(weights, np.float64)


def temporal_weights(count: int) -> Array:
    """The ablation: weights (count,) that fall evenly from 1 at the first picture to 0 at the last.

    Raises:
        InvalidInputError: fewer than two pictures.
    """
    if count < 2:
        raise InvalidInputError(f"count is {count}; a pass has two keyframes, give 2 or more")
    return np.linspace(1.0, 0.0, count)


def guidance_scales(count: int, lowest: float, highest: float) -> Array:
    """Guidance of each picture, (count,): from ``lowest`` at the keyframe that it is drawn from to ``highest``."""
    return np.linspace(lowest, highest, count)


def _exponent(camera_to_world: ArrayLike, anchor: ArrayLike, temperatures: Temperatures) -> Array:
    angle, distance = _distances(_poses(camera_to_world), check_rigid(anchor, name="anchor"))
    return angle / temperatures.rotation_rad + distance / temperatures.translation_m


def _at(camera_to_world: ArrayLike, anchor: ArrayLike) -> NDArray[np.bool_]:
    angle, distance = _distances(_poses(camera_to_world), check_rigid(anchor, name="anchor"))
    return np.asarray((angle <= _SAME_ANGLE_RAD) & (distance <= _SAME_PLACE_M))


def _distances(poses: Array, anchor: Array) -> tuple[Array, Array]:
    """Angles (N,), radians, and distances (N,), metres, of cameras from one."""
    angle = np.radians(rotation_angle_deg(relative(anchor, poses)))
    return angle, np.linalg.norm(poses[:, :3, 3] - anchor[:3, 3], axis=-1)


def _poses(camera_to_world: ArrayLike) -> Array:
    poses = check_rigid(camera_to_world, name="camera_to_world")
    if poses.ndim != 3:
        raise InvalidPoseError(f"camera_to_world must be (N, 4, 4), got {poses.shape}")
    return poses
