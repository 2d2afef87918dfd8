"""Keyframes: what cameras on a path see of the panorama, turned on the spot or walked into it (arXiv 2509.00843)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anyview_ros.errors import InvalidInputError
from anyview_ros.geometry import PinholeCamera, check_rigid, ray_directions, relative
from anyview_ros.geometry.facets import DepthFacets
from anyview_ros.geometry.panorama import perspective_from_panorama
from anyview_ros.geometry.warp import WarpedImage, forward_warp
from anyview_ros.methods.look_beyond.panorama.scene import PanoramaScene
from anyview_ros.methods.pictures import SourceFrame

Array = NDArray[np.float64]
Float32 = NDArray[np.float32]
UInt8 = NDArray[np.uint8]

DEPTH_FACTOR = 0.8
"""A walk goes at most so far, as a part of the greatest distance that the panorama knows (the paper's depth factor)."""
STANDING_STILL = 0.005
"""A camera nearer to the panorama's centre than this part of its middle distance only turns: nothing shifts by more
than a third of a degree."""
_SAME_SURFACE = np.float32(
    1.1
)  # the source's own picture goes before the panorama's up to this factor of depth
_FACE_SHARE = (
    0.75  # rows of a cube's face per row of the panorama: about as many pixels per degree in its middle
)


@dataclass(frozen=True, eq=False)
class Keyframe:
    """A picture (h, w) of the scene from a pose, as far as source and panorama tell it.

    Attributes:
        image: uint8 (h, w, 3), RGB; black where nothing is known.
        mask: float32 (h, w), 1 where source or panorama show something, 0 where the walk uncovered what neither does.
        seen: float32 (h, w), 1 where the source picture shows it, else 0.
        depth: float32 (h, w), metres along the optical axis, 0 = unknown; None if the panorama knows no distance.
        camera: intrinsics.
        camera_to_world: float64 (4, 4), metres.
    """

    image: UInt8
    mask: Float32
    seen: Float32
    depth: Float32 | None
    camera: PinholeCamera
    camera_to_world: Array


def walk_limit_m(scene: PanoramaScene) -> float:
    """How far from the panorama's centre keyframes may be, metres; 0 if it knows no distance."""
    return DEPTH_FACTOR * float(scene.depth_m.max())


def check_walk(scene: PanoramaScene, pose: Array, *, name: str = "pose") -> None:
    """See that a camera (4, 4) is where keyframes of a panorama can be; then all places on the straight way there are.

    Raises:
        InvalidInputError: it is farther from the panorama's centre than :func:`walk_limit_m`.
    """
    walked_m, limit_m = _walked_m(scene, pose), walk_limit_m(scene)
    if walked_m > max(limit_m, _still_m(scene)):
        raise InvalidInputError(
            f"{name} lies {walked_m:.2f} m from the panorama's centre, which shows things up to "
            f"{float(scene.depth_m.max()):.2f} m away; walk at most {limit_m:.2f} m, or make a panorama there"
        )


def keyframes(
    scene: PanoramaScene, source_frame: SourceFrame, camera: PinholeCamera, poses: ArrayLike
) -> list[Keyframe]:
    """What cameras see of a panorama and of the source picture that it was made from.

    A camera in the panorama's centre is a projection; elsewhere everything known is moved by its distance, nearest
    first, and the mask tells what comes into view that was behind something.

    Args:
        scene: the panorama.
        source_frame: the picture that it was made from, which is sharper; without depth it is given the panorama's.
        camera: intrinsics of the keyframes.
        poses: (K, 4, 4), camera to world, metres.

    Returns:
        K keyframes.

    Raises:
        InvalidInputError: a pose farther from the panorama's centre than :func:`walk_limit_m`.
        InvalidPoseError: poses that are not rigid.
    """
    targets = check_rigid(poses, name="poses").reshape(-1, 4, 4)
    for index, pose in enumerate(targets):
        check_walk(scene, pose, name=f"poses[{index}]")
    known = _Known(scene, source_frame)
    return [known.keyframe(camera, pose) for pose in targets]


def _walked_m(scene: PanoramaScene, pose: Array) -> float:
    return float(np.linalg.norm(pose[:3, 3] - scene.camera_to_world[:3, 3]))


def _still_m(scene: PanoramaScene) -> float:
    """How far from the panorama's centre a camera may be and still only turn."""
    known = scene.depth_m[scene.depth_m > 0]
    return STANDING_STILL * (float(np.median(known)) if known.size else 1.0)


class _Known:
    """A panorama as the faces of a cube and a source picture, ready to be seen from anywhere."""

    def __init__(self, scene: PanoramaScene, source: SourceFrame) -> None:
        self._scene, self._source = scene, source
        self._has_depth = bool(scene.depth_m.any())
        self._still_m = _still_m(scene)
        self._faces: list[tuple[UInt8, DepthFacets, PinholeCamera, Array]] = []

    def stands_still(self, pose: Array) -> bool:
        return _walked_m(self._scene, pose) <= self._still_m

    def keyframe(self, camera: PinholeCamera, pose: Array) -> Keyframe:
        drawn = self._turned(camera, pose) if self.stands_still(pose) else self._walked(camera, pose)
        own = self._of_source(camera, pose)
        before = own.coverage & (
            ~drawn.coverage | (drawn.depth <= 0) | (own.depth <= _SAME_SURFACE * drawn.depth)
        )
        image = np.where(before[..., None], own.image, drawn.image)
        depth = np.where(before, own.depth, drawn.depth)
        return Keyframe(
            image,
            (drawn.coverage | before).astype(np.float32),
            before.astype(np.float32),
            depth.astype(np.float32) if self._has_depth else None,
            camera,
            pose,
        )

    def _turned(self, camera: PinholeCamera, pose: Array) -> WarpedImage:
        """The panorama from its centre."""
        rotation = relative(self._scene.camera_to_world, pose)[:3, :3]
        colour = _grey_levels(perspective_from_panorama(self._scene.colour, camera, rotation))
        depth = _depth_along_axis(self._scene, camera, rotation)
        everywhere = np.ones(depth.shape, np.bool_)
        return WarpedImage(colour, depth, everywhere, everywhere.astype(np.float32))

    def _walked(self, camera: PinholeCamera, pose: Array) -> WarpedImage:
        """The panorama from elsewhere: a cube's faces moved by their depth."""
        layers = [
            forward_warp(image, facets, face, face_to_world, camera, pose)
            for image, facets, face, face_to_world in self._cube()
        ]
        return _nearest(layers)

    def _of_source(self, camera: PinholeCamera, pose: Array) -> WarpedImage:
        """The source picture; where it is only turned, distance does not matter."""
        source = self._source
        if self.stands_still(pose):
            pose = pose.copy()
            pose[:3, 3] = source.camera_to_world[:3, 3]
            depth = np.ones(source.image.shape[:2], np.float32)
            turned = forward_warp(source.image, depth, source.camera, source.camera_to_world, camera, pose)
            rotation = relative(self._scene.camera_to_world, pose)[:3, :3]
            own = np.where(turned.coverage, _depth_along_axis(self._scene, camera, rotation), np.float32(0))
            return WarpedImage(turned.image, own, turned.coverage, turned.stretch)
        depth = self._source_depth()
        return forward_warp(source.image, depth, source.camera, source.camera_to_world, camera, pose)

    def _source_depth(self) -> Float32:
        rotation = relative(self._scene.camera_to_world, self._source.camera_to_world)[:3, :3]
        drawn = _depth_along_axis(self._scene, self._source.camera, rotation)
        if self._source.depth is None:
            return drawn
        known = (self._source.depth > 0) & np.isfinite(self._source.depth)
        return np.where(known, self._source.depth, drawn).astype(np.float32)

    def _cube(self) -> list[tuple[UInt8, DepthFacets, PinholeCamera, Array]]:
        if not self._faces:
            side = max(int(_FACE_SHARE * self._scene.height), 2)
            face = PinholeCamera.from_fov(side, side, horizontal_fov_deg=90)
            for rotation in _cube_rotations():
                image = _grey_levels(perspective_from_panorama(self._scene.colour, face, rotation))
                depth = _depth_along_axis(self._scene, face, rotation)
                pose = self._scene.camera_to_world.copy()
                pose[:3, :3] = pose[:3, :3] @ rotation
                self._faces.append((image, DepthFacets.from_depth(depth), face, pose))
        return self._faces


def _cube_rotations() -> list[Array]:
    """From the axes of each face's camera to the panorama's: ahead, right, behind, left, up, down."""
    quarter = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])  # z of the camera is x of the panorama: right
    around = [np.linalg.matrix_power(quarter, turns) for turns in range(4)]
    up = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    return [*around, up, up.T]


def _depth_along_axis(scene: PanoramaScene, camera: PinholeCamera, rotation: Array) -> Float32:
    """The panorama's distances as depth (h, w) of a camera in its centre; 0 = unknown.

    Inverse distances are averaged, which are linear on planes; unknown ones do not count.
    """
    known = (scene.depth_m > 0).astype(np.float32)
    inverse = np.divide(np.float32(1), scene.depth_m, out=np.zeros_like(known), where=known > 0)
    sampled = perspective_from_panorama(np.stack([inverse, known], axis=-1), camera, rotation)
    sure = sampled[..., 1] > 0.5
    distance = np.divide(sampled[..., 1], sampled[..., 0], out=np.zeros_like(sampled[..., 0]), where=sure)
    along = 1 / np.linalg.norm(ray_directions(camera), axis=-1)
    depth: Float32 = (distance * along).astype(np.float32)
    return depth


def _nearest(layers: Sequence[WarpedImage]) -> WarpedImage:
    """Several warps of one target put together, nearest surface first."""
    depths = np.stack([np.where(layer.coverage, layer.depth, np.float32(np.inf)) for layer in layers])
    best = np.argmin(depths, axis=0)
    covered = np.isfinite(depths.min(axis=0))
    image = np.take_along_axis(np.stack([x.image for x in layers]), best[None, ..., None], axis=0)[0]
    stretch = np.take_along_axis(np.stack([x.stretch for x in layers]), best[None], axis=0)[0]
    depth = np.where(covered, depths.min(axis=0), np.float32(0))
    return WarpedImage(np.where(covered[..., None], image, np.uint8(0)), depth, covered, stretch)


def _grey_levels(colour: Float32) -> UInt8:
    return np.rint(np.clip(colour, 0, 1) * 255).astype(np.uint8)
