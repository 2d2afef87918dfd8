"""Depth lies on the pictures' pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from anyview_ros.diagnosis.edges import edge_offset
from anyview_ros.diagnosis.evidence import CameraEvidence, DepthEvidence, Evidence
from anyview_ros.diagnosis.finding import Finding, error, fine, warning
from anyview_ros.diagnosis.transforms import TransformTree
from anyview_ros.geometry import rotation_angle_deg

_SAME_M = 0.002
_SAME_DEG = 0.2
_SAME_K = 0.02  # of the image's width
_OFFSET = 0.012  # of the image's width
_ALIGN = "use the driver's aligned depth (align_depth.enable) or depth_image_proc's register node"


def check_depth_alignment(evidence: Evidence) -> Iterator[Finding]:
    """Size, frame and intrinsics of depth against the pictures', and where the edges of both lie."""
    for camera in evidence.cameras:
        if camera.depth is not None and len(camera.depth.stream):
            found = [
                *_size(camera, camera.depth),
                *_frame(evidence.transforms, camera, camera.depth),
                *_intrinsics(camera, camera.depth),
            ]
            yield from found if found else _edges(camera, camera.depth)


def _size(camera: CameraEvidence, depth: DepthEvidence) -> Iterator[Finding]:
    if not camera.images.sizes or not depth.stream.sizes:
        return
    (width, height), (deep_width, deep_height) = camera.images.sizes[-1], depth.stream.sizes[-1]
    if (width, height) != (deep_width, deep_height):
        yield error(
            "depth_alignment.size",
            depth.stream.topic,
            f"is {deep_width}x{deep_height} but pictures are {width}x{height}",
            _ALIGN,
        )


def _frame(tree: TransformTree | None, camera: CameraEvidence, depth: DepthEvidence) -> Iterator[Finding]:
    frame = depth.stream.frames[-1].removeprefix("/") if depth.stream.frames else ""
    if tree is None or frame == camera.frame or not frame:
        return
    pose = tree.lookup(frame, camera.frame, int(camera.images.stamps_ns[-1])) if len(camera.images) else None
    if pose is None:
        value = f"is in frame {frame}, pictures in {camera.frame}"
    else:
        apart_m, turned_deg = float(np.linalg.norm(pose[:3, 3])), float(rotation_angle_deg(pose))
        if apart_m <= _SAME_M and turned_deg <= _SAME_DEG:
            return
        value = f"is in frame {frame}, {apart_m * 1e3:.0f} mm and {turned_deg:.1f}° from the pictures' {camera.frame}"
    yield error("depth_alignment.frame", depth.stream.topic, value, _ALIGN)


def _intrinsics(camera: CameraEvidence, depth: DepthEvidence) -> Iterator[Finding]:
    mine, its = camera.calibration, depth.calibration
    if mine is None or its is None or not (mine.is_calibrated and its.is_calibrated):
        return
    apart_px = float(np.abs(mine.K - its.K).max())
    if apart_px > _SAME_K * mine.width:
        yield error(
            "depth_alignment.intrinsics",
            depth.stream.topic,
            f"has other intrinsics than the pictures: fx {its.k[0]:.1f} against {mine.k[0]:.1f}, K differs by "
            f"{apart_px:.0f} px",
            _ALIGN,
        )


def _edges(camera: CameraEvidence, depth: DepthEvidence) -> Iterator[Finding]:
    pairs = [
        (picture.rgb, picture.depth_m)
        for picture in camera.pictures
        if picture.depth_m is not None and picture.depth_m.shape == picture.rgb.shape[:2]
    ]
    offset = edge_offset(pairs)
    if offset is None:
        return
    width = pairs[0][0].shape[1]
    if float(np.hypot(*offset)) > _OFFSET * width:
        yield warning(
            "depth_alignment.edges",
            depth.stream.topic,
            f"edges of depth lie ({offset[0]:+.0f}, {offset[1]:+.0f}) px (right, down) of the pictures'",
            f"{_ALIGN}; check that depth and picture are of the same instant",
        )
    else:
        yield fine("depth_alignment", depth.stream.topic, "edges of depth lie on those of the pictures")
