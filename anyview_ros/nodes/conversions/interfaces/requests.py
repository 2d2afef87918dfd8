"""Requests as the service and the action carry them, and SynthesisRequest."""

from __future__ import annotations

from typing import Any

import numpy as np

from anyview_ros.errors import InvalidInputError, InvalidRequestError
from anyview_ros.geometry import CameraTrajectory
from anyview_ros.messages import time_to_ns
from anyview_ros.msg import TargetTrajectory
from anyview_ros.nodes.conversions.interfaces.clips import clip_from_msg, clip_to_msg
from anyview_ros.nodes.conversions.interfaces.intrinsics import camera_from_intrinsics, intrinsics_from_camera
from anyview_ros.nodes.conversions.poses import matrix_to_pose, pose_to_matrix
from anyview_ros.nodes.conversions.stamps import ns_to_time
from anyview_ros.synthesis.option_json import options_from_json, options_to_json
from anyview_ros.synthesis.request import SynthesisRequest

_RGB_BYTES, _CONFIDENCE_BYTES, _DEPTH_BYTES = 3, 1, 4  # per pixel
_VIEW_BYTES = _RGB_BYTES + _CONFIDENCE_BYTES + _DEPTH_BYTES


def request_from_msg(msg: Any) -> SynthesisRequest:
    """The request of a SynthesizeViews.Request or a SynthesizeClip.Goal.

    Raises:
        InvalidInputError: anything in it that cannot be read or does not fit; the message names it.
    """
    worlds = {frame.image.header.frame_id for source in msg.sources for frame in source.frames}
    if len(worlds) > 1:
        raise InvalidRequestError(
            f"sources are posed in {', '.join(repr(world) for world in sorted(worlds))}; "
            "give all poses in one fixed frame"
        )
    return SynthesisRequest(
        tuple(clip_from_msg(source, name=f"sources[{i}]") for i, source in enumerate(msg.sources)),
        tuple(trajectory_from_msg(target, name=f"targets[{i}]") for i, target in enumerate(msg.targets)),
        steps=int(msg.steps) or None,
        seed=int(msg.seed),
        options=options_from_json(msg.options_json),
    )


def fill_request(msg: Any, request: SynthesisRequest) -> None:
    """Write a request into a SynthesizeViews.Request or a SynthesizeClip.Goal; targets are named by number.

    Raises:
        InvalidRequestError: options that cannot be written as JSON.
    """
    msg.sources = [clip_to_msg(source) for source in request.sources]
    msg.targets = [trajectory_to_msg(target, name=str(index)) for index, target in enumerate(request.targets)]
    msg.steps = request.steps or 0
    msg.seed = request.seed
    msg.options_json = options_to_json(request.options)


def trajectory_from_msg(msg: TargetTrajectory, *, name: str) -> CameraTrajectory:
    """The trajectory of a message.

    Raises:
        InvalidInputError: no poses, stamps that do not fit them, or values that no camera has.
    """
    if not msg.camera_to_world:
        raise InvalidRequestError(f"{name} ('{msg.name}') has no poses; give at least one")
    camera = camera_from_intrinsics(msg.intrinsics, name=f"{name} ('{msg.name}')")
    poses = np.stack(
        [
            pose_to_matrix(pose, name=f"{name}.camera_to_world[{i}]")
            for i, pose in enumerate(msg.camera_to_world)
        ]
    )
    stamps = np.array([time_to_ns(stamp) for stamp in msg.stamps], dtype=np.int64) if msg.stamps else None
    try:
        return CameraTrajectory(camera, poses, stamps)
    except InvalidInputError as err:
        raise type(err)(f"{name} ('{msg.name}'): {err}") from err


def trajectory_to_msg(trajectory: CameraTrajectory, *, name: str) -> TargetTrajectory:
    """The message of a trajectory."""
    stamps = (
        [] if trajectory.stamps_ns is None else [ns_to_time(int(stamp)) for stamp in trajectory.stamps_ns]
    )
    return TargetTrajectory(
        name=name,
        intrinsics=intrinsics_from_camera(trajectory.camera),
        camera_to_world=[matrix_to_pose(pose) for pose in trajectory.camera_to_world],
        stamps=stamps,
    )


def request_bytes(msg: Any) -> int:
    """What the pictures of a request weigh, bytes; poses and names count for nothing beside them."""
    return sum(
        len(frame.image.data) + len(frame.depth.data) for source in msg.sources for frame in source.frames
    )


def answer_bytes(msg: Any) -> int:
    """What the pictures of the answer to a request would weigh at most, bytes."""
    return sum(
        len(target.camera_to_world) * target.intrinsics.width * target.intrinsics.height * _VIEW_BYTES
        for target in msg.targets
    )


def stream_frame_bytes(msg: Any) -> int:
    """What the pictures of a frame of the stream that an OpenStream.Request asks for weigh at most, bytes."""
    per_pixel = _RGB_BYTES + (_DEPTH_BYTES if msg.source_has_depth else 0)
    return int(msg.source.width * msg.source.height * per_pixel)


def stream_answer_bytes(msg: Any, *, with_depth: bool) -> int:
    """What the views of one frame weigh at most, of all targets of an OpenStream.Request, bytes."""
    each = _VIEW_BYTES if with_depth else _VIEW_BYTES - _DEPTH_BYTES
    return sum(target.intrinsics.width * target.intrinsics.height * each for target in msg.targets)
