"""What is known around one source picture: itself, its depth, and the panorama drawn around it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import InvalidRequestError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.geometry.facets import DepthFacets
from anyview_ros.geometry.warp import WarpedImage, forward_warp
from anyview_ros.methods.look_beyond.keyframes import keyframes
from anyview_ros.methods.look_beyond.options import LookBeyondOptions
from anyview_ros.methods.look_beyond.panorama.scene import PanoramaScene
from anyview_ros.methods.pictures import ASSUMED_DEPTH_CONFIDENCE, Pose, SourceFrame

if TYPE_CHECKING:
    from anyview_ros.methods.look_beyond.panorama.network import PanoramaDenoiser
    from anyview_ros.methods.look_beyond.video.known import Anchor


class PanoramaCache:
    """The panorama of the last source picture, kept while the picture stays the same."""

    def __init__(self) -> None:
        """Begin with none."""
        self._key = ""
        self._scene: PanoramaScene | None = None

    def scene(
        self,
        network: PanoramaDenoiser,
        source: SourceFrame,
        options: LookBeyondOptions,
        seed: int,
        between: Callable[[], None],
    ) -> PanoramaScene:
        """The panorama around a source camera, drawn if it is another picture than the last one.

        Args:
            network: of stage 1.
            source: the picture.
            options: steps and guidance.
            seed: of the noise.
            between: called after each step; what it raises ends the drawing.
        """
        key = _key(source, options, seed)
        if self._scene is None or key != self._key:
            from anyview_ros.methods.look_beyond.panorama.generation import generate_panorama

            self._scene = generate_panorama(
                network,
                source,
                steps=options.panorama_steps,
                guidance=options.panorama_guidance,
                seed=seed,
                between=lambda done, total: between(),
            )
            self._key = key
        return replace(self._scene, camera_to_world=source.camera_to_world)


def _key(source: SourceFrame, options: LookBeyondOptions, seed: int) -> str:
    """Of everything that the panorama depends on, in the source camera's axes."""
    digest = hashlib.sha256(source.image.tobytes())
    digest.update(b"" if source.depth is None else source.depth.tobytes())
    digest.update(repr((source.camera, options.panorama_steps, options.panorama_guidance, seed)).encode())
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Surroundings:
    """A source picture, ready to be seen from anywhere near.

    Attributes:
        source: the picture; its depth is what was measured.
        scene: the panorama; None leaves it out.
        depth: float32 (H, W), metres, of every source pixel: measured, else as the panorama has it; 0 = unknown.
        facets: of ``depth``.
    """

    source: SourceFrame
    scene: PanoramaScene | None
    depth: NDArray[np.float32]
    facets: DepthFacets

    @classmethod
    def of(cls, source: SourceFrame, scene: PanoramaScene | None) -> Surroundings:
        """Put together what is known.

        Raises:
            InvalidRequestError: neither a panorama nor any depth.
        """
        if scene is not None:
            drawn = keyframes(scene, source, source.camera, source.camera_to_world[None])[0].depth
            guess = np.zeros(source.image.shape[:2], np.float32) if drawn is None else drawn
        elif source.depth is None or not _known(source.depth).any():
            raise InvalidRequestError(
                "the source has no depth, or use_depth is False, and panorama is False, so nothing tells where its "
                "pixels go; give depth and leave use_depth=True, or leave panorama=True"
            )
        else:
            guess = np.zeros_like(source.depth)
        depth = guess if source.depth is None else np.where(_known(source.depth), source.depth, guess)
        depth = np.asarray(depth, np.float32)
        return cls(source, scene, depth, DepthFacets.from_depth(depth))

    def anchor(self, camera: PinholeCamera, pose: Pose) -> Anchor:
        """The keyframe at a pose."""
        from anyview_ros.methods.look_beyond.video.known import Anchor

        if self.scene is not None:
            key = keyframes(self.scene, replace(self.source, depth=self.depth), camera, pose[None])[0]
            return Anchor(key.image, key.mask > 0.5, key.depth, camera, pose)
        warped = self._warped(self.source.image, camera, pose)
        return Anchor(warped.image, warped.coverage, warped.depth, camera, pose)

    def shown(self, camera: PinholeCamera, pose: Pose) -> WarpedImage:
        """What the source picture alone shows of a camera's view, at that camera's own resolution."""
        return self._warped(self.source.image, camera, pose)

    def confidence(self, shown: WarpedImage, camera: PinholeCamera, pose: Pose) -> NDArray[np.float32]:
        """How far the pixels of :meth:`shown` are supported, float32 (h, w): 1 at the source's own resolution or better
        where depth was measured, half of it where it is a guess, and 0 where the source shows nothing."""
        trust = np.where(self._measured(shown, camera, pose), np.float32(1), ASSUMED_DEPTH_CONFIDENCE)
        return np.asarray(
            np.where(shown.coverage, trust / np.maximum(shown.stretch, np.float32(1)), 0), np.float32
        )

    def measured_depth(
        self, shown: WarpedImage, camera: PinholeCamera, pose: Pose
    ) -> NDArray[np.float32] | None:
        """Depth (h, w) where it was measured, 0 elsewhere; None if none was."""
        if self.source.depth is None:
            return None
        return np.asarray(np.where(self._measured(shown, camera, pose), shown.depth, 0), np.float32)

    def _measured(self, shown: WarpedImage, camera: PinholeCamera, pose: Pose) -> NDArray[np.bool_]:
        """Which pixels of :meth:`shown` were moved by measured depth."""
        if self.source.depth is None:
            return np.zeros_like(shown.coverage)
        known = _known(self.source.depth)
        if known.all():
            return shown.coverage
        white = np.repeat((known * np.uint8(255))[..., None], 3, axis=-1)
        return shown.coverage & (self._warped(white, camera, pose).image[..., 0] > 127)

    def _warped(self, image: NDArray[np.uint8], camera: PinholeCamera, pose: Pose) -> WarpedImage:
        source = self.source
        return forward_warp(image, self.facets, source.camera, source.camera_to_world, camera, pose)


def _known(depth: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.asarray((depth > 0) & np.isfinite(depth))
