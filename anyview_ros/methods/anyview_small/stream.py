"""Live views by the small network."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import EngineClosedError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.framewise import Picture, source_frame
from anyview_ros.methods.pushed_frame import pushed_clip, pushed_poses
from anyview_ros.synthesis.result import Provenance, SynthesizedView

if TYPE_CHECKING:
    from anyview_ros.methods.anyview_small.session import Session

Pose = NDArray[np.float64]


class SmallStream:
    """A SynthesisStream that keeps keys and values of the last frames, and nothing else.

    Args:
        session: with an empty memory; belongs to the stream.
        source: intrinsics of the source camera.
        targets: intrinsics of the virtual cameras.
        provenance: of all views.
    """

    def __init__(
        self,
        session: Session,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        provenance: Provenance,
    ) -> None:
        """Made by ``AnyViewSmall.open_stream``."""
        self._session: Session | None = session
        self._source, self._targets = source, tuple(targets)
        self._memories = [session.target_memory() for _ in self._targets]
        self._provenance = provenance
        self._last_stamp_ns: int | None = None

    @property
    def provenance(self) -> Provenance:
        """What the views of this stream were made by."""
        return self._provenance

    @property
    def state_values(self) -> int:
        """How many numbers the stream keeps of past frames; it stops growing once its memory is full."""
        return 0 if self._session is None else self._session.state_values(self._memories)

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
            InvalidRequestError: another number of targets, or a stamp that does not increase.
            InvalidClipError: a frame or depth of another size or type than the stream's.
            InvalidPoseError: a pose that is not a finite rigid transform.
            EngineClosedError: the stream has been closed.
        """
        session = self._session
        if session is None:
            raise EngineClosedError("the stream has been closed; open another")
        poses = pushed_poses(target_camera_to_world, len(self._targets))
        clip = pushed_clip(
            self._source, frame, camera_to_world, stamp_ns, depth, after_ns=self._last_stamp_ns
        )
        self._last_stamp_ns = stamp_ns
        session.push(source_frame(clip, 0))
        return tuple(
            None
            if pose is None
            else view_of([session.view(memory, camera, pose)], camera, pose[None], clip.stamps_ns)
            for memory, camera, pose in zip(self._memories, self._targets, poses, strict=True)
        )

    def close(self) -> None:
        """Free the memory. Closing twice is harmless."""
        self._session = None
        self._memories = []

    def __enter__(self) -> SmallStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()


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
