"""z of the pictures' frame points forward (REP 103), as far as names and TF tell."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from anyview_ros.diagnosis.evidence import CameraEvidence, Evidence
from anyview_ros.diagnosis.finding import Finding, error, fine, warning
from anyview_ros.diagnosis.transforms import Edge, TransformTree
from anyview_ros.geometry import BODY_FROM_OPTICAL, rotation_angle_deg

_EXACT_DEG = 10.0
_UPRIGHT_DEG = 10.0
_RIGHT = (
    "let the optical frame hang from the camera's body frame with rpy = -π/2 0 -π/2 (quaternion -0.5 0.5 -0.5 0.5): "
    "z forward, x right, y down"
)


def check_optical_frame(evidence: Evidence) -> Iterator[Finding]:
    """Frames that are optical by name but not by axes, and pictures stamped with a body frame."""
    tree = evidence.transforms
    if tree is None:
        return
    for camera in evidence.cameras:
        if camera.frame in tree.frames:
            yield from _named(tree, camera) if _is_optical(camera.frame) else _unnamed(tree, camera)


def _is_optical(frame: str) -> bool:
    return frame.endswith(("_optical", "_optical_frame", "/optical", "/optical_frame"))


def _named(tree: TransformTree, camera: CameraEvidence) -> Iterator[Finding]:
    """Against the body frame of the same camera where there is one, else by what is up."""
    body_from_optical = _from_body(tree, camera.frame)
    if body_from_optical is None:
        yield from _by_gravity(tree, camera)
        return
    body, rotation = body_from_optical
    off_deg = _angle(rotation, BODY_FROM_OPTICAL[:3, :3])
    if off_deg <= _EXACT_DEG:
        yield fine("optical_frame", camera.frame, f"z points along x of {body}: forward")
    elif _angle(rotation, np.eye(3)) <= _EXACT_DEG:
        yield error(
            "optical_frame.is_body", camera.frame, f"has the axes of {body}: x points forward, not z", _RIGHT
        )
    else:
        yield warning(
            "optical_frame.turned",
            camera.frame,
            f"is {off_deg:.0f}° away from how an optical frame hangs in {body}",
            _RIGHT,
        )


def _unnamed(tree: TransformTree, camera: CameraEvidence) -> Iterator[Finding]:
    optical = [edge.child for edge in tree.below(camera.frame) if _is_optical(edge.child)]
    if optical:
        yield error(
            "optical_frame.body_stamped",
            camera.name,
            f"pictures are stamped {camera.frame}, a body frame: {optical[0]} hangs from it",
            f"set the driver's frame_id to {optical[0]}",
        )
        return
    wrong = list(_by_gravity(tree, camera))
    if any(finding.remedy for finding in wrong):
        yield from wrong
        return
    yield warning(
        "optical_frame.name",
        camera.frame,
        "is not called *_optical_frame; z must point forward, x right, y down",
        "add an optical frame and stamp the pictures with it, or make sure of the axes",
    )


def _from_body(tree: TransformTree, frame: str) -> tuple[str, NDArray[np.float64]] | None:
    """The camera's body frame above its optical one, and the rotation between them; None without one.

    A body frame is one whose name begins as the optical frame's: camera_color_optical_frame hangs from
    camera_color_frame or camera_link, but not from base_link or tool0.
    """
    rotation = np.eye(3)
    for edge in tree.chain(frame):
        pose = _some_pose(edge)
        if pose is None:
            return None
        rotation = pose[:3, :3] @ rotation
        if not _is_optical(edge.parent):
            return (edge.parent, rotation) if _related(edge.parent, frame) else None
    return None


def _related(body: str, optical: str) -> bool:
    stem = optical.removesuffix("_frame").removesuffix("_optical").removesuffix("/optical")
    name = body.removesuffix("_frame").removesuffix("_link")
    return bool(name) and (stem == name or stem.startswith((name + "_", name + "/")))


def _by_gravity(tree: TransformTree, camera: CameraEvidence) -> Iterator[Finding]:
    """Roots have z up (REP 103); an optical frame whose own z is up looks at the sky, as body frames would."""
    rotation = np.eye(3)
    for edge in tree.chain(camera.frame):
        pose = _some_pose(edge)
        if pose is None:
            return
        rotation = pose[:3, :3] @ rotation
    root = tree.root(camera.frame)
    off_deg = float(np.degrees(np.arccos(np.clip(rotation[2, 2], -1.0, 1.0))))
    if off_deg <= _UPRIGHT_DEG and root != camera.frame:
        yield error(
            "optical_frame.looks_up",
            camera.frame,
            f"its z points {off_deg:.0f}° from straight up in {root}: these are the axes of a body, not of a picture",
            f"{_RIGHT}; if the camera does look at the ceiling, all is well",
        )
    else:
        yield fine("optical_frame", camera.frame, f"z points {off_deg:.0f}° from up in {root}")


def _some_pose(edge: Edge) -> NDArray[np.float64] | None:
    return edge.poses[-1] if len(edge.poses) else None


def _angle(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(rotation_angle_deg(a.T @ b))
