"""What every native stream does with a push, whatever the method makes of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import EngineClosedError, InvalidRequestError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.pictures import Picture, Pose, view_of
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.pushed_frames import check_order, check_target_poses
from anyview_ros.synthesis.request import check_seed, check_steps
from anyview_ros.synthesis.result import Provenance, SynthesizedView


def check_opening(
    description: MethodDescription, targets: Sequence[PinholeCamera], steps: int | None, seed: int
) -> None:
    """Check what a method is asked to open a stream with.

    Args:
        description: of the method.
        targets, steps, seed: as in ``Synthesizer.open_stream``.

    Raises:
        InvalidRequestError: no target, steps that the method lacks, or a seed out of range.
    """
    if not targets:
        raise InvalidRequestError("targets is empty; give the PinholeCamera of at least one virtual camera")
    check_steps(steps, description)
    check_seed(seed)


class PushedStream(ABC):
    """A SynthesisStream that checks each push and has a method answer it.

    Args:
        source: intrinsics of the source camera.
        targets: intrinsics of the virtual cameras.
        provenance: of all views.
    """

    def __init__(
        self, source: PinholeCamera, targets: Sequence[PinholeCamera], provenance: Provenance
    ) -> None:
        """Open."""
        self.source, self.targets = source, tuple(targets)
        self._provenance = provenance
        self._last_stamp_ns: int | None = None
        self._newest: PosedClip | None = None
        self._closed = False

    @abstractmethod
    def _answer(self, clip: PosedClip, poses: Sequence[Pose | None]) -> Sequence[Picture | None]:
        """Take in a frame, a clip of one, and give a picture for each target whose pose (4, 4) is not None."""

    def _pushing(self) -> AbstractContextManager[None]:
        """What a push is done within."""
        return nullcontext()

    def _free(self) -> None:  # noqa: B027 - most streams let go of nothing
        """Let go of what the stream holds; called once."""

    @property
    def newest(self) -> PosedClip:
        """The frame that was pushed last, a clip of one.

        Raises:
            InvalidRequestError: none was.
            EngineClosedError: the stream has been closed.
        """
        self._check_open()
        if self._newest is None:
            raise InvalidRequestError("no frame has been pushed yet; push one first")
        return self._newest

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
            InvalidRequestError: another number of targets, a stamp that does not increase, or a frame that lacks what
                the method needs, such as depth.
            InvalidClipError: a frame or depth of another size or type than the stream's.
            InvalidPoseError: a pose that is not a finite rigid transform.
            EngineClosedError: the stream has been closed.
        """
        with self._pushing():
            self._check_open()
            poses = check_target_poses(target_camera_to_world, len(self.targets))
            clip = _pushed_clip(
                self.source, frame, camera_to_world, stamp_ns, depth, after_ns=self._last_stamp_ns
            )
            self._last_stamp_ns = stamp_ns
            pictures = self._answer(clip, poses)
            self._newest = clip
            return tuple(
                None
                if pose is None or picture is None
                else view_of([picture], camera, pose[None], clip.stamps_ns)
                for camera, pose, picture in zip(self.targets, poses, pictures, strict=True)
            )

    def close(self) -> None:
        """End the stream and free what it holds. Closing twice is harmless."""
        if not self._closed:
            self._closed, self._newest = True, None
            self._free()

    def _check_open(self) -> None:
        if self._closed:
            raise EngineClosedError("the stream has been closed; open another")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()


def _pushed_clip(
    source: PinholeCamera,
    frame: NDArray[np.uint8],
    camera_to_world: Pose,
    stamp_ns: int,
    depth: NDArray[np.float32] | None,
    *,
    after_ns: int | None,
) -> PosedClip:
    """The pushed frame as a clip of one, which is a copy: the caller may write to its arrays again.

    Args:
        source: intrinsics of the stream's source camera.
        frame, camera_to_world, stamp_ns, depth: as in ``SynthesisStream.push``.
        after_ns: stamp of the push before; None for the first.

    Raises:
        InvalidRequestError: a stamp that does not increase.
        InvalidClipError: a frame or depth of another size or type than the stream's.
        InvalidPoseError: a pose that is not a finite rigid transform.
    """
    check_order(stamp_ns, after_ns)
    return PosedClip(
        np.array(frame)[None],
        source,
        np.array(camera_to_world)[None],
        np.array([stamp_ns], np.int64),
        None if depth is None else np.array(depth)[None],
    )
