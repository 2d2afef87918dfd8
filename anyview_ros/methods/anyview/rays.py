"""Where the cameras are, told to the network as two videos of Plücker coordinates."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.typing import NDArray

from anyview_ros.geometry import PinholeCamera, plucker_rays, relative

Poses = NDArray[np.float64]


def in_target_gauge(target_to_world: Poses, poses: Poses) -> Poses:
    """Poses (T, 4, 4) in the axes of the target camera at its first frame.

    The conditioning depends on the choice of world frame, so the model was always given this one.
    """
    return relative(target_to_world[:1], poses)


def plucker_videos(camera: PinholeCamera, camera_to_world: Poses, scale: float) -> torch.Tensor:
    """The unit direction r and the moment (o x r) * scale of the ray through every pixel (integer grid).

    Args:
        camera: intrinsics at the network's size.
        camera_to_world: (T, 4, 4), metres, in the target's gauge.
        scale: units of moment per metre.

    Returns:
        bfloat16 (2, 3, T, H, W): the directions, then the moments, clamped to [-1, 1].

    Warns:
        RuntimeWarning: moments beyond 1 are clamped; the message tells the distance.
    """
    rays = plucker_rays(camera, camera_to_world, moment_scale=scale)
    moments = np.abs(rays[..., 3:])
    largest = float(moments.max())
    if largest > 1:
        warnings.warn(
            f"rays pass up to {largest / scale:.1f} m from the target camera's first position along one axis, but "
            f"scale {scale:g} tells the network no more than {1 / scale:g} m: "
            f"{100 * float((moments > 1).mean()):.0f} % of the moments are clamped; give a smaller scale, or "
            "bring the cameras closer together",
            RuntimeWarning,
            stacklevel=2,
        )
    video = torch.from_numpy(rays).to(torch.bfloat16).clamp(-1, 1)  # (T, H, W, 6)
    return video.view(*video.shape[:3], 2, 3).permute(3, 4, 0, 1, 2).contiguous()
