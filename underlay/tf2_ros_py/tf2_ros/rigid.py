"""Rigid transforms on plain tuples: quaternions are xyzw, vectors are metres.

The buffer composes a handful of links per lookup, too few for arrays to pay.
"""

from __future__ import annotations

import math
from typing import NamedTuple

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]


def multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    """Return the rotation that turns by b first, then by a."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def rotate(q: Quaternion, v: Vector) -> Vector:
    """Turn v by the unit quaternion q."""
    x, y, z, w = q
    vx, vy, vz = v
    tx, ty, tz = 2.0 * (y * vz - z * vy), 2.0 * (z * vx - x * vz), 2.0 * (x * vy - y * vx)
    return (
        vx + w * tx + y * tz - z * ty,
        vy + w * ty + z * tx - x * tz,
        vz + w * tz + x * ty - y * tx,
    )


def normalised(q: Quaternion) -> Quaternion:
    """Scale q to length one."""
    x, y, z, w = q
    length = math.sqrt(x * x + y * y + z * z + w * w)
    return (x / length, y / length, z / length, w / length)


def slerp(a: Quaternion, b: Quaternion, ratio: float) -> Quaternion:
    """Interpolate on the great arc between unit quaternions, the short way round."""
    dot = sum(p * q for p, q in zip(a, b, strict=True))
    sign = 1.0
    if dot < 0.0:
        dot, sign = -dot, -1.0
    angle = math.acos(min(dot, 1.0))
    sine = math.sin(angle)
    if sine < 1e-9:
        weight_a, weight_b = 1.0 - ratio, sign * ratio
    else:
        weight_a, weight_b = math.sin((1.0 - ratio) * angle) / sine, sign * math.sin(ratio * angle) / sine
    return normalised(
        (
            weight_a * a[0] + weight_b * b[0],
            weight_a * a[1] + weight_b * b[1],
            weight_a * a[2] + weight_b * b[2],
            weight_a * a[3] + weight_b * b[3],
        )
    )


def canonical(q: Quaternion) -> Quaternion:
    """Choose between q and -q as TF does.

    w is positive while the angle is under 120 degrees; beyond, the longest axis component is.
    """
    x, y, z, w = q
    leading = w if 4.0 * w * w > 1.0 else max((x, y, z), key=abs)
    return (-x, -y, -z, -w) if leading < 0.0 else q


class Rigid(NamedTuple):
    """A rigid transform: rotate, then translate."""

    rotation: Quaternion
    translation: Vector

    def compose(self, inner: Rigid) -> Rigid:
        """Return the transform that applies inner first, then self."""
        x, y, z = rotate(self.rotation, inner.translation)
        tx, ty, tz = self.translation
        return Rigid(multiply(self.rotation, inner.rotation), (x + tx, y + ty, z + tz))

    def inverse(self) -> Rigid:
        """Return the transform that undoes this one."""
        x, y, z, w = self.rotation
        turned = rotate((-x, -y, -z, w), self.translation)
        return Rigid((-x, -y, -z, w), (-turned[0], -turned[1], -turned[2]))

    def interpolate(self, later: Rigid, ratio: float) -> Rigid:
        """Move from self (ratio 0) to later (ratio 1): a straight line and a great arc."""
        x, y, z = (a + ratio * (b - a) for a, b in zip(self.translation, later.translation, strict=True))
        return Rigid(slerp(self.rotation, later.rotation, ratio), (x, y, z))


IDENTITY = Rigid((0.0, 0.0, 0.0, 1.0), (0.0, 0.0, 0.0))
