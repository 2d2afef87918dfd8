"""Views along a path: passes drawn one after the other, then brought to the size that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.look_beyond.fusion import (
    Temperatures,
    guidance_scales,
    spatial_weights,
    temporal_weights,
)
from anyview_ros.methods.look_beyond.options import LookBeyondOptions
from anyview_ros.methods.look_beyond.passes import PlannedPass
from anyview_ros.methods.look_beyond.surroundings import Surroundings
from anyview_ros.methods.pictures import Picture, Pose

if TYPE_CHECKING:
    from anyview_ros.methods.look_beyond.video.generation import FusedPass
    from anyview_ros.methods.look_beyond.video.known import Anchor
    from anyview_ros.methods.look_beyond.video.stage import VideoStage


@dataclass(frozen=True, eq=False)
class PathDrawing:
    """How the pictures of a path are drawn.

    Attributes:
        stage: what draws a pass.
        surroundings: of the source picture.
        options: of the request.
        steps: of each pass.
        seed: of the noise; the pass's number is added.
    """

    stage: VideoStage
    surroundings: Surroundings
    options: LookBeyondOptions
    steps: int
    seed: tuple[int, ...]

    def frames(
        self,
        camera: PinholeCamera,
        start: Pose,
        passes: Sequence[PlannedPass],
        between: Callable[[], None],
    ) -> dict[int, NDArray[np.uint8]]:
        """Draw a path at the stage's own size.

        A keyframe that two passes share is one picture: what it does not know is drawn by the pass that ends there, and
        the next one begins with it.

        Args:
            camera: of the views; the stage's pictures are these stretched to its size.
            start: (4, 4), where the path begins.
            passes: of :func:`~anyview_ros.methods.look_beyond.passes.plan_passes`.
            between: called before each step; what it raises ends the work.

        Returns:
            uint8 (H, W, 3) for the number of each pose that is on the path.
        """
        small = camera.resized(*self.stage.size)
        first = self.surroundings.anchor(small, start)
        frames: dict[int, NDArray[np.uint8]] = {}
        for number, planned in enumerate(passes):
            last = self.surroundings.anchor(small, planned.camera_to_world[-1])
            drawn = self.stage.draw(
                self._fused(first, last, planned.camera_to_world),
                steps=self.steps,
                seed=(*self.seed, number),
                between=between,
            )
            drawn[0] = _completed(first, drawn[0]).image
            first = _completed(last, drawn[-1])
            drawn[-1] = first.image
            frames.update({pose: drawn[index] for pose, index in planned.shows if pose not in frames})
        return frames

    def still(self, camera: PinholeCamera, pose: Pose) -> NDArray[np.uint8]:
        """The picture at the path's own start, where there is nothing to draw a video between."""
        from anyview_ros.geometry.hole_filling import fill_holes

        anchor = self.surroundings.anchor(camera.resized(*self.stage.size), pose)
        return fill_holes(anchor.image, anchor.mask, anchor.depth)

    def picture(self, frame: NDArray[np.uint8], camera: PinholeCamera, pose: Pose) -> Picture:
        """A frame of the stage's size as a view: enlarged, and what the source shows laid over it."""
        enlarged = np.asarray(cv2.resize(frame, camera.size, interpolation=cv2.INTER_CUBIC), np.uint8)
        shown = self.surroundings.shown(camera, pose)
        inside = cv2.distanceTransform(shown.coverage.astype(np.uint8), cv2.DIST_L2, 3)
        share = np.clip(inside / np.float32(self._feather_px(camera)), 0, 1).astype(np.float32)
        confidence = share * self.surroundings.confidence(shown, camera, pose)
        image = enlarged
        if self.options.sharp:
            part = share[..., None]
            image = np.rint(part * shown.image + (1 - part) * enlarged).astype(np.uint8)
        return Picture(image, confidence, self.surroundings.measured_depth(shown, camera, pose))

    def _feather_px(self, camera: PinholeCamera) -> float:
        """How wide the source's own picture fades into what is drawn: half a pixel of the stage's."""
        return max(0.5 * camera.width / self.stage.size[0], 1.0)

    def _fused(self, first: Anchor, last: Anchor, poses: Pose) -> FusedPass:
        from anyview_ros.methods.look_beyond.video.generation import FusedPass

        options = self.options
        if options.fusion == "temporal":
            weights = temporal_weights(len(poses))
        else:
            weights = spatial_weights(poses, poses[0], poses[-1], self._temperatures(poses))
        known = bool(last.mask.any())
        return FusedPass(
            first, last if known else None, poses, weights, guidance_scales(len(poses), *options.guidance)
        )

    def _temperatures(self, poses: Pose) -> Temperatures:
        options = self.options
        chosen = Temperatures.between(poses[0], poses[-1], options.temperature_share)
        if options.rotation_temperature_deg is not None:
            chosen = replace(chosen, rotation_rad=np.radians(options.rotation_temperature_deg))
        if options.translation_temperature_m is not None:
            chosen = replace(chosen, translation_m=options.translation_temperature_m)
        return chosen


def _completed(anchor: Anchor, drawn: NDArray[np.uint8]) -> Anchor:
    """A keyframe whose unknown part is as it was drawn."""
    image = np.where(anchor.mask[..., None], anchor.image, drawn)
    return replace(anchor, image=image, mask=np.ones_like(anchor.mask))
