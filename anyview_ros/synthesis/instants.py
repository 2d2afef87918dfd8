"""Which instants the poses of a target show, and which frames of the source were taken then."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import CameraTrajectory
from anyview_ros.synthesis.request import SynthesisRequest


def request_instants(request: SynthesisRequest) -> list[NDArray[np.int64]]:
    """For each target of a request, the instants (N,) that its poses show; see :func:`target_instants`.

    Raises:
        InvalidRequestError: a target without stamps that has not one pose per source frame.
    """
    source = request.sources[0]
    return [target_instants(target, source, index) for index, target in enumerate(request.targets)]


def target_instants(target: CameraTrajectory, source: PosedClip, index: int) -> NDArray[np.int64]:
    """The instants (N,) that a target's poses show: its own stamps, or else those of the first source's
    frames.

    Raises:
        InvalidRequestError: a target without stamps that has not one pose per source frame.
    """
    if target.stamps_ns is not None:
        return target.stamps_ns
    if len(target) != len(source):
        raise InvalidRequestError(
            f"targets[{index}] has {len(target)} poses and no stamps_ns, but the source has {len(source)} "
            "frames; give one pose per frame, or CameraTrajectory(stamps_ns=...)"
        )
    return source.stamps_ns


def nearest_frame(stamps_ns: NDArray[np.int64], stamp_ns: int) -> int:
    """Index of the stamp nearest to ``stamp_ns``; of two equally near, the earlier."""
    after = int(np.searchsorted(stamps_ns, stamp_ns))
    if after == 0:
        return 0
    if after == len(stamps_ns):
        return after - 1
    return after - 1 if stamp_ns - int(stamps_ns[after - 1]) <= int(stamps_ns[after]) - stamp_ns else after
