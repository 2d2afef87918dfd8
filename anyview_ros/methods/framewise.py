"""What methods share that make each instant's view from that instant's source frames alone.

Such a method says how one picture is made (:meth:`FramewiseMethod.render`); targets, stamps, progress,
cancellation and streams are the same for all of them and live here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anyview_ros.clips import PosedClip
from anyview_ros.errors import EngineClosedError, InvalidRequestError, SynthesisCancelled
from anyview_ros.geometry import CameraTrajectory, PinholeCamera
from anyview_ros.methods.pushed_frame import pushed_clip, pushed_poses
from anyview_ros.synthesis.description import MethodDescription
from anyview_ros.synthesis.protocol import CancelToken, Progress
from anyview_ros.synthesis.request import SynthesisRequest, check_request, resolve_options
from anyview_ros.synthesis.result import Provenance, SynthesisResult, SynthesizedView

Pose = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SourceFrame:
    """One picture of a source camera.

    Attributes:
        image: uint8 (H, W, 3), RGB.
        camera: intrinsics.
        camera_to_world: float64 (4, 4), metres, OpenCV axes.
        depth: float32 (H, W), metres, 0 = unknown; or None.
    """

    image: NDArray[np.uint8]
    camera: PinholeCamera
    camera_to_world: Pose
    depth: NDArray[np.float32] | None


@dataclass(frozen=True, eq=False)
class Picture:
    """A target's picture: image uint8 (h, w, 3), confidence float32 (h, w), depth float32 (h, w) or None."""

    image: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    depth: NDArray[np.float32] | None


class FramewiseMethod(ABC):
    """A Synthesizer without memory: a view depends on the source frames nearest to its instant alone."""

    load_arguments: frozenset[str] = frozenset()

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
        instants = [
            target_instants(target, request.sources[0], index) for index, target in enumerate(request.targets)
        ]
        total = sum(len(target) for target in request.targets)
        step = 0
        views = []
        for target, stamps_ns in zip(request.targets, instants, strict=True):
            pictures = []
            for picture in self._pictures(request.sources, target, stamps_ns, options, cancel):
                pictures.append(picture)
                step += 1
                if progress is not None:
                    progress(step, total)
            views.append(view_of(pictures, target.camera, target.camera_to_world, stamps_ns))
        return SynthesisResult(tuple(views), Provenance(description.name, seed=request.seed))

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
            InvalidRequestError: no target, steps, or options that the method does not have.
            EngineClosedError: the method has been closed.
        """
        self._check_open()
        description = self.describe()
        if not targets:
            raise InvalidRequestError(
                "targets is empty; give the PinholeCamera of at least one virtual camera"
            )
        if steps not in {None, 1}:
            raise InvalidRequestError(
                f"steps is {steps} but method '{description.name}' does not sample in steps; leave steps=None"
            )
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
        cancel: CancelToken | None,
    ) -> Iterator[Picture]:
        held: tuple[int, ...] | None = None
        prepared: list[Any] = []
        for pose, stamp_ns in zip(target.camera_to_world, stamps_ns, strict=True):
            if cancel is not None and cancel.is_set():
                raise SynthesisCancelled(
                    f"method '{self.describe().name}' was cancelled between two pictures"
                )
            nearest = tuple(nearest_frame(source.stamps_ns, int(stamp_ns)) for source in sources)
            if nearest != held:
                prepared = [
                    self.prepare(source_frame(source, index), options)
                    for source, index in zip(sources, nearest, strict=True)
                ]
                held = nearest
            yield self.render(prepared, target.camera, pose, options)

    def _check_open(self) -> None:
        if self._closed:
            raise EngineClosedError(f"method '{self.describe().name}' has been closed; load it again")


class FramewiseStream:
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
        self._method = method
        self._source = source
        self._targets = tuple(targets)
        self._options = options
        self._provenance = provenance
        self._last_stamp_ns: int | None = None
        self._closed = False

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
            InvalidRequestError: another number of targets, or a stamp that does not increase.
            InvalidClipError: a frame or depth of another size or type than the stream's.
            InvalidPoseError: a pose that is not a finite rigid transform.
            EngineClosedError: the stream has been closed.
        """
        if self._closed:
            raise EngineClosedError("the stream has been closed; open another")
        poses = pushed_poses(target_camera_to_world, len(self._targets))
        clip = pushed_clip(
            self._source, frame, camera_to_world, stamp_ns, depth, after_ns=self._last_stamp_ns
        )
        self._last_stamp_ns = stamp_ns
        if all(pose is None for pose in poses):
            return tuple(None for _ in poses)
        prepared = [self._method.prepare(source_frame(clip, 0), self._options)]
        return tuple(
            None if pose is None else self._render(prepared, camera, pose[None], clip.stamps_ns)
            for camera, pose in zip(self._targets, poses, strict=True)
        )

    def close(self) -> None:
        """End the stream. Closing twice is harmless."""
        self._closed = True

    def __enter__(self) -> FramewiseStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()

    def _render(
        self, prepared: Sequence[Any], camera: PinholeCamera, poses: Pose, stamps_ns: NDArray[np.int64]
    ) -> SynthesizedView:
        picture = self._method.render(prepared, camera, poses[0], self._options)
        return view_of([picture], camera, poses, stamps_ns)


def target_instants(target: CameraTrajectory, source: PosedClip, index: int) -> NDArray[np.int64]:
    """The instants (N,) that a target's poses show: its own stamps, or else those of the first source's
    frames.

    Raises:
        InvalidRequestError: a target without stamps that has not one pose per source frame.
    """
    if target.stamps_ns is not None:
        return target.stamps_ns
    if len(target) != len(source):
        raise InvalidRequestError(
            f"targets[{index}] has {len(target)} poses and no stamps_ns, but the source has {len(source)} "
            "frames; give one pose per frame, or CameraTrajectory(stamps_ns=...)"
        )
    return source.stamps_ns


def nearest_frame(stamps_ns: NDArray[np.int64], stamp_ns: int) -> int:
    """Index of the stamp nearest to ``stamp_ns``; of two equally near, the earlier."""
    after = int(np.searchsorted(stamps_ns, stamp_ns))
    if after == 0:
        return 0
    if after == len(stamps_ns):
        return after - 1
    return after - 1 if stamp_ns - int(stamps_ns[after - 1]) <= int(stamps_ns[after]) - stamp_ns else after


def source_frame(clip: PosedClip, index: int) -> SourceFrame:
    """Frame ``index`` of a clip."""
    depth = None if clip.depth is None else clip.depth[index]
    return SourceFrame(clip.frames[index], clip.camera, clip.camera_to_world[index], depth)


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
