"""What methods are given of a source at an instant, and what they give for a target."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.synthesis.result import SynthesizedView

Pose = NDArray[np.float64]

ASSUMED_DEPTH_CONFIDENCE = np.float32(0.5)
"""Confidence of what was seen where its depth was assumed or guessed, as part of that where it was measured."""


@dataclass(frozen=True, eq=False)
class SourceFrame:
    """One picture of a source camera.

    Attributes:
        image: uint8 (H, W, 3), RGB.
        camera: intrinsics.
        camera_to_world: float64 (4, 4), metres, OpenCV axes.
        depth: float32 (H, W), metres, 0 = unknown; or None.
    """

    image: NDArray[np.uint8]
    camera: PinholeCamera
    camera_to_world: Pose
    depth: NDArray[np.float32] | None


@dataclass(frozen=True, eq=False)
class Picture:
    """A target's picture: image uint8 (h, w, 3), confidence float32 (h, w), depth float32 (h, w) or None."""

    image: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    depth: NDArray[np.float32] | None


def source_frame(clip: PosedClip, index: int) -> SourceFrame:
    """Frame ``index`` of a clip."""
    depth = None if clip.depth is None else clip.depth[index]
    return SourceFrame(clip.frames[index], clip.camera, clip.camera_to_world[index], depth)


def view_of(
    pictures: Sequence[Picture], camera: PinholeCamera, poses: Pose, stamps_ns: NDArray[np.int64]
) -> SynthesizedView:
    """Pictures of one target put together."""
    depths = [picture.depth for picture in pictures if picture.depth is not None]
    return SynthesizedView(
        np.stack([picture.image for picture in pictures]),
        camera,
        poses,
        stamps_ns,
        np.stack([picture.confidence for picture in pictures]),
        np.stack(depths) if len(depths) == len(pictures) else None,
    )


def views_of(
    pictures: Iterable[Iterable[Picture]],
    targets: Sequence[CameraTrajectory],
    instants: Sequence[NDArray[np.int64]],
) -> tuple[SynthesizedView, ...]:
    """Pictures of each target put together, in the order of its poses; made as they are asked for.

    Args:
        pictures: of each target.
        targets: of the request.
        instants: of each target's poses, (N,).
    """
    return tuple(
        view_of(list(made), target.camera, target.camera_to_world, stamps_ns)
        for made, target, stamps_ns in zip(pictures, targets, instants, strict=True)
    )
