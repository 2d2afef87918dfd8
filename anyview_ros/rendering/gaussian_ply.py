"""Gaussians in PLY files, with the fields that viewers of 3-D Gaussian splatting know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import ReadError
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


def read_gaussian_ply(path: Path) -> dict[str, NDArray[np.float32]]:
    """The columns of a file of :func:`write_gaussian_ply` by name, each (N,).

    Raises:
        ReadError: no such file, or of another layout.
    """
    try:
        header, _, body = path.read_bytes().partition(b"end_header\n")
    except OSError as error:
        raise ReadError(f"{path} cannot be read ({error}); give a PLY file of Gaussians") from error
    lines = header.decode("ascii", "replace").splitlines()
    names = [line.split()[-1] for line in lines if line.startswith("property float ")]
    if lines[:2] != ["ply", "format binary_little_endian 1.0"] or len(body) % (4 * max(len(names), 1)):
        raise ReadError(f"{path} is no binary PLY file of floats, or cut short; write it again")
    values = np.frombuffer(body, "<f4").reshape(-1, max(len(names), 1))
    return {name: values[:, column].copy() for column, name in enumerate(names)}
