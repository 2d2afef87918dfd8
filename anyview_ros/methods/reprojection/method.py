"""Forward warping of each source by its depth, nearest surface first, with holes filled and reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.facets import DepthFacets
from anyview_ros.geometry.hole_filling import fill_confidence, fill_holes
from anyview_ros.geometry.warp import forward_warp
from anyview_ros.methods.framewise import FramewiseMethod
from anyview_ros.methods.pictures import ASSUMED_DEPTH_CONFIDENCE, Picture, Pose, SourceFrame
from anyview_ros.methods.reprojection.merging import Layer, merge_layers
from anyview_ros.methods.reprojection.options import ReprojectionOptions
from anyview_ros.synthesis.description import LONGEST_CLIP, MethodDescription


@dataclass(frozen=True, eq=False)
class _Surface:
    frame: SourceFrame
    facets: DepthFacets
    measured: bool


class Reprojection(FramewiseMethod):
    """Moves the source's pixels by their depth to where the target sees them.

    Confidence is 1 where a source shows the surface at the target's resolution or better, 1/s where it is magnified
    s times, half of that where depth was assumed. A filled hole has half the confidence of the seen pixels beside it,
    falling to 0 within 17 pixels. Depth is given where it was measured, 0 elsewhere.
    """

    def describe(self) -> MethodDescription:
        """Tell sizes, clip lengths, sources and limits."""
        return MethodDescription(
            name="reprojection",
            summary="Moves source pixels by their depth, or an assumed one, and fills what no source sees.",
            generative=False,
            source_count=(1, 8),
            clip_frames=(1, LONGEST_CLIP),
            uses_depth=True,
            streams=True,
            options_type=ReprojectionOptions,
            limits=(
                "What no source frame of the instant sees is only smeared in from around it.",
                "Reflections and highlights stay where the source saw them.",
                "Without depth images the scene is taken for one plane or depth, which options must name.",
            ),
        )

    def prepare(self, frame: SourceFrame, options: Any) -> _Surface:
        """Make the facets of the frame's depth.

        Raises:
            InvalidRequestError: the frame has no depth and the options assume none.
        """
        if frame.depth is not None:
            return _Surface(frame, DepthFacets.from_depth(frame.depth), True)
        assumed: NDArray[np.float32] | None = options.assumed_depth(frame.camera, frame.camera_to_world)
        if assumed is None:
            raise InvalidRequestError(
                "the source has no depth and method 'reprojection' assumes none by itself; give depth (a node: "
                "use_depth; in Python: PosedClip(depth=...)), or the option depth_m (metres), or plane_point and "
                "plane_normal (world); a node takes options as options_json"
            )
        return _Surface(frame, DepthFacets.from_depth(assumed), False)

    def render(
        self, prepared: Sequence[_Surface], camera: PinholeCamera, camera_to_world: Pose, options: Any
    ) -> Picture:
        """Warp every source, keep the nearest surface, fill the holes."""
        merged = merge_layers([_layer(surface, camera, camera_to_world) for surface in prepared])
        image, confidence = merged.image, merged.confidence
        if options.fill_holes:
            image = fill_holes(image, merged.covered, merged.depth)
            confidence = fill_confidence(merged.covered, confidence)
        measured = any(surface.measured for surface in prepared)
        return Picture(
            image, confidence, np.where(merged.measured, merged.depth, np.float32(0)) if measured else None
        )


def _layer(surface: _Surface, camera: PinholeCamera, camera_to_world: Pose) -> Layer:
    frame = surface.frame
    warped = forward_warp(
        frame.image, surface.facets, frame.camera, frame.camera_to_world, camera, camera_to_world
    )
    confidence = np.divide(
        np.float32(1) if surface.measured else ASSUMED_DEPTH_CONFIDENCE,
        np.maximum(warped.stretch, np.float32(1)),
    )
    confidence *= warped.coverage
    measured = warped.coverage if surface.measured else np.zeros_like(warped.coverage)
    return Layer(warped.image, warped.depth, warped.coverage, confidence, measured)
