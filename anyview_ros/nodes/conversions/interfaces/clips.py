"""PosedImage and PosedClip messages, and posed clips."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidClipError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.messages import depth_to_metres, time_to_ns
from anyview_ros.msg import PosedClip as PosedClipMsg
from anyview_ros.msg import PosedImage
from anyview_ros.nodes.conversions.depth import depth_to_image
from anyview_ros.nodes.conversions.images import image_to_rgb, rgb_to_image
from anyview_ros.nodes.conversions.interfaces.intrinsics import camera_from_intrinsics, intrinsics_from_camera
from anyview_ros.nodes.conversions.poses import matrix_to_pose, pose_to_matrix
from anyview_ros.nodes.conversions.stamps import ns_to_time


class PosedFrame(NamedTuple):
    """One source frame.

    Attributes:
        rgb: uint8 (H, W, 3).
        depth_m: float32 (H, W), 0 where unknown; or None.
        camera_to_world: float64 (4, 4), metres, OpenCV axes.
        stamp_ns: the instant shown.
        world_frame: the frame that the pose is given in.
    """

    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32] | None
    camera_to_world: NDArray[np.float64]
    stamp_ns: int
    world_frame: str


def posed_image_from_msg(msg: PosedImage, *, name: str, size: tuple[int, int]) -> PosedFrame:
    """The frame of a message.

    Args:
        msg: image, depth and pose.
        name: what to call it in messages.
        size: (width, height) that image and depth must have.

    Raises:
        InvalidInputError: an image, a depth image or a pose that cannot be read.
        InvalidClipError: another size.
    """
    _check_size(msg.image, size, f"image of {name}")
    depth = None
    if msg.depth.height:
        _check_size(msg.depth, size, f"depth of {name}")
        depth = depth_to_metres(msg.depth)
    return PosedFrame(
        image_to_rgb(msg.image),
        depth,
        pose_to_matrix(msg.camera_to_world, name=f"camera_to_world of {name}"),
        time_to_ns(msg.image.header.stamp),
        msg.image.header.frame_id,
    )


def posed_image_to_msg(
    rgb: NDArray[np.uint8],
    camera_to_world: NDArray[np.float64],
    stamp_ns: int,
    *,
    depth_m: NDArray[np.float32] | None = None,
) -> PosedImage:
    """The message of one source frame; shapes and units as in :class:`PosedFrame`."""
    header = Header(stamp=ns_to_time(stamp_ns))
    return PosedImage(
        image=rgb_to_image(rgb, header),
        depth=Image() if depth_m is None else depth_to_image(depth_m, header),
        camera_to_world=matrix_to_pose(camera_to_world),
    )


def clip_from_msg(msg: PosedClipMsg, *, name: str) -> PosedClip:
    """The clip of a message.

    Raises:
        InvalidInputError: no frames, frames that do not fit the intrinsics, poses in several frames of
            reference, depth for some frames only, stamps that do not increase, or anything unreadable.
    """
    if not msg.frames:
        raise InvalidClipError(f"{name} has no frames; give at least one")
    camera = camera_from_intrinsics(msg.intrinsics, name=name)
    frames = [
        posed_image_from_msg(frame, name=f"{name}.frames[{index}]", size=camera.size)
        for index, frame in enumerate(msg.frames)
    ]
    worlds = {frame.world_frame for frame in frames}
    if len(worlds) > 1:
        raise InvalidClipError(
            f"frames of {name} are posed in {', '.join(repr(world) for world in sorted(worlds))}; "
            "give all poses in one fixed frame"
        )
    return _clip(frames, camera, name)


def clip_to_msg(clip: PosedClip) -> PosedClipMsg:
    """The message of a clip."""
    depths = [None] * len(clip) if clip.depth is None else list(clip.depth)
    parts = zip(clip.frames, clip.camera_to_world, clip.stamps_ns, depths, strict=True)
    return PosedClipMsg(
        intrinsics=intrinsics_from_camera(clip.camera),
        frames=[
            posed_image_to_msg(rgb, pose, int(stamp_ns), depth_m=depth)
            for rgb, pose, stamp_ns, depth in parts
        ],
    )


def _clip(frames: list[PosedFrame], camera: PinholeCamera, name: str) -> PosedClip:
    depths = [frame.depth_m for frame in frames if frame.depth_m is not None]
    if len(depths) not in (0, len(frames)):
        raise InvalidClipError(
            f"{len(depths)} of {len(frames)} frames of {name} have depth; give it for all of them or for none"
        )
    try:
        return PosedClip(
            np.stack([frame.rgb for frame in frames]),
            camera,
            np.stack([frame.camera_to_world for frame in frames]),
            np.array([frame.stamp_ns for frame in frames], dtype=np.int64),
            depth=np.stack(depths) if depths else None,
        )
    except InvalidClipError as err:
        raise InvalidClipError(f"{name}: {err}") from err


def _check_size(image: Image, size: tuple[int, int], name: str) -> None:
    if (image.width, image.height) != size:
        raise InvalidClipError(
            f"{name} is {image.width}x{image.height} but its intrinsics are of {size[0]}x{size[1]}; "
            "resize image and intrinsics together"
        )
