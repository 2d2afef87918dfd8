"""SynthesizedView and Provenance messages, and views."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from anyview_ros.errors import InvalidInputError
from anyview_ros.messages import depth_to_metres, image_to_array, time_to_ns
from anyview_ros.msg import Provenance as ProvenanceMsg
from anyview_ros.msg import SynthesizedView as SynthesizedViewMsg
from anyview_ros.nodes.conversions.depth import depth_to_image
from anyview_ros.nodes.conversions.images import image_to_rgb, mono_to_image, rgb_to_image
from anyview_ros.nodes.conversions.interfaces.intrinsics import camera_from_intrinsics, intrinsics_from_camera
from anyview_ros.nodes.conversions.poses import matrix_to_pose, pose_to_matrix
from anyview_ros.nodes.conversions.stamps import ns_to_time
from anyview_ros.synthesis.result import Provenance, SynthesizedView


def view_to_msgs(view: SynthesizedView, *, name: str, with_depth: bool = True) -> list[SynthesizedViewMsg]:
    """One message per frame of a view; images carry the target's name as their frame.

    Args:
        view: N frames.
        name: of the target.
        with_depth: whether to send the depth that the method gave.

    Raises:
        InvalidInputError: arrays that do not fit each other; the method is at fault.
    """
    _check_shapes(view, name)
    return [_frame_to_msg(view, index, name, with_depth) for index in range(len(view))]


def view_from_msgs(msgs: Sequence[SynthesizedViewMsg]) -> SynthesizedView:
    """The view whose frames came as these messages, one or more.

    Raises:
        InvalidInputError: no message, pictures that cannot be read, or sizes that differ.
    """
    if not msgs:
        raise InvalidInputError(
            "the answer holds no picture of a target; the server does not fit this client"
        )
    camera = camera_from_intrinsics(msgs[0].intrinsics, name=f"view '{msgs[0].name}'")
    for msg in msgs:
        for image in (msg.image, msg.confidence):
            if (image.width, image.height) != camera.size:
                raise InvalidInputError(
                    f"view '{msg.name}' holds an image of {image.width}x{image.height} but its intrinsics "
                    f"are of {camera.width}x{camera.height}; the server does not fit this client"
                )
    depths = [depth_to_metres(msg.depth) for msg in msgs if msg.depth.height]
    return SynthesizedView(
        np.stack([image_to_rgb(msg.image) for msg in msgs]),
        camera,
        np.stack([pose_to_matrix(msg.camera_to_world, name=f"view '{msg.name}'") for msg in msgs]),
        np.array([time_to_ns(msg.image.header.stamp) for msg in msgs], dtype=np.int64),
        np.stack([image_to_array(msg.confidence).astype(np.float32) / np.float32(255) for msg in msgs]),
        depth=np.stack(depths) if len(depths) == len(msgs) else None,
    )


def provenance_to_msg(provenance: Provenance, *, server: str, source_stamp_ns: int) -> ProvenanceMsg:
    """The message of a provenance; who publishes the picture fills in ``age`` and its optical frame."""
    stamp = ns_to_time(source_stamp_ns)
    return ProvenanceMsg(
        header=Header(stamp=stamp),
        method=provenance.method,
        weights_hash=provenance.weights_hash,
        seed=provenance.seed,
        steps=provenance.steps,
        source_stamp=stamp,
        server=server,
        scale_m=provenance.scale_m or 0.0,
        scale_origin=provenance.scale_origin,
    )


def provenance_from_msg(msg: ProvenanceMsg) -> Provenance:
    """The provenance of a message."""
    return Provenance(
        msg.method,
        msg.weights_hash,
        int(msg.seed),
        int(msg.steps),
        scale_m=float(msg.scale_m) or None,
        scale_origin=msg.scale_origin,
    )


def _check_shapes(view: SynthesizedView, name: str) -> None:
    shape = (len(view), view.camera.height, view.camera.width)
    wanted: dict[str, tuple[Any, tuple[int, ...]]] = {
        "frames": (view.frames, (*shape, 3)),
        "camera_to_world": (view.camera_to_world, (len(view), 4, 4)),
        "stamps_ns": (view.stamps_ns, (len(view),)),
        "confidence": (view.confidence, shape),
        "depth": (view.depth, shape),
    }
    for part, (array, expected) in wanted.items():
        if array is not None and np.shape(array) != expected:
            raise InvalidInputError(
                f"{part} of view '{name}' is {np.shape(array)} but the view's frames and camera want {expected}; "
                "the method is at fault"
            )


def _frame_to_msg(view: SynthesizedView, index: int, name: str, with_depth: bool) -> SynthesizedViewMsg:
    header = Header(stamp=ns_to_time(int(view.stamps_ns[index])), frame_id=name)
    confidence = np.rint(np.clip(view.confidence[index], 0, 1) * 255).astype(np.uint8)
    depth = view.depth[index] if with_depth and view.depth is not None else None
    return SynthesizedViewMsg(
        name=name,
        image=rgb_to_image(view.frames[index], header),
        confidence=mono_to_image(confidence, header),
        depth=Image() if depth is None else depth_to_image(depth, header),
        intrinsics=intrinsics_from_camera(view.camera),
        camera_to_world=matrix_to_pose(view.camera_to_world[index]),
    )
