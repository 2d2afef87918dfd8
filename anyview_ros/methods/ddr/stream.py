"""Live streams: each frame is taken into the window, and shown from elsewhere by the latest state of the fit."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager

from anyview_ros.clips import PosedClip
from anyview_ros.errors import EngineClosedError
from anyview_ros.geometry import PinholeCamera
from anyview_ros.methods.ddr.export import point_cloud
from anyview_ros.methods.ddr.inspection import draw_middle_row
from anyview_ros.methods.ddr.online import OnlineFit
from anyview_ros.methods.ddr.options import DdrOptions
from anyview_ros.methods.ddr.renderer import SceneRenderer
from anyview_ros.methods.pictures import Picture, Pose
from anyview_ros.methods.pushed_stream import PushedStream
from anyview_ros.synthesis.by_products import ByProduct, ByProducts, RefinedPoses
from anyview_ros.synthesis.result import Provenance


class SceneStream(PushedStream):
    """Shows a scene that was fitted before, at the instant of each frame or the nearest one that it knows.

    What the live camera sees does not change the scene.

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
        super().__init__(source, targets, provenance)
        self._renderer: SceneRenderer | None = renderer

    def _answer(self, clip: PosedClip, poses: Sequence[Pose | None]) -> list[Picture | None]:
        renderer, stamp_ns = self._renderer, int(clip.stamps_ns[0])
        assert renderer is not None  # noqa: S101 - only an open stream answers
        return [
            None if pose is None else renderer.render(camera, pose, stamp_ns)
            for camera, pose in zip(self.targets, poses, strict=True)
        ]

    def by_products(self, wanted: Set[ByProduct]) -> ByProducts:
        """Points of the scene and weights along rays of the newest frame; see ByProductStream."""
        clip, renderer = self.newest, self._renderer
        assert renderer is not None  # noqa: S101 - only an open stream has a newest frame
        scene, stamp_ns = renderer.scene, int(clip.stamps_ns[0])
        place = float(scene.time.places(clip.stamps_ns)[0])
        return ByProducts(
            points=point_cloud(scene, stamp_ns) if ByProduct.POINTS in wanted else None,
            ray_weights=draw_middle_row(scene.field, scene.space, place, clip, clip.camera_to_world[0])
            if ByProduct.RAY_WEIGHTS in wanted
            else None,
        )

    def _free(self) -> None:
        self._renderer = None


class RefiningStream(PushedStream):
    """Fits while frames come in.

    With ``steps_per_frame`` the steps are done within each push. Otherwise a thread of its own does steps for
    ``refine_ms`` after each push, and less if the next frame comes before. What goes wrong there is raised by the next
    push, once; the frames after it are fitted again.

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
        super().__init__(source, targets, provenance)
        self._fit: OnlineFit | None = fit
        self._options = options
        self._lock = threading.Lock()  # of the fit
        self._turn = threading.Condition()  # of the two below
        self._refine_until = 0.0
        self._closing = False
        self._trouble: Exception | None = None
        self._thread: threading.Thread | None = None
        if options.steps_per_frame is None and options.refine_ms > 0:
            self._thread = threading.Thread(target=self._refine, name="ddr refinement", daemon=True)
            self._thread.start()

    @property
    def steps(self) -> int:
        """Optimisation steps done since the scene was begun; told without waiting for the one under way."""
        return self._held().steps

    def by_products(self, wanted: Set[ByProduct]) -> ByProducts:
        """All kinds, by the latest state of the fit; refined poses if it refines them. See ByProductStream."""
        with self._pushing():
            clip, fit = self.newest, self._opened()
            poses = ByProduct.REFINED_POSES in wanted and self._options.refine_poses
            return ByProducts(
                points=fit.points() if ByProduct.POINTS in wanted else None,
                ray_weights=fit.ray_weights(clip) if ByProduct.RAY_WEIGHTS in wanted else None,
                refined_poses=RefinedPoses(*fit.refined_camera_to_world()) if poses else None,
            )

    @contextmanager
    def _pushing(self) -> Iterator[None]:
        self._let_refine(0.0)  # the thread ends after its present step
        with self._lock:
            yield
        self._let_refine(self._options.refine_ms / 1000)

    def _answer(self, clip: PosedClip, poses: Sequence[Pose | None]) -> list[Picture | None]:
        fit = self._opened()
        fit.push(clip)
        if self._options.steps_per_frame is not None:
            fit.refine(steps=self._options.steps_per_frame)
        return [
            None if pose is None else fit.render(camera, pose)
            for camera, pose in zip(self.targets, poses, strict=True)
        ]

    def _free(self) -> None:
        with self._turn:
            self._closing = True
            self._turn.notify()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._fit = None

    def _held(self) -> OnlineFit:
        if self._fit is None:
            raise EngineClosedError("the stream has been closed; open another")
        return self._fit

    def _opened(self) -> OnlineFit:
        fit = self._held()
        trouble, self._trouble = self._trouble, None
        if trouble is not None:
            raise trouble
        return fit

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
                except Exception as error:  # noqa: BLE001 - whatever goes wrong, the next push raises it
                    self._trouble = error
                    self._let_refine(0.0)  # no more before that push
