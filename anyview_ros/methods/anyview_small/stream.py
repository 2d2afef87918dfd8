"""Live views by the small network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.pictures import Picture, Pose, source_frame
from anyview_ros.methods.pushed_stream import PushedStream
from anyview_ros.synthesis.result import Provenance

if TYPE_CHECKING:
    from anyview_ros.methods.anyview_small.session import Session


class SmallStream(PushedStream):
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
        super().__init__(source, targets, provenance)
        self._session: Session | None = session
        self._memories = [session.target_memory() for _ in self.targets]

    @property
    def state_values(self) -> int:
        """How many numbers the stream keeps of past frames; it stops growing once its memory is full."""
        return 0 if self._session is None else self._session.state_values(self._memories)

    def _answer(self, clip: PosedClip, poses: Sequence[Pose | None]) -> list[Picture | None]:
        session = self._session
        assert session is not None  # noqa: S101 - only an open stream answers
        session.push(source_frame(clip, 0))
        return [
            None if pose is None else session.view(memory, camera, pose)
            for memory, camera, pose in zip(self._memories, self.targets, poses, strict=True)
        ]

    def _free(self) -> None:
        self._session = None
        self._memories = []
