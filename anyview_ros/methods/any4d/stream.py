"""Live views of a scene: of one that grows with the frames, or of one that was fitted before."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Protocol

from anyview_ros.clips import PosedClip
from anyview_ros.errors import EngineClosedError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.any4d.export import point_cloud
from anyview_ros.methods.any4d.model import MovingGaussians
from anyview_ros.methods.any4d.picture import picture_of
from anyview_ros.methods.pictures import Picture, Pose
from anyview_ros.methods.pushed_stream import PushedStream
from anyview_ros.synthesis.by_products import ByProduct, ByProducts
from anyview_ros.synthesis.result import Provenance


class KeptScene(Protocol):
    """A scene that takes frames in, or not."""

    @property
    def scene(self) -> MovingGaussians | None:
        """The latest state; None if there is none yet."""
        ...

    def push(self, clip: PosedClip, /) -> None:
        """Take in a frame, a clip of one."""
        ...

    def close(self) -> None:
        """Free what is held."""
        ...


class ShownScene:
    """A fitted scene, which frames do not change."""

    def __init__(self, scene: MovingGaussians) -> None:
        """Show this one."""
        self.scene: MovingGaussians | None = scene

    def push(self, clip: PosedClip, /) -> None:
        """Leave the scene as it is: the frame tells the instant alone."""

    def close(self) -> None:
        """Let go of the scene."""
        self.scene = None


class SceneStream(PushedStream):
    """A SynthesisStream that renders a kept scene.

    Args:
        kept: belongs to the stream.
        source: intrinsics of the source camera.
        targets: intrinsics of the virtual cameras.
        provenance: of all views.
        fill: whether holes are filled.
    """

    def __init__(
        self,
        kept: KeptScene,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        provenance: Provenance,
        *,
        fill: bool,
    ) -> None:
        """Made by ``Any4D.open_stream``."""
        super().__init__(source, targets, provenance)
        self.kept = kept
        self._fill = fill

    def _answer(self, clip: PosedClip, poses: Sequence[Pose | None]) -> list[Picture | None]:
        self.kept.push(clip)
        scene = self.kept.scene
        if scene is None:
            raise EngineClosedError("the scene has been closed; open another stream")
        return [
            None if pose is None else picture_of(scene, int(clip.stamps_ns[0]), camera, pose, fill=self._fill)
            for camera, pose in zip(self.targets, poses, strict=True)
        ]

    def by_products(self, wanted: Set[ByProduct]) -> ByProducts:
        """Points of the scene at the instant of the newest frame; see ByProductStream."""
        stamp_ns, scene = int(self.newest.stamps_ns[0]), self.kept.scene
        if scene is None or ByProduct.POINTS not in wanted:
            return ByProducts()
        return ByProducts(points=point_cloud(scene, stamp_ns))

    def _free(self) -> None:
        self.kept.close()
