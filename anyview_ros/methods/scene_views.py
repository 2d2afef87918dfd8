"""Pictures of a scene at the instants that a request asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.methods.pictures import Picture, Pose, views_of
from anyview_ros.methods.steps import StepCount
from anyview_ros.synthesis.result import SynthesizedView


def scene_views(
    targets: Sequence[CameraTrajectory],
    instants: Sequence[NDArray[np.int64]],
    render: Callable[[PinholeCamera, Pose, int], Picture],
    steps: StepCount,
) -> tuple[SynthesizedView, ...]:
    """Render every target of a request.

    Args:
        targets: of the request.
        instants: of each target's poses, (N,), ns.
        render: gives what a camera sees from a pose (4, 4) at an instant, ns.
        steps: may stop the work before each picture, and counts it.

    Raises:
        SynthesisCancelled: ``steps`` stopped it.
    """

    def pictures(target: CameraTrajectory, stamps_ns: NDArray[np.int64]) -> Iterator[Picture]:
        for pose, stamp_ns in zip(target.camera_to_world, stamps_ns, strict=True):
            steps.check()
            picture = render(target.camera, pose, int(stamp_ns))
            steps.count()
            yield picture

    return views_of(map(pictures, targets, instants), targets, instants)
