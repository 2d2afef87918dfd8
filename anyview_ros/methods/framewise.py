"""What methods share that make each instant's view from that instant's source frames alone.

Such a method says how one picture is made (:meth:`FramewiseMethod.render`); targets, stamps, progress,
cancellation and streams are the same for all of them and live here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.methods.closing import closed_error
from anyview_ros.methods.pictures import Picture, Pose, SourceFrame, source_frame, views_of
from anyview_ros.methods.pushed_stream import PushedStream, check_opening
from anyview_ros.methods.steps import StepCount
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.instants import nearest_frame, request_instants
from anyview_ros.synthesis.protocol import CancelToken, Progress
from anyview_ros.synthesis.request import SynthesisRequest, check_request, resolve_options
from anyview_ros.synthesis.result import Provenance, SynthesisResult


class FramewiseMethod(ABC):
    """A Synthesizer without memory: a view depends on the source frames nearest to its instant alone."""

    load_arguments: frozenset[str] = frozenset()
    device: str = "cpu"
    """Torch device; methods that compute elsewhere say so."""

    def __init__(self) -> None:
        """Load nothing: such a method has no weights."""
        self._closed = False

    @abstractmethod
    def describe(self) -> MethodDescription:
        """Tell sizes, clip lengths, sources and limits."""

    @abstractmethod
    def prepare(self, frame: SourceFrame, options: Any) -> Any:
        """Do once per source frame what all targets need.

        Raises:
            InvalidRequestError: the frame lacks what the method needs.
        """

    @abstractmethod
    def render(
        self, prepared: Sequence[Any], camera: PinholeCamera, camera_to_world: Pose, options: Any
    ) -> Picture:
        """Make the picture of a target from the prepared frames of all sources."""

    def synthesize(
        self,
        request: SynthesisRequest,
        *,
        progress: Progress | None = None,
        cancel: CancelToken | None = None,
    ) -> SynthesisResult:
        """Synthesise every target; a step is one picture of one target.

        Raises:
            InvalidRequestError: the method cannot serve this request.
            SynthesisCancelled: ``cancel`` was set; checked before each picture.
            EngineClosedError: the method has been closed.
        """
        self._check_open()
        description = self.describe()
        check_request(request, description)
        options = resolve_options(request.options, description.options_type, description.name)
        instants = request_instants(request)
        steps = StepCount(description.name, sum(map(len, request.targets)), progress, cancel)
        pictures = [
            self._pictures(request.sources, target, stamps_ns, options, steps)
            for target, stamps_ns in zip(request.targets, instants, strict=True)
        ]
        views = views_of(pictures, request.targets, instants)
        return SynthesisResult(views, Provenance(description.name, seed=request.seed))

    def open_stream(
        self,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        *,
        steps: int | None = None,
        seed: int = 0,
        options: Any = None,
    ) -> FramewiseStream:
        """Open a stream from one source camera to virtual cameras with these intrinsics.

        Raises:
            InvalidRequestError: no target, steps, a seed out of range, or options that the method does not have.
            EngineClosedError: the method has been closed.
        """
        self._check_open()
        description = self.describe()
        check_opening(description, targets, steps, seed)
        resolved = resolve_options(options, description.options_type, description.name)
        return FramewiseStream(self, source, targets, resolved, Provenance(description.name, seed=seed))

    def close(self) -> None:
        """Refuse all further work. Closing twice is harmless."""
        self._closed = True

    def _pictures(
        self,
        sources: Sequence[PosedClip],
        target: CameraTrajectory,
        stamps_ns: NDArray[np.int64],
        options: Any,
        steps: StepCount,
    ) -> Iterator[Picture]:
        held: tuple[int, ...] | None = None
        prepared: list[Any] = []
        for pose, stamp_ns in zip(target.camera_to_world, stamps_ns, strict=True):
            steps.check()
            nearest = tuple(nearest_frame(source.stamps_ns, int(stamp_ns)) for source in sources)
            if nearest != held:
                prepared = [
                    self.prepare(source_frame(source, index), options)
                    for source, index in zip(sources, nearest, strict=True)
                ]
                held = nearest
            picture = self.render(prepared, target.camera, pose, options)
            steps.count()
            yield picture

    def _check_open(self) -> None:
        if self._closed:
            raise closed_error(self.describe().name)


class FramewiseStream(PushedStream):
    """A SynthesisStream of a framewise method: nothing is kept from one push to the next."""

    def __init__(
        self,
        method: FramewiseMethod,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        options: Any,
        provenance: Provenance,
    ) -> None:
        """Stream from ``source`` to ``targets``; made by :meth:`FramewiseMethod.open_stream`."""
        super().__init__(source, targets, provenance)
        self._method = method
        self._options = options

    def _answer(self, clip: PosedClip, poses: Sequence[Pose | None]) -> list[Picture | None]:
        if all(pose is None for pose in poses):
            return [None] * len(poses)
        prepared = [self._method.prepare(source_frame(clip, 0), self._options)]
        return [
            None if pose is None else self._method.render(prepared, camera, pose, self._options)
            for camera, pose in zip(self.targets, poses, strict=True)
        ]
