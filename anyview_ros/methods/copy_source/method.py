"""The source frame shown as the target's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.framewise import FramewiseMethod
from anyview_ros.methods.pictures import Picture, Pose, SourceFrame
from anyview_ros.synthesis.description import LONGEST_CLIP, MethodDescription


class CopySource(FramewiseMethod):
    """Shows the first source's nearest frame, stretched to the target's size, whatever the target's pose.

    Its confidence is 0: nothing is known of what the target would see.
    """

    def describe(self) -> MethodDescription:
        """Tell sizes, clip lengths, sources and limits."""
        return MethodDescription(
            name="copy_source",
            summary="Shows the source frame itself, resized: the floor that every method must beat.",
            generative=False,
            source_count=(1, 8),
            clip_frames=(1, LONGEST_CLIP),
            metric_poses=False,
            streams=True,
            limits=("It ignores poses and intrinsics.", "Only the first source is shown."),
        )

    def prepare(self, frame: SourceFrame, options: Any) -> SourceFrame:
        """Return the frame."""
        del options
        return frame

    def render(
        self, prepared: Sequence[SourceFrame], camera: PinholeCamera, camera_to_world: Pose, options: Any
    ) -> Picture:
        """Resize the first source's frame."""
        del camera_to_world, options
        image = prepared[0].image
        if image.shape[:2] != (camera.height, camera.width):
            shrinks = camera.width < image.shape[1] and camera.height < image.shape[0]
            resized = cv2.resize(
                image, camera.size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
            )
            image = np.asarray(resized, np.uint8)
        return Picture(image, np.zeros((camera.height, camera.width), np.float32), None)
