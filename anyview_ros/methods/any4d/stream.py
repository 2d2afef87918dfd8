"""Live views of a scene: of one that grows with the frames, or of one that was fitted before."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import EngineClosedError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.any4d.model import MovingGaussians
from anyview_ros.methods.any4d.picture import picture_of
from anyview_ros.methods.framewise import view_of
from anyview_ros.methods.pushed_frame import pushed_clip, pushed_poses
from anyview_ros.synthesis.result import Provenance, SynthesizedView

Pose = NDArray[np.float64]


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


class SceneStream:
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
        self.kept: KeptScene | None = kept
        self._source, self._targets = source, tuple(targets)
        self._provenance, self._fill = provenance, fill
        self._last_stamp_ns: int | None = None

    @property
    def provenance(self) -> Provenance:
        """What the views of this stream were made by."""
        return self._provenance

    def push(
        self,
        frame: NDArray[np.uint8],
        camera_to_world: Pose,
        *,
        target_camera_to_world: Sequence[Pose | None],
        stamp_ns: int,
        depth: NDArray[np.float32] | None = None,
    ) -> tuple[SynthesizedView | None, ...]:
        """Give the next source frame and get the same instant from every target; see SynthesisStream.

        Raises:
            InvalidRequestError: another number of targets, a stamp that does not increase, or no depth where
                nothing guesses it.
            InvalidClipError: a frame or depth of another size or type than the stream's.
            InvalidPoseError: a pose that is not a finite rigid transform.
            EngineClosedError: the stream has been closed.
        """
        if self.kept is None:
            raise EngineClosedError("the stream has been closed; open another")
        poses = pushed_poses(target_camera_to_world, len(self._targets))
        clip = pushed_clip(
            self._source, frame, camera_to_world, stamp_ns, depth, after_ns=self._last_stamp_ns
        )
        self._last_stamp_ns = stamp_ns
        self.kept.push(clip)
        scene = self.kept.scene
        if scene is None:
            raise EngineClosedError("the scene has been closed; open another stream")
        return tuple(
            None
            if pose is None
            else view_of(
                [picture_of(scene, stamp_ns, camera, pose, fill=self._fill)],
                camera,
                pose[None],
                clip.stamps_ns,
            )
            for camera, pose in zip(self._targets, poses, strict=True)
        )

    def close(self) -> None:
        """Free the scene. Closing twice is harmless."""
        if self.kept is not None:
            self.kept.close()
            self.kept = None

    def __enter__(self) -> SceneStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()
