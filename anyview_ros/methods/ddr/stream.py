"""Live streams: each frame is taken into the window, and shown from elsewhere by the latest state of the fit."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from anyview_ros.errors import AnyViewError, EngineClosedError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.ddr.online import OnlineFit
from anyview_ros.methods.ddr.options import DdrOptions
from anyview_ros.methods.ddr.renderer import SceneRenderer
from anyview_ros.methods.framewise import Picture
from anyview_ros.methods.pushed_frame import Pose, pushed_clip, pushed_poses
from anyview_ros.synthesis.result import Provenance, SynthesizedView


class SceneStream:
    """Shows a scene that was fitted before; what the live camera sees does not change it.

    Args:
        renderer: of the scene.
        source: the live camera.
        targets: the virtual cameras.
        provenance: of the views.
    """

    def __init__(
        self,
        renderer: SceneRenderer,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        provenance: Provenance,
    ) -> None:
        """Open."""
        self._renderer: SceneRenderer | None = renderer
        self._source, self._targets = source, tuple(targets)
        self._provenance = provenance
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
        """Render the scene at this instant, or at the nearest one that it knows; see SynthesisStream."""
        renderer = self._renderer
        if renderer is None:
            raise EngineClosedError("the stream has been closed; open another")
        poses = pushed_poses(target_camera_to_world, len(self._targets))
        clip = pushed_clip(
            self._source, frame, camera_to_world, stamp_ns, depth, after_ns=self._last_stamp_ns
        )
        self._last_stamp_ns = stamp_ns
        return tuple(
            None
            if pose is None
            else _view(renderer.render(camera, pose, stamp_ns), camera, pose, clip.stamps_ns)
            for camera, pose in zip(self._targets, poses, strict=True)
        )

    def close(self) -> None:
        """Let go of the scene. Closing twice is harmless."""
        self._renderer = None

    def __enter__(self) -> SceneStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()


class RefiningStream:
    """Fits while frames come in.

    With ``refine_steps`` the steps are done within each push. Otherwise a thread of its own does steps for
    ``refine_ms`` after each push, and less if the next frame comes before.

    Args:
        fit: the fit; this stream owns it from now on.
        source: the live camera.
        targets: the virtual cameras.
        options: of the method.
        provenance: of the views.
    """

    def __init__(
        self,
        fit: OnlineFit,
        source: PinholeCamera,
        targets: Sequence[PinholeCamera],
        options: DdrOptions,
        provenance: Provenance,
    ) -> None:
        """Open, and start the thread if there will be work for it."""
        self._fit: OnlineFit | None = fit
        self._source, self._targets, self._options = source, tuple(targets), options
        self._provenance = provenance
        self._last_stamp_ns: int | None = None
        self._lock = threading.Lock()  # of the fit
        self._turn = threading.Condition()  # of the two below
        self._refine_until = 0.0
        self._closing = False
        self._trouble: AnyViewError | None = None
        self._thread: threading.Thread | None = None
        if options.refine_steps is None and options.refine_ms > 0:
            self._thread = threading.Thread(target=self._refine, name="ddr refinement", daemon=True)
            self._thread.start()

    @property
    def provenance(self) -> Provenance:
        """What the views of this stream were made by."""
        return self._provenance

    @property
    def refined_camera_to_world(self) -> tuple[NDArray[np.int64], Pose]:
        """Stamps (M,) and poses (M, 4, 4) after refinement of the frames in the window, in order of time."""
        with self._lock:
            return self._opened().refined_camera_to_world()

    @property
    def steps(self) -> int:
        """Optimisation steps done since the scene was begun."""
        with self._lock:
            return self._opened().steps

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
                nothing else tells how far things are.
            InvalidClipError: a frame or depth of another size or type than the stream's.
            InvalidPoseError: a pose that is not a finite rigid transform.
            EngineClosedError: the stream has been closed.
        """
        self._let_refine(0.0)  # the thread ends after its present step
        with self._lock:
            fit = self._opened()
            poses = pushed_poses(target_camera_to_world, len(self._targets))
            clip = pushed_clip(
                self._source, frame, camera_to_world, stamp_ns, depth, after_ns=self._last_stamp_ns
            )
            fit.push(clip)
            self._last_stamp_ns = stamp_ns
            if self._options.refine_steps is not None:
                fit.refine(steps=self._options.refine_steps)
            views = tuple(
                None if pose is None else _view(fit.render(camera, pose), camera, pose, clip.stamps_ns)
                for camera, pose in zip(self._targets, poses, strict=True)
            )
        self._let_refine(self._options.refine_ms / 1000)
        return views

    def close(self) -> None:
        """End the thread and free the memory. Closing twice is harmless."""
        with self._turn:
            self._closing = True
            self._turn.notify()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._fit = None

    def __enter__(self) -> RefiningStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()

    def _opened(self) -> OnlineFit:
        if self._fit is None:
            raise EngineClosedError("the stream has been closed; open another")
        if self._trouble is not None:
            raise self._trouble
        return self._fit

    def _let_refine(self, seconds: float) -> None:
        with self._turn:
            self._refine_until = time.monotonic() + seconds
            self._turn.notify()

    def _may_refine(self) -> bool:
        """Wait until there is time to refine; False when the stream is being closed."""
        with self._turn:
            self._turn.wait_for(lambda: self._closing or time.monotonic() < self._refine_until)
            return not self._closing

    def _refine(self) -> None:
        while self._may_refine():
            with self._lock:
                if self._fit is None:
                    return
                try:
                    self._fit.refine(steps=1)
                except AnyViewError as error:
                    self._trouble = error  # the next push raises it
                    return


def _view(
    picture: Picture, camera: PinholeCamera, pose: Pose, stamps_ns: NDArray[np.int64]
) -> SynthesizedView:
    return SynthesizedView(
        picture.image[None],
        camera,
        pose[None],
        stamps_ns,
        picture.confidence[None],
        None if picture.depth is None else picture.depth[None],
    )
