"""Gaussians in PLY files, with the fields that viewers of 3-D Gaussian splatting know."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anyview_ros.rendering.gaussians import Gaussians
from anyview_ros.rendering.ply import write_vertices
from anyview_ros.rendering.se3 import quaternion_from_rotation

_DC = 0.28209479177387814  # the constant spherical harmonic
_FIELDS = (
    *("x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", "opacity"),
    *("scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"),
)


def write_gaussian_ply(path: Path, gaussians: Gaussians, stamp_ns: int) -> None:
    """Write Gaussians to a binary PLY file of the layout of Kerbl et al. (2023), without higher harmonics.

    Places and sizes are in metres, in the world's axes; ``scale_*`` are logarithms, ``opacity`` is a logit, ``rot_*``
    is a quaternion with w first, ``f_dc_*`` are colours as the constant spherical harmonic.

    Args:
        path: of the file; see ``write_vertices``.
        gaussians: features 0 to 2 are colour in [0, 1].
        stamp_ns: the instant that they show.
    """
    axes = gaussians.axes.detach().cpu().double()
    scales = axes.norm(dim=1).clamp(min=1e-9)
    rotations = axes / scales[:, None, :]
    rotations[rotations.det() < 0, :, 2] *= -1
    opacities = gaussians.opacities.detach().cpu().double().clamp(1e-6, 1 - 1e-6)
    columns = np.concatenate(
        [
            gaussians.means.detach().cpu().numpy(),
            np.zeros((len(gaussians), 3)),
            (gaussians.features[:, :3].detach().cpu().numpy() - 0.5) / _DC,
            opacities.logit().numpy()[:, None],
            scales.log().numpy(),
            quaternion_from_rotation(rotations).numpy(),
        ],
        axis=1,
    )
    layout = np.dtype([(name, "<f4") for name in _FIELDS])
    write_vertices(path, np.ascontiguousarray(columns, "<f4").view(layout)[:, 0], stamp_ns)
