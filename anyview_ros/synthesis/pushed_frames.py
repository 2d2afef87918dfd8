"""What a frame that is pushed to a stream must be, whoever keeps the stream."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import check_pose, check_rigid
from anyview_ros.synthesis.client import StreamFrame, StreamSpec


def check_order(stamp_ns: int, after_ns: int | None) -> None:
    """See that a frame is pushed in order of time.

    Args:
        stamp_ns: of the frame.
        after_ns: of the frame before; None for the first.

    Raises:
        InvalidRequestError: a stamp that does not increase.
    """
    if after_ns is not None and stamp_ns <= after_ns:
        raise InvalidRequestError(
            f"stamp_ns is {stamp_ns} but must be above {after_ns}; push in order of time, and open another stream "
            "when the clock was set back"
        )


def check_target_poses(
    target_camera_to_world: Sequence[NDArray[np.float64] | None], count: int
) -> list[NDArray[np.float64] | None]:
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


def check_stream_frame(frame: StreamFrame, spec: StreamSpec, *, after_ns: int | None) -> None:
    """See that a frame can be pushed to a stream of an engine, since nobody looks at it again before it is used.

    Args:
        frame: to be pushed.
        spec: what the stream was opened for.
        after_ns: stamp of the frame before; None for the first.

    Raises:
        InvalidRequestError: an unknown target, a size or type that is not the stream's, or a stamp that does not
            increase.
        InvalidPoseError: a pose of the source that is not a finite rigid transform.
    """
    unknown = sorted(set(frame.targets) - set(spec.targets))
    if unknown:
        raise InvalidRequestError(
            f"target '{unknown[0]}' is not of this stream, which was opened for {', '.join(spec.targets)}; "
            "open another stream"
        )
    shape = (spec.source.height, spec.source.width, 3)
    if frame.frame.dtype != np.uint8 or frame.frame.shape != shape:
        raise InvalidRequestError(
            f"frame is {frame.frame.dtype} {frame.frame.shape} but the stream was opened for uint8 {shape}; "
            "open another stream"
        )
    check_pose(frame.camera_to_world, name="camera_to_world")
    depth = frame.depth
    if depth is not None and (depth.shape != shape[:2] or not np.issubdtype(depth.dtype, np.floating)):
        raise InvalidRequestError(
            f"depth is {depth.dtype} {depth.shape} but must be float32 {shape[:2]} in metres, aligned with its frame; "
            "convert it, or leave it out"
        )
    check_order(frame.stamp_ns, after_ns)
