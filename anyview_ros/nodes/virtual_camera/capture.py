"""One view from any pose, now: what planners ask for. Nothing here waits or knows ROS messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip, SlidingWindow
from anyview_ros.errors import ClipNotReadyError, InvalidRequestError
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.geometry.letterbox import Letterbox
from anyview_ros.nodes.virtual_camera.fitting import target_fit
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.request import SynthesisRequest


@dataclass(frozen=True, eq=False)
class Shot:
    """A request for one view and what is needed to publish the answer.

    Attributes:
        request: for the engine.
        fit: how the picture wanted is cut out of the one asked for.
        stamp_ns: the instant shown.
        camera_to_world: (4, 4), metres, in the fixed frame.
    """

    request: SynthesisRequest
    fit: Letterbox
    stamp_ns: int
    camera_to_world: NDArray[np.float64]


def take_clip(
    window: SlidingWindow, method: MethodDescription, *, max_age_s: float, now_ns: int, max_bytes: int = 0
) -> PosedClip:
    """The newest clip of the window that the method can use: as long as window, method and engine let it be.

    Args:
        window: where clips are read.
        method: whose clip length is looked at.
        max_age_s: how old the newest frame may be; 0: any age.
        now_ns: the time now, on the clock of the stamps.
        max_bytes: most that the clip's pictures may weigh; 0: no limit.

    Raises:
        ClipNotReadyError: too few frames, or too old ones.
        InvalidRequestError: the window can never hold what the method needs, or it would be too heavy.
    """
    fewest, most = method.clip_frames
    longest = window.length_frames
    if fewest > longest:
        raise InvalidRequestError(
            f"method '{method.name}' needs {fewest} frames but the window holds {longest}; raise window.length_s "
            "or window.rate_hz"
        )
    fitting = _fitting(window, max_bytes) if max_bytes else longest
    if fitting < fewest:
        raise InvalidRequestError(
            f"method '{method.name}' needs {fewest} frames but the server takes {max_bytes} bytes at once, which are "
            f"{fitting}; raise the server's max_request_bytes, or lower max_source_size"
        )
    best = method.usable_frames(min(most, longest, fitting))
    count = fewest if window.problem(frames=best) else best
    if max_age_s > 0:
        return window.latest_within(max_age_s, now_ns, frames=count)
    return window.latest(frames=count)


def _fitting(window: SlidingWindow, max_bytes: int) -> int:
    """How many frames as heavy as the newest weigh no more than ``max_bytes``; without a frame, all."""
    try:
        newest = window.latest(frames=1)
    except ClipNotReadyError:
        return window.capacity
    return max_bytes // (newest.frames.nbytes + (0 if newest.depth is None else newest.depth.nbytes))


def make_shot(
    clip: PosedClip,
    method: MethodDescription,
    camera: PinholeCamera,
    camera_to_world: NDArray[np.float64],
    *,
    steps: int | None,
    seed: int,
    options: Mapping[str, Any] | None,
) -> Shot:
    """The request for the clip's last instant seen from ``camera_to_world``."""
    fit = target_fit(camera, method.sizes)
    stamps_ns = clip.stamps_ns[-1:]
    target = CameraTrajectory(fit.camera, camera_to_world[None], stamps_ns)
    request = SynthesisRequest(sources=(clip,), targets=(target,), steps=steps, seed=seed, options=options)
    return Shot(request, fit, int(stamps_ns[0]), camera_to_world)
