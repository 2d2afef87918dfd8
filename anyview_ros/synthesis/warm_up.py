"""The smallest request a method can be asked, so that the first real one finds it warm."""

from __future__ import annotations

import numpy as np

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.request import SynthesisRequest

_SIZE = (64, 48)
_FRAME_NS = 100_000_000


def warm_up_request(description: MethodDescription) -> SynthesisRequest:
    """Fewest sources, fewest frames, the first size the method lists (64x48 if any will do), one view, one step.

    It carries depth if the method uses any.
    """
    width, height = description.sizes[0] if description.sizes else _SIZE
    camera = PinholeCamera.from_fov(width, height, horizontal_fov_deg=60.0)
    count = description.clip_frames[0]
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, 0, 3] = 0.01 * np.arange(count)
    uses_depth = description.needs_depth or description.uses_depth
    stamps_ns = _FRAME_NS * np.arange(1, count + 1, dtype=np.int64)
    source = PosedClip(
        frames=np.full((count, height, width, 3), 127, np.uint8),
        camera=camera,
        camera_to_world=poses,
        stamps_ns=stamps_ns,
        depth=np.ones((count, height, width), np.float32) if uses_depth else None,
    )
    return SynthesisRequest(
        sources=(source,) * description.source_count[0],
        targets=(CameraTrajectory(camera, poses[-1:], stamps_ns[-1:]),),
        steps=1 if description.default_steps > 0 else None,
        options=description.warm_up_options,
    )
