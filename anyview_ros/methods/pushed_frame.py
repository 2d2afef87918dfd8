"""What a stream checks of each push, whatever the method makes of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import PinholeCamera, check_rigid

Pose = NDArray[np.float64]


def pushed_clip(
    source: PinholeCamera,
    frame: NDArray[np.uint8],
    camera_to_world: Pose,
    stamp_ns: int,
    depth: NDArray[np.float32] | None,
    *,
    after_ns: int | None,
) -> PosedClip:
    """The pushed frame as a clip of one.

    Args:
        source: intrinsics of the stream's source camera.
        frame, camera_to_world, stamp_ns, depth: as in ``SynthesisStream.push``.
        after_ns: stamp of the push before; None for the first.

    Raises:
        InvalidRequestError: a stamp that does not increase.
        InvalidClipError: a frame or depth of another size or type than the stream's.
        InvalidPoseError: a pose that is not a finite rigid transform.
    """
    if after_ns is not None and stamp_ns <= after_ns:
        raise InvalidRequestError(
            f"stamp_ns is {stamp_ns} but the push before had {after_ns}; "
            "push in order of time, and open a new stream when the clock was set back"
        )
    return PosedClip(
        np.asarray(frame)[None],
        source,
        np.asarray(camera_to_world)[None],
        np.array([stamp_ns], np.int64),
        None if depth is None else np.asarray(depth)[None],
    )


def pushed_poses(target_camera_to_world: Sequence[Pose | None], count: int) -> list[Pose | None]:
    """The poses (4, 4) of a stream's ``count`` targets, checked; None where one is skipped.

    Raises:
        InvalidRequestError: another number of targets.
        InvalidPoseError: a pose that is not a finite rigid transform.
    """
    if len(target_camera_to_world) != count:
        raise InvalidRequestError(
            f"target_camera_to_world has {len(target_camera_to_world)} poses but the stream has "
            f"{count} targets; give one each, None to skip one"
        )
    return [
        None if pose is None else check_rigid(pose, name=f"target_camera_to_world[{index}]")
        for index, pose in enumerate(target_camera_to_world)
    ]
